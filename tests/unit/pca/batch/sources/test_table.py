"""Tables in parts: the numbers of the reader of whole tables, or a refusal that names the place."""

import datetime as dt
import decimal
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from unit.pca.batch.sources.tables import (
    SMALL,
    read_all,
    read_parts,
    source_of,
    write_arrow,
    write_parquet,
)
from unit.pca.tables.bodies import claim_rows

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.pca.batch.sources.table import describe, open_table
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.options import FitOptions, parse_options
from meshlens.pca.tables.table import decode_table

ROWS = 20
RANDOM = np.random.default_rng(7)
VALUES = RANDOM.normal(size=(ROWS, 3))
COLUMNS: dict[str, Any] = {
    "id": [f"row {row}" for row in range(ROWS)],
    "x": VALUES[:, 0],
    "single": VALUES[:, 1].astype(np.float32),
    "whole": pa.array([None if row == 4 else row * 10**15 + 1 for row in range(ROWS)], pa.int64()),
    "truth": [row % 3 == 0 for row in range(ROWS)],
    "money": [decimal.Decimal(row) / 4 for row in range(ROWS)],
    "day": [dt.date(2024, 1, row + 1) for row in range(ROWS)],
    "kind": pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode(),
    "gaps": pa.array([None if row % 5 == 0 else row / 8 for row in range(ROWS)]),
}


