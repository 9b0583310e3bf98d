"""The recorder of the examples: what it refuses, and the pages that it makes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from database import MOST_CHARACTERS, DatabaseAway, Records, SqliteFile
from hypothesis import given
from hypothesis import strategies as st
from record import NotRecordable, Record, read_record, read_time, write_time
from window import BadQuery, Place, read_window

GOOD: dict[str, Any] = {
    "id": "5f0c2a52",
    "source": "pca",
    "type": "meshlens.result.v1",
    "time": "2026-01-31T12:00:00.25Z",
    "data": {"id": "5f0c2a52", "method": "plot", "outcome": "OK", "model": "", "note": "ü\0"},
}
WHOLE = "from=1990-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_result_event_becomes_a_row() -> None:
    record = read_record(json.dumps(GOOD).encode())
    assert (record.id, record.service, record.method) == ("5f0c2a52", "pca", "plot")
    assert (record.model, record.outcome) == ("", "OK")
    assert write_time(record.time) == "2026-01-31T12:00:00.250000Z"
    assert json.loads(record.data) == GOOD["data"]
    assert record.data.isascii()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "meshlens.result.v2"}, "type meshlens.result.v1"),
        ({"id": ""}, "as id"),
        ({"id": 7}, "as id"),
        ({"id": "a\nb"}, "as id"),
        ({"source": "x" * 256}, "as source"),
        ({"time": "2026-01-31T12:00:00"}, "RFC 3339|2026-01-31T12:00:00Z"),
        ({"time": "2026-01-31T12:00:60Z"}, "second"),
        ({"time": "0001-01-01T00:00:00+23:59"}, "time"),
        ({"time": "2500-01-01T00:00:00Z"}, "1685 to 2254"),
        ({"time": None}, "as time"),
        ({"data": "text"}, "object as data"),
        ({"data": {"method": "plot"}}, "as outcome"),
        ({"data": {**GOOD["data"], "model": "\ud800"}}, "as model"),
        ({"data": {**GOOD["data"], "model": ["digits"]}}, "as model"),
    ],
)
def test_what_is_no_result_event_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(NotRecordable, match=said):
        read_record(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"id": NaN}',
        b"1" * 5000,
        json.dumps(GOOD).replace('"OK"', '"OK", "size": 1e999').encode(),
    ],
    ids=["empty", "no text", "a list", "deep", "no number", "long number", "infinite"],
)
def test_bytes_that_are_no_json_are_refused_with_a_short_message(body: bytes) -> None:
    with pytest.raises(NotRecordable) as caught:
        read_record(body)
    assert len(str(caught.value)) < 300


@given(VALUES, st.sampled_from([*GOOD, "method", "outcome", "model"]))
def test_whatever_a_field_is_the_event_is_a_row_or_refused(value: object, name: str) -> None:
    place = GOOD if name in GOOD else GOOD["data"]
    changed = {**place, name: value}
    event = changed if place is GOOD else {**GOOD, "data": changed}
    try:
        record = read_record(json.dumps(event).encode())
    except NotRecordable:
        return
    assert all(text.isprintable() for text in (record.id, record.service, record.model))
    json.loads(record.data)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.1234567Z", "2026-01-31T12:00:00.123456Z"),
    ],
)
def test_a_time_may_be_written_in_any_way_of_rfc_3339(text: str, same: str) -> None:
    assert write_time(read_time(text)) == same


def test_times_that_no_event_has_are_the_ends_of_a_window() -> None:
    window = read_window("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z")
    assert (window.begin, window.end) == (-(2**53) + 1, 2**53 - 1)


def test_a_place_is_read_as_it_was_written() -> None:
    place = Place(-1, "pca", "ü")
    assert read_window(f"{WHOLE}&after={place.write()}").after == place


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=" + "9" * 5000,
        "limit=1&limit=2",
        "after=",
        "after=WzEsMl0",
        "after=" + Place(2**60, "a", "b").write(),
        "after=" + Place(1, "a", "\0").write(),
        "&".join(f"o{number}=" for number in range(100)),
    ],
)
def test_a_query_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(BadQuery, match=r"expected .*, got .*; "):
        read_window(f"{WHOLE}&{query}")


def make(number: int, size: int = 10) -> Record:
    return Record(f"{number:03}", "pca", number, "plot", "", "OK", json.dumps("x" * size))


def test_a_page_ends_where_it_has_enough_characters(tmp_path: Path) -> None:
    records = Records(SqliteFile(tmp_path / "seen.db"))
    for number in range(5):
        records.add(make(number, MOST_CHARACTERS // 2))
    sizes, after = [], ""
    while True:
        page, is_last = records.find(read_window(WHOLE.replace("1990", "1960") + after))
        sizes.append(len(page))
        if is_last:
            break
        after = f"&after={page[-1][0].write()}"
    assert sizes == [2, 2, 1]


def test_a_database_that_comes_back_empty_has_its_table_again(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    records = Records(SqliteFile(folder / "seen.db"))
    with pytest.raises(DatabaseAway):
        records.add(make(1))
    folder.mkdir()
    records.add(make(1))
    (folder / "seen.db").unlink()
    with pytest.raises(DatabaseAway, match="no such table"):
        records.add(make(2))
    records.add(make(2))
    page, _ = records.find(read_window(WHOLE.replace("1990", "1960")))
    assert [place.id for place, _ in page] == ["002"]


def test_the_doctor_finds_nothing_in_its_resources() -> None:
    example = Path(__file__).resolve().parents[3] / "examples" / "recorder"
    done = subprocess.run(
        [sys.executable, "-m", "meshlens.command", "doctor", *sorted(example.rglob("*.yaml"))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
