"""NumPy's .npy, of every version, and what pretends to be one."""

import io

import numpy as np
import pytest
from unit.pca.tables.bodies import NPY, save

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.binary.npy import encode_npy
from meshlens.pca.tables.columns import MOST_VARIABLES
from meshlens.pca.tables.table import decode_table


def npy(shape: str, size: int) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(size)


BAD_NPY: dict[str, tuple[bytes, str]] = {
    "objects": (save(np.array([[1, "a"]], dtype=object), allow_pickle=True), "must hold numbers"),
    "text": (save(np.array([["a", "b"]])), "must hold numbers"),
    "complex": (save(np.array([[1j]])), "must hold numbers"),
    "dates": (save(np.array([["2026-11-21"]], dtype="datetime64[D]")), "must hold numbers"),
    "one axis": (save(np.zeros(3)), r"shape \(3,\)"),
    "no axis": (save(np.float64(3)), r"shape \(\)"),
    "three axes": (save(np.zeros((2, 2, 2))), "matrix"),
    "no rows": (save(np.zeros((0, 2))), r"shape \(0, 2\)"),
    "cut short": (save(np.zeros((3, 2)))[:-1], "takes 48 bytes, got 47"),
    "too long": (save(np.zeros((3, 2))) + b"\0", "takes 48 bytes, got 49"),
    "false shape": (
        save(np.zeros((3, 2))).replace(b"(3, 2), }", b"(3**9,2)}"),
        "descr, fortran_order and shape",
    ),
    "huge shape": (
        save(np.zeros((3, 2))).replace(b"(3, 2), }          ", b"(3000000000, 2), } "),
        "takes 48000000000 bytes, got 48",
    ),
    "a negative shape": (npy("(-3, -2)", 48), r"matrix.*\(-3, -2\)"),
    "a truth value as shape": (npy("(True, 6)", 48), r"matrix.*\(True, 6\)"),
    "a shape beyond what Python prints": (npy(f"({10**4000}, {10**4000})", 8), r"matrix.*\(1000"),
    "a thousand axes": (npy(f"({'1, ' * 1000})", 8), r"matrix.*\(1, 1"),
    "a shape in brackets": (npy("[3, 2]", 48), "descr, fortran_order and shape"),
    "a header of nested brackets": (npy("(" * 5000, 48), "descr, fortran_order and shape"),
    "no dtype": (save(np.zeros((3, 2))).replace(b"'<f8'", b"'<x8'"), "descr"),
    "header beyond the body": (b"\x93NUMPY\x01\x00\xff\xff{}", "whole and short"),
    "only the magic": (b"\x93NUMPY", "version 1 to 3"),
    "a later version": (b"\x93NUMPY\x09\x00\x01\x00{", "version 1 to 3"),
    "something else": (b"1,2", "magic"),
    "too many columns": (save(np.zeros((1, MOST_VARIABLES + 1), dtype=np.int8)), "100001"),
    "infinity": (save(np.array([[1, 2], [3, np.inf]])), "inf at row 2, column 2"),
    "missing": (save(np.array([[1, 2], [3, np.nan]])), "1 missing .* row 2, column 2"),
}


@pytest.mark.parametrize("name", BAD_NPY)
def test_bad_npy_is_refused_and_nothing_is_unpickled(name: str) -> None:
    body, message = BAD_NPY[name]
    with pytest.raises(InvalidTable, match=message) as caught:
        decode_table(body, NPY)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("version", "name"),
    [((1, 0), "length"), ((1, 0), "länge"), ((2, 0), "länge"), ((3, 0), "長さ")],
)
def test_npy_of_every_version_is_read(version: tuple[int, int], name: str) -> None:
    array = np.array([(1, 2.5), (3, 4.5)], dtype=[(name, "<f8"), ("y", "<f4")])
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    table = decode_table(file.getvalue(), NPY)
    assert (table.names, table.values.tolist()) == ((name, "y"), [[1, 2.5], [3, 4.5]])


def test_npy_comes_back_as_it_was_written() -> None:
    values = np.random.default_rng(0).normal(size=(7, 3))
    np.testing.assert_array_equal(decode_table(encode_npy(values.T), NPY).values, values.T)