def write_csv(path: Path) -> Path:
    lines = [
        "id,x,y,z",
        *(f'"no {row}",' + ",".join(map(repr, VALUES[row].tolist())) for row in range(ROWS)),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def save(path: Path, array: Any) -> Path:  # noqa: ANN401 - whatever numpy takes
    np.save(path, array)
    return path


STRUCTURED = np.array(
    [*map(tuple, VALUES.tolist())], dtype=[("a", "<f8"), ("b", ">f4"), ("c", "<f8")]
)
FORMATS: dict[str, Callable[[Path], Path]] = {
    "Parquet": lambda folder: write_parquet(folder / "t.parquet", COLUMNS),
    "compressed Parquet": lambda folder: write_parquet(
        folder / "t.parquet", COLUMNS, compression="zstd", data_page_size=16, write_batch_size=2
    ),
    "Arrow file": lambda folder: write_arrow(folder / "t.arrow", COLUMNS),
    "Arrow stream": lambda folder: write_arrow(folder / "t.arrows", COLUMNS, stream=True),
    "compressed Arrow": lambda folder: write_arrow(folder / "t.arrow", COLUMNS, compression="lz4"),
    "npy": lambda folder: save(folder / "t.npy", VALUES),
    "npy of columns": lambda folder: save(folder / "t.npy", np.asfortranarray(VALUES)),
    "npy of whole numbers": lambda folder: save(folder / "t.npy", (VALUES * 100).astype(">i2")),
    "structured npy": lambda folder: save(folder / "t.npy", STRUCTURED),
    "CSV": lambda folder: write_csv(folder / "t.csv"),
}


@pytest.mark.parametrize("form", FORMATS)
def test_the_parts_hold_what_the_reader_of_whole_tables_reads(form: str, tmp_path: Path) -> None:
    path = FORMATS[form](tmp_path)
    whole = decode_table(path.read_bytes(), missing=Missing.DROP)
    source = source_of(path)
    parts = source.plan()
    assert len(parts) > 3
    values = np.concatenate(read_parts(source, parts))
    np.testing.assert_array_equal(values[~np.isnan(values).any(axis=1)], whole.values)
    assert source.names == (whole.names or ("x1", "x2", "x3"))


@pytest.mark.parametrize("form", FORMATS)
def test_a_part_is_read_alone_and_by_another_source(form: str, tmp_path: Path) -> None:
    given = describe([str(FORMATS[form](tmp_path))], limits=SMALL)
    source = open_table(given)
    parts = source.plan()
    whole = read_parts(source, parts)
    for part, values in zip(parts, whole, strict=True):
        other = open_table(given, source.names)
        np.testing.assert_array_equal(read_parts(other, [part])[0], values)
    backwards = open_table(given, source.names[::-1])
    np.testing.assert_array_equal(read_parts(backwards, parts)[1], whole[1][:, ::-1])


@pytest.mark.parametrize("form", FORMATS)
def test_parts_are_cut_by_the_data_and_say_their_rows(form: str, tmp_path: Path) -> None:
    source = source_of(FORMATS[form](tmp_path))
    parts = source.plan()
    assert source.plan() == parts
    ends = [part["rows"] for part in parts]
    assert ends[0][0] == (1 if form == "CSV" else 0)
    assert all(before[1] == after[0] for before, after in pairwise(ends))
    counted = [len(values) for values in read_parts(source, parts)]
    assert [end - start for start, end in ends] == counted
    what = "lines" if form == "CSV" else "rows"
    assert source.locate(parts[0]).endswith(f", {what} {ends[0][0] + 1} to {ends[0][1]}")


def test_small_groups_of_rows_are_put_together(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", {"x": range(20), "y": range(20)})
    parts = source_of(path).plan()
    assert [part["groups"] for part in parts] == [[0, 2], [2, 4], [4, 6], [6, 7]]
    assert [part["rows"] for part in parts] == [[0, 6], [6, 12], [12, 18], [18, 20]]
    assert source_of(path, limits={}).locate(source_of(path, limits={}).plan()[0]) == (
        "t.parquet, rows 1 to 20"
    )


def test_columns_play_the_parts_that_options_say(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", COLUMNS)
    for query in (
        {"use": "whole,x"},
        {"drop": "x,day"},
        {"names": "whole", "color": "x", "drop": "gaps"},
        {"group": "single", "shape": "truth", "columns": "4"},
    ):
        source = source_of(path, query=query)
        source.plan()
        options = parse_options(FitOptions, query | {"missing": "mean"})
        assert source.names == options.read(path.read_bytes(), "").names


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"use": "z"}, "t.parquet: use must be the name of a column"),
        ({"use": "id"}, "use must name columns of numbers"),
        ({"columns": "2"}, "rows must have the 2 columns"),
        ({"drop": "x", "use": "x"}, "a column must have one part"),
    ],
)
def test_options_that_the_columns_contradict_are_refused(
    query: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = write_parquet(tmp_path / "t.parquet", COLUMNS)
    with pytest.raises((InvalidOption, InvalidTable), match=message):
        source_of(path, query=query).plan()


@pytest.mark.parametrize("option", ["transpose=true", "supplementary=x", "sheet=1"])
def test_options_that_need_the_whole_table_are_refused_with_the_reason(option: str) -> None:
    name, _, value = option.partition("=")
    with pytest.raises(InvalidOption, match=rf"read in parts has no {name}, got .*, w"):
        source_of("t.csv", query={name: value})


def test_several_files_are_one_table_sorted_by_name(tmp_path: Path) -> None:
    write_parquet(tmp_path / "b.parquet", {"y": [7.0], "x": [6.0]})
    write_parquet(tmp_path / "a.parquet", {"x": [1.0, 2.0], "y": [3.0, 4.0]})
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".a.crc").touch()
    files = (tmp_path / "b.parquet", tmp_path / "a.parquet")
    for named in (files, (tmp_path,), (tmp_path / "*.*",)):
        np.testing.assert_array_equal(read_all(*named), [[1, 3], [2, 4], [6, 7]])
    source = source_of(tmp_path)
    found = [Path(each["file"]).name for each in source.identify()["files"]]
    assert found == ["a.parquet", "b.parquet"]
    assert [source.locate(part) for part in source.plan()] == [
        "a.parquet, rows 1 to 2",
        "b.parquet, rows 1 to 1",
    ]


