"""Delimited text in parts: cut outside quotes, and read as its beginning has decided."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.pca.batch.sources.tables import read_all, source_of

from meshlens.batch.errors import PartFailed
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.columns import TextOptions
from meshlens.pca.tables.table import decode_table

# The beginning that decides is longer than these texts, unless they are made long.
FILLING = 4_000
SHORT = {"text": 1 << 14, "start": 1 << 12}
ROWS = "1.5,2.25\n" * FILLING


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


ALIKE = {
    "a header and names": "name,x,y\n" + "".join(f"n{i},{i}.5,{i}\n" for i in range(50)),
    "no header": "".join(f"{i}.25,{i * i}\n" for i in range(50)),
    "line breaks in quotes": "x,note,y\n"
    + "".join(f'{i},"a ""b"",\n{i}",{i}.5\n' for i in range(50)),
    "single quotes": "x,note\n" + "".join(f"{i}.5,'a,{i}'\n" for i in range(50)),
    "DOS": "x;y\r\n" + "".join(f"{i},5;{i}\r\n" for i in range(50)) + "\x1a",
    "comments, rules and blank lines": "# of the first\nx|y\n---|---\n"
    + "".join(f"{i}.5|{i}\n" + ("# note\n\n" if i % 7 == 0 else "") for i in range(50)),
    "a delimiter line": "sep=;\nx;y\n" + "".join(f"{i}.5;{i}\n" for i in range(50)),
    "a title and units": "Measured in May\nx,y\nkg,m\n"
    + "".join(f"{i}.5,{i}\n" for i in range(50)),
    "blanks": "x   y\n" + "".join(f"  {i}.5   {i}\n" for i in range(50)),
    "units and thousands": "x,y\n" + "".join(f'"$1,{i:03}.50",{i}\n' for i in range(50)),
    "missing ones": "x,y\n" + "".join(f"{i}.5,{'NA' if i % 9 == 0 else i}\n" for i in range(50)),
    "an empty column": "x,,y\n" + "".join(f"{i}.5,,{i}\n" for i in range(50)),
    "rows of blank cells": "x,y\n" + "".join(f"{i}.5,{i}\n , \n" for i in range(50)),
    "a byte order mark": "\ufeffx,y\n" + "".join(f"{i}.5,{i}\n" for i in range(50)),
    "names in UTF-8": "größe,naïve\n" + "".join(f"{i}.5,ö{i}\n" for i in range(50)),
    "row names of R": '"x" "y"\n' + "".join(f'"r{i}" {i}.5 {i}\n' for i in range(50)),
}


@pytest.mark.parametrize("kind", ALIKE)
@pytest.mark.parametrize("most", [1, 40, 1 << 20])
def test_text_in_parts_has_the_numbers_of_the_whole(kind: str, most: int, tmp_path: Path) -> None:
    path = write(tmp_path, ALIKE[kind])
    whole = decode_table(path.read_bytes(), "text/csv", missing=Missing.DROP)
    source = source_of(path, limits={"text": most})
    values = np.concatenate([block for part in source.plan() for block in source.read(part)])
    np.testing.assert_array_equal(values[~np.isnan(values).any(axis=1)], whole.values)
    assert source.names == (whole.names or ("x1", "x2"))


def test_windows_text_is_read_as_such_in_every_part(tmp_path: Path) -> None:
    path = write(tmp_path, ALIKE["names in UTF-8"].encode("cp1252"))
    source = source_of(path)
    assert len(source.plan()) > 3
    assert source.names == ("größe",)
    np.testing.assert_array_equal(read_all(path)[:, 0], np.arange(50) + 0.5)


def test_options_of_text_hold_in_every_part(tmp_path: Path) -> None:
    rows = "".join(f"{i},5;{-99 if i % 10 == 0 else i}\n" for i in range(50))
    path = write(tmp_path, f"x;y\n{rows}")
    query = {"decimal": "comma", "delimiter": "semicolon", "na": "-99", "skip": "3,30-31"}
    values = read_all(path, query=query)
    text = TextOptions(";", ",", frozenset(["-99"]), frozenset([3, 30, 31]))
    whole = decode_table(path.read_bytes(), text=text, missing=Missing.DROP)
    np.testing.assert_array_equal(values[~np.isnan(values).any(axis=1)], whole.values)
    assert len(values) == 47


def test_large_parts_are_read_by_arrow_to_the_same_numbers(tmp_path: Path) -> None:
    numbers = np.random.default_rng(3).normal(size=(30_000, 3))
    rows = [f"n{at},{','.join(map(repr, row))}" for at, row in enumerate(numbers.tolist())]
    path = write(tmp_path, "name,x,y,z\n" + "\n".join(rows))
    np.testing.assert_array_equal(read_all(path, limits={"text": 1 << 18}), numbers)
    np.testing.assert_array_equal(
        read_all(path, query={"use": "z,x"}, limits={"text": 1 << 18}), numbers[:, [2, 0]]
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1.5,two", r"every field must be a number.*'two' at row 4002, column 2"),
        ("1.5,2,3", r"rows must have equal length, 2 as the first, got 3 at row 4002"),
        ("1.5", r"rows must have equal length, 2 as the first, got 1 at row 4002"),
        ("1.5,12 kg", r"same unit, here no unit, got '12 kg' at row 4002"),
        ('1.5,"2,5"', r"numbers must have a decimal point.*'2,5' at row 4002"),
        ("1.5,1/2", r"every field must be a number.*'1/2' at row 4002"),
        ("1.5,inf", r"every number must be finite, got inf at row 4002, column 2"),
    ],
)
def test_a_cell_that_contradicts_the_beginning_fails_its_part_at_its_row(
    row: str, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, f"x,y\n{ROWS}{row}\n1,2\n")
    source = source_of(path, limits=SHORT)
    first, *_, last = source.plan()
    [*source.read(first)]
    with pytest.raises(PartFailed, match=message) as failed:
        [*source.read(last)]
    assert failed.value.places[0].file == "t.csv"
    assert failed.value.places[0].row == 4_002


def test_a_column_that_is_empty_at_the_beginning_must_stay_so(tmp_path: Path) -> None:
    text = "x,y,z\n" + "1.5,,2.5\n" * 2_000 + "1,7,2\n"
    path = write(tmp_path, text)
    with pytest.raises(PartFailed, match=r"empty at the beginning .* '7' at row 2002, column 2"):
        read_all(path, limits=SHORT)
    np.testing.assert_array_equal(read_all(path, query={"use": "x,y"}, limits=SHORT)[-1], [1, 7])
    assert read_all(path, query={"drop": "y"}, limits=SHORT).shape == (2_001, 2)


def test_a_decimal_mark_that_the_beginning_leaves_open_is_never_guessed(tmp_path: Path) -> None:
    whole = "x;y\n" + "1000;2000\n" * 2_000
    for cell, found in (("1.234", None), ("1.2345", 1.2345), ("2,5", None), ("1,234", None)):
        path = write(tmp_path, f"{whole}{cell};3000\n")
        if found:
            assert read_all(path, limits=SHORT)[-1, 0] == found
        else:
            with pytest.raises(PartFailed, match=r"decimal .* at row 2002"):
                read_all(path, limits=SHORT)
    path = write(tmp_path, f"{whole}1.234;3000\n")
    assert read_all(path, query={"decimal": "point"}, limits=SHORT)[-1, 0] == 1.234


def test_a_name_that_is_a_number_fails_its_part(tmp_path: Path) -> None:
    names = "".join(f"n{at},{at}.5\n" for at in range(2_000))
    path = write(tmp_path, f"name,x\n{names}17,1.5\n")
    with pytest.raises(PartFailed, match=r"names only, got '17' among names at row 2002"):
        read_all(path, limits=SHORT)
    assert len(read_all(path, query={"names": "name"}, limits=SHORT)) == 2_001


def test_a_last_row_that_sums_up_the_others_is_refused_and_one_in_between_is_not(
    tmp_path: Path,
) -> None:
    rows = "a,1.5\nb,2.5\nTotal,4\n"
    path = write(tmp_path, f"name,x\n{rows * 3}")
    with pytest.raises(PartFailed, match=r"'Total' at row 10, which sums up the others"):
        read_all(path, limits={"text": 28})
    assert len(read_all(write(tmp_path, f"name,x\n{rows * 3}c,1\n"), limits={"text": 28})) == 10


def test_bytes_of_another_encoding_fail_their_part(tmp_path: Path) -> None:
    rows = "".join(f"n{at},{at}.5\n" for at in range(2_000)).encode()
    path = write(tmp_path, b"name,x\n" + rows + "ö,1.5\n".encode("cp1252"))
    with pytest.raises(PartFailed, match=r"text must be utf-8 as .* byte 0xf6 at row 2002"):
        read_all(path, limits=SHORT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n".encode("utf-16"), "must be in one of utf-8"),
        ("1,2,3," * 90_000, "rows that end with a line feed"),
        ('x,y\n1,2\n3,"4\n', "quotes must be closed"),
        ('x,note\n1,a\n2,5" pipe\n3,"b"\n4,6" pipe\n', "one within a cell at row 3"),
        ('x,note\n1,"a"b\n', "quotes must be closed"),
        ("x,y\n", "a header only"),
        ("\n \n", "an empty body"),
    ],
)
def test_text_that_cannot_be_cut_or_decided_is_refused(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InvalidTable, match=message):
        source_of(path).plan()


def test_a_quote_that_is_never_closed_is_found_in_time_that_the_size_bounds(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, ROWS + '"\n' + '"a","b"\n' * 200_000)
    with pytest.raises(InvalidTable, match="quotes must be closed"):
        source_of(path, limits=SHORT).plan()


cells = st.text(st.sampled_from('ab", \n;#-.5'), max_size=6)


@given(names=st.lists(cells, min_size=2, max_size=30), most=st.integers(1, 60))
def test_whatever_is_quoted_stays_in_its_row(
    names: list[str], most: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(["name", "x"])
    writer.writerows((f"name {name}", at + 0.5) for at, name in enumerate(names))
    path = write(tmp_path_factory.mktemp("quoted"), text.getvalue())
    query = {"names": "name", "delimiter": "comma", "header": "true"}
    values = read_all(path, query=query, limits={"text": most})
    np.testing.assert_array_equal(values[:, 0], np.arange(len(names)) + 0.5)
