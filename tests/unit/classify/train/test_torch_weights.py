"""Weights of PyTorch are read without it, and nothing that a file names is called."""

import io
import os
import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch_weights import read_weights

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


class FloatStorage:
    """What PyTorch's files call numbers of 32 bits."""

    __module__ = "torch"


def _rebuild_tensor_v2() -> None:
    """What PyTorch's files call to make a tensor."""


_rebuild_tensor_v2.__module__ = "torch._utils"


@dataclass
class Storage:
    key: str
    numbers: NDArray[np.float32]


@dataclass
class View:
    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        where = (self.offset, self.shape, self.strides)
        view: tuple[Any, ...] = (self.storage, *where, False, OrderedDict())
        return _rebuild_tensor_v2, view


class Writer(pickle.Pickler):
    """Writes storages as PyTorch does: their names here, their numbers later."""

    def persistent_id(self, obj: object) -> object:
        if isinstance(obj, Storage):
            return ("storage", FloatStorage, obj.key, "cpu", len(obj.numbers), None)
        return None


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much of PyTorch as it takes to write its names."""
    for name, value in (("torch", FloatStorage), ("torch._utils", _rebuild_tensor_v2)):
        module = ModuleType(name)
        setattr(module, value.__name__, value)
        monkeypatch.setitem(sys.modules, name, module)


def dump(file: IO[bytes], value: object) -> None:
    Writer(file, protocol=2).dump(value)


def write(tensors: Mapping[str, object], *storages: Storage, more: bytes = b"") -> bytes:
    file = io.BytesIO()
    for value in (MAGIC, VERSION, {"little_endian": True}, tensors):
        dump(file, value)
    dump(file, [storage.key for storage in storages])
    for storage in storages:
        file.write(struct.pack("<q", len(storage.numbers)) + storage.numbers.tobytes())
    return file.getvalue() + more


def read(folder: Path, data: bytes) -> Mapping[str, NDArray[Any]]:
    (folder / "weights.pth").write_bytes(data)
    return read_weights(folder / "weights.pth")


NUMBERS = Storage("0", np.arange(12, dtype=np.float32))


def test_tensors_are_views_of_their_storages(tmp_path: Path) -> None:
    views = {
        "rows": View(NUMBERS, 0, (3, 4), (4, 1)),
        "columns": View(NUMBERS, 0, (4, 3), (1, 4)),
        "part": View(NUMBERS, 5, (2,), (6,)),
        "number": View(NUMBERS, 11, (), ()),
    }
    found = read(tmp_path, write(OrderedDict(views), NUMBERS))
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(found["rows"], rows)
    np.testing.assert_array_equal(found["columns"], rows.T)
    np.testing.assert_array_equal(found["part"], [5, 11])
    np.testing.assert_array_equal(found["number"], np.float32(11))


@pytest.mark.parametrize(
    "view",
    [
        View(NUMBERS, 0, (13,), (1,)),
        View(NUMBERS, 6, (3, 4), (4, 1)),
        View(NUMBERS, 11, (2,), (-1,)),
        View(NUMBERS, -1, (2,), (1,)),
        View(NUMBERS, 12, (), ()),
    ],
)
def test_a_tensor_outside_its_storage_is_refused(tmp_path: Path, view: View) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read(tmp_path, write({"a": view}, NUMBERS))


class Command:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


@pytest.mark.parametrize("value", [Command(), os.system, Path("a")])
def test_what_is_no_tensor_is_refused_by_its_name(tmp_path: Path, value: object) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"expected tensors in the weights, got \w"):
        read(tmp_path, write({"a": value}))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"before 1\.6"):
        read(tmp_path, pickle.dumps(1) + pickle.dumps(2))


def test_a_file_that_goes_on_is_refused(tmp_path: Path) -> None:
    data = write({"a": View(NUMBERS, 0, (12,), (1,))}, NUMBERS, more=b"x")
    with pytest.raises(ValueError, match="end after its last storage"):
        read(tmp_path, data)


def test_a_storage_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    data = write({"a": View(NUMBERS, 0, (12,), (1,))}, NUMBERS)
    with pytest.raises(ValueError, match="buffer is smaller"):
        read(tmp_path, data[:-4])