def test_files_of_several_formats_are_no_table(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", {"x": [1.0, 2.0]})
    (tmp_path / "b.csv").write_text("x\n1\n2\n")
    with pytest.raises(InvalidTable, match=r"got Parquet in a.parquet, text, .* in b.csv"):
        source_of(tmp_path).plan()


def test_files_are_named_once_and_are_there(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"x": [1.0, 2.0]})
    with pytest.raises(InvalidTable, match="each file must be named once"):
        source_of(path, tmp_path).identify()
    with pytest.raises(InvalidTable, match=r"No such file or directory: .*/b"):
        source_of(tmp_path / "b").identify()
    with pytest.raises(InvalidTable, match="none in the pattern"):
        source_of(tmp_path / "*.csv").identify()
    with pytest.raises(InvalidOption, match="download them first"):
        source_of("s3://example/a.parquet")
    (tmp_path / "year=2024").mkdir()
    with pytest.raises(InvalidTable, match="a folder must hold the files of one table"):
        source_of(tmp_path).plan()
    write_parquet(tmp_path / "year=2024" / "b.parquet", {"x": [3.0]})
    np.testing.assert_array_equal(read_all(tmp_path / "**" / "*.parquet"), [[1], [2], [3]])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidTable, match=r"must be in files, got .*pipe, which is none"):
        source_of(tmp_path / "pipe").identify()


def test_empty_files_of_a_table_have_no_parts(tmp_path: Path) -> None:
    none = write_parquet(tmp_path / "a.parquet", {"x": pa.array([], pa.float64())})
    write_parquet(tmp_path / "b.parquet", {"x": [1.0, 2.0]})
    np.testing.assert_array_equal(read_all(tmp_path), [[1], [2]])
    with pytest.raises(InvalidTable, match="the table must hold observations"):
        source_of(none).plan()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1.0], "z": [2.0]}, r"'y' holds numbers in a.parquet, is not there in b.parquet"),
        ({"x": [1.0], "y": ["no"]}, r"'y' holds numbers in a.parquet, holds names in b.parquet"),
    ],
)
def test_columns_that_differ_between_files_are_refused_by_both_names(
    columns: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_parquet(tmp_path / "a.parquet", {"x": [1.0, 2.0], "y": [3.0, 4.0]})
    write_parquet(tmp_path / "b.parquet", columns)
    with pytest.raises(InvalidTable, match=message):
        source_of(tmp_path).plan()
    np.testing.assert_array_equal(read_all(tmp_path, query={"use": "x"}), [[1], [2], [1]])


def test_text_that_writes_numbers_in_another_way_is_refused_by_both_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x;y\n1.5;2\n")
    (tmp_path / "b.csv").write_text("x;y\n1,5;2\n")
    with pytest.raises(InvalidTable, match=r"mark '\.' in a.csv, text, decimal mark ',' in b.csv"):
        source_of(tmp_path).plan()


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_changes_is_refused_by_its_name(form: str, tmp_path: Path) -> None:
    path = FORMATS[form](tmp_path)
    source = source_of(path)
    parts = source.plan()
    blocks = source.read(parts[1])
    next(blocks)
    os.utime(path, ns=(0, 1))
    with pytest.raises(InputChanged, match=rf"^{path.name} must stay as it is"):
        list(blocks)
    with pytest.raises(InputChanged, match="another size or time"):
        [*source.read(parts[0])]
    path.unlink()
    with pytest.raises(InputChanged, match="none, or no file, of that name"):
        [*source.read(parts[0])]


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_shrinks_while_it_is_read_has_changed(form: str, tmp_path: Path) -> None:
    path = FORMATS[form](tmp_path)
    source = source_of(path)
    part = source.plan()[-1]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputChanged):
        [*source.read(part)]


