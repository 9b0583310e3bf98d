"""Weights in PyTorch's format of before 1.6 -> arrays, without PyTorch.

Such a file is four pickles (a magic number, a version, facts about the machine, the tensors), then
one with the keys of the storages, then of each storage the count of its numbers and the numbers. A
pickle may name any function to call; here it may name only what tensors are made of.
"""  # noqa: INP001 - a script's part, not a package

import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32] | NDArray[np.int64]

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_COUNT = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class _Storage:
    """Numbers that tensors are views of."""

    dtype: np.dtype[np.float32] | np.dtype[np.int64]
    size: int


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: where in a storage its numbers are; offset and strides count numbers."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Reads a pickle that names nothing but an ordered dictionary, tensors and storages."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _view
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"expected tensors in the weights, got {module}.{name}")

    def persistent_load(self, pid: object) -> object:
        match pid:
            case ("storage", np.dtype() as dtype, str(key), str(), int(size), None):
                self.storages[key] = _Storage(dtype, size)
                return key
        raise pickle.UnpicklingError(f"expected a storage in the weights, got {pid!r}")


def _view(
    storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _View:
    return _View(storage, offset, shape, strides)


def read_weights(path: Path) -> Mapping[str, Array]:
    """Return the tensors of the file by name.

    Raises:
        ValueError: the file is of another format, or a tensor lies outside its storage.
        pickle.UnpicklingError: it names anything else than tensors.
    """
    with path.open("rb") as file:
        start = (_Unpickler(file).load(), _Unpickler(file).load())
        if start != (_MAGIC, _VERSION):
            raise ValueError(f"expected weights as PyTorch wrote them before 1.6, got {path}")
        _Unpickler(file).load()  # facts about the machine
        tensors = _Unpickler(file)
        views = tensors.load()
        keys = _Unpickler(file).load()
        storages = {key: _read_storage(file, tensors.storages[key]) for key in keys}
        if file.read(1):
            raise ValueError(f"expected {path} to end after its last storage, got more")
    return {name: _take(storages[view.storage], view, name) for name, view in views.items()}


def _read_storage(file: IO[bytes], storage: _Storage) -> Array:
    (count,) = _COUNT.unpack(file.read(_COUNT.size))
    if count != storage.size:
        raise ValueError(f"expected a storage of {storage.size} numbers, got {count}")
    data = file.read(count * storage.dtype.itemsize)
    if storage.dtype == np.float32:
        return np.frombuffer(data, np.float32, count)
    return np.frombuffer(data, np.int64, count)


def _take(storage: Array, view: _View, name: str) -> Array:
    """Return a copy of what a tensor shows of its storage."""
    steps = zip(view.shape, view.strides, strict=True)
    last = view.offset + sum((length - 1) * stride for length, stride in steps)
    if min((view.offset, *view.strides)) < 0 or min(view.shape, default=1) < 1:
        raise ValueError(f"expected {name} to be a tensor in its storage, got {view}")
    if last >= len(storage):
        raise ValueError(f"expected {name} within {len(storage)} numbers, got {view}")
    strides = [stride * storage.itemsize for stride in view.strides]
    shown = np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides)
    return np.ascontiguousarray(shown).reshape(view.shape)