@pytest.mark.parametrize("form", FORMATS)
def test_a_truncated_file_among_others_is_a_part_that_fails(form: str, tmp_path: Path) -> None:
    if form == "CSV":
        return  # text of half a row is seen when its last part is read
    path = FORMATS[form](tmp_path)
    whole = read_all(path)
    cut = tmp_path / f"cut{path.suffix}"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InvalidTable, match=rf"^cut{path.suffix}: "):
        source_of(cut).plan()
    source = source_of(tmp_path)
    broken, *parts = source.plan()
    np.testing.assert_array_equal(np.concatenate(read_parts(source, parts)), whole)
    assert source.locate(broken) == cut.name
    with pytest.raises(PartFailed):
        [*source.read(broken)]


def test_a_page_that_is_damaged_fails_its_part_alone(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "t.parquet", {"x": VALUES[:, 0]}, compression="zstd", use_dictionary=False
    )
    limits = {"cells": 3}
    before = source_of(path, limits=limits)
    kept = read_parts(before, before.plan())
    body = bytearray(path.read_bytes())
    magic = b"\x28\xb5\x2f\xfd"
    at = body.index(magic, body.index(magic) + 1)
    body[at : at + 4] = b"none"
    path.write_bytes(body)
    source = source_of(path, limits=limits)
    parts = source.plan()
    with pytest.raises(PartFailed, match="the file must be whole and of its format") as failed:
        [*source.read(parts[1])]
    assert failed.value.places[0].file == "t.parquet"
    assert source.locate(parts[1]) == "t.parquet, rows 4 to 6"
    for number in (0, *range(2, len(parts))):
        np.testing.assert_array_equal(read_parts(source, [parts[number]])[0], kept[number])


def test_a_group_of_rows_larger_than_may_be_is_refused_by_name(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", {"x": np.zeros(1 << 18)}, row_group_size=1 << 18)
    with pytest.raises(PartFailed, match=r"group 1 of rows may take 0 MiB .* fewer rows"):
        read_all(path, limits={"memory": 100})
    dense = RANDOM.normal(size=1 << 12)
    for write, what in ((write_parquet, "group 1 of rows"), (write_arrow, "batch 1")):
        path = write(tmp_path / "t", {"x": dense})
        with pytest.raises(PartFailed, match=f"{what} may take 0 MiB"):
            read_all(path, limits={"memory": 16})
        np.testing.assert_array_equal(read_all(path, limits={})[:, 0], dense)


@pytest.mark.parametrize("form", [form for form in FORMATS if "npy of whole" not in form])
def test_an_infinite_number_fails_its_part_at_its_place(form: str, tmp_path: Path) -> None:
    changed = {"x": np.where(np.arange(ROWS) == 11, np.inf, VALUES[:, 0])}
    if "Parquet" in form:
        path = write_parquet(tmp_path / "t", changed)
    elif "Arrow" in form:
        path = write_arrow(tmp_path / "t", changed)
    elif "npy" in form:
        path = tmp_path / "t.npy"
        np.save(path, np.array(changed["x"])[:, np.newaxis])
    else:
        path = tmp_path / "t"
        path.write_text("\n".join(map(str, changed["x"].tolist())))
    with pytest.raises(PartFailed, match="every number must be finite, got inf at row 12"):
        read_all(path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty body"),
        (b"\x1f\x8b\x08" + b"\0" * 90, "compressed file"),
        (b"PK\3\4" + b"\0" * 90, "zip archive or a workbook"),
        (b'[{"x": 1}]', "JSON"),
        (b"\x80\4 pickle", "a Python pickle"),
        (b"PAR1" + b"\xff" * 100 + b"PAR1", "footer"),
        (b"PAR1", "footer"),
        (b"ARROW1\0\0", "a schema"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"\0" * 50, "metadata of a message"),
        (b"\xff\xff\xff\xff\0\0\0\0", "a schema"),
        (b"\x93NUMPY\1\0", "header"),
    ],
)
def test_what_is_no_table_in_parts_is_refused_with_the_reason(
    body: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "table"
    path.write_bytes(body)
    with pytest.raises(InvalidTable, match=rf"^table: .*{message}"):
        source_of(path).plan()


@pytest.mark.parametrize("decoded", [1, 12, 100])
@pytest.mark.parametrize("group", [8, ROWS])
def test_a_group_of_rows_is_decoded_in_steps_or_at_once(
    decoded: int, group: int, tmp_path: Path
) -> None:
    path = write_parquet(
        tmp_path / "t.parquet",
        COLUMNS,
        row_group_size=group,
        data_page_size=16,
        write_batch_size=3,
    )
    source = source_of(path, limits={"decoded": decoded})
    values = np.concatenate(read_parts(source, source.plan()))
    expected = read_all(write_parquet(tmp_path / "small.parquet", COLUMNS))
    np.testing.assert_array_equal(values, expected)


def test_columns_named_as_if_within_others_are_read_each(tmp_path: Path) -> None:
    columns = {"a": VALUES[:, 0], "b": VALUES[:, 1], "a.b": VALUES[:, 2]}
    path = write_parquet(tmp_path / "t.parquet", columns)
    for decoded in (3, 100):
        read = read_all(path, limits={"decoded": decoded})
        np.testing.assert_array_equal(read, VALUES)


@pytest.mark.parametrize("decoded", [4, 100])
def test_a_group_with_fewer_rows_than_the_footer_says_is_a_part_that_fails(
    decoded: int, tmp_path: Path
) -> None:
    columns = {"x": [*map(float, range(9))]}
    path = write_parquet(tmp_path / "t.parquet", columns, row_group_size=9)
    path.write_bytes(claim_rows(path.read_bytes(), 9, 10))
    source = source_of(path, limits={"decoded": decoded})
    with pytest.raises(PartFailed, match="expected 10 rows in group 1, got 9"):
        read_parts(source, source.plan())


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("decoded", [4, 100])
def test_a_group_with_more_rows_than_the_footer_says_is_a_part_that_fails(
    decoded: int,
    values: bool,  # noqa: FBT001 - pytest passes it by name
    version: str,
    tmp_path: Path,
) -> None:
    columns = {"x": [*map(float, range(9))]}
    options = {"row_group_size": 9, "data_page_size": 16, "data_page_version": version}
    path = write_parquet(tmp_path / "t.parquet", columns, **options)
    path.write_bytes(claim_rows(path.read_bytes(), 9, 8, values=values))
    source = source_of(path, limits={"decoded": decoded})
    parts = source.plan()
    with pytest.raises(PartFailed, match="expected 8 rows in group 1, got 9") as failed:
        read_parts(source, parts)
    assert failed.value.places[0].file == "t.parquet"
    assert source.locate(parts[0]) == "t.parquet, rows 1 to 8"


def test_a_footer_that_lies_about_its_rows_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", {"x": [*map(float, range(9))]})
    body = path.read_bytes()
    # num_rows of the file and of each group are zigzag numbers of i64 fields.
    assert body.count(b"\x16\x12") == 1
    path.write_bytes(body.replace(b"\x16\x12", b"\x16\x7e"))
    with pytest.raises(InvalidTable, match="groups of rows have the rows and columns of the file"):
        source_of(path).plan()


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", ["Parquet", "compressed Parquet", "Arrow file", "Arrow stream", "npy", "CSV"]
)
def test_no_damage_of_one_byte_escapes_as_anything_but_a_refusal(form: str, tmp_path: Path) -> None:
    path = FORMATS[form](tmp_path)
    body = path.read_bytes()
    for at in RANDOM.integers(0, len(body), size=60).tolist():
        damaged = bytearray(body)
        damaged[at] ^= int(RANDOM.integers(1, 256))
        path.write_bytes(damaged)
        try:
            values = read_all(path)
        except (InvalidTable, InvalidOption, PartFailed):
            continue
        assert np.isfinite(values[~np.isnan(values)]).all()
