import io
import json
import sys
from typing import Any

import pyarrow.parquet as pq
import pytest

from meshlens.batch.job import encode
from meshlens.classify.batch.results.formats import Format, find_encoder
from meshlens.classify.errors import InvalidOption
from meshlens.classify.formats.card import Task

CLASSIFIED = {
    "picture": "a.jpg",
    "labels": [
        {"index": 1, "label": "cat", "probability": 0.75},
        {"index": 0, "label": "dog", "probability": 0.25},
    ],
    "verdict": {"level": "high", "sentence": "It is likely a cat."},
    "read": {"orientation": 6},
}
DETECTED = {
    "picture": "a.jpg",
    "width": 10,
    "height": 20,
    "count": 1,
    "boxes": [{"label": "cat", "score": 0.5, "x1": 0, "y1": 1.5, "x2": 2, "y2": 3}],
}
FAILED = {"picture": "ü.jpg", "error": {"reason": "INVALID_IMAGE", "message": "expected a picture"}}


def read(data: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


def test_json_lines_are_the_rows() -> None:
    data = find_encoder(Format.JSONL)(Task.CLASSIFY, [encode(CLASSIFIED), encode(FAILED)])
    assert [json.loads(line) for line in data.splitlines()] == [CLASSIFIED, FAILED]


def test_parquet_has_columns_for_what_pictures_show() -> None:
    lines = [encode(CLASSIFIED), encode(FAILED)]
    data = find_encoder(Format.PARQUET)(Task.CLASSIFY, lines)
    good, bad = read(data)
    assert good == {
        "picture": "a.jpg",
        "label": "cat",
        "probability": 0.75,
        "sentence": "It is likely a cat.",
        "labels": CLASSIFIED["labels"],
        "read": '{"orientation":6}',
        "reason": None,
        "message": None,
    }
    assert (bad["picture"], bad["reason"], bad["labels"]) == ("ü.jpg", "INVALID_IMAGE", None)
    assert find_encoder(Format.PARQUET)(Task.CLASSIFY, lines) == data


def test_parquet_has_columns_for_where_things_are() -> None:
    lines = [encode(DETECTED), encode(FAILED)]
    good, bad = read(find_encoder(Format.PARQUET)(Task.DETECT, lines))
    assert {name: good[name] for name in DETECTED} == DETECTED
    assert (bad["boxes"], bad["message"]) == (None, "expected a picture")


def test_parts_have_one_schema_whatever_is_in_them() -> None:
    schemas = [
        pq.read_schema(io.BytesIO(find_encoder(Format.PARQUET)(Task.CLASSIFY, [encode(row)])))
        for row in (CLASSIFIED, FAILED)
    ]
    assert schemas[0] == schemas[1]


def test_a_format_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "meshlens.classify.batch.results.parquet", raising=False)
    find_encoder(Format.JSONL)
    with pytest.raises(InvalidOption, match=r"Parquet needs meshlens-classify\[parquet\]"):
        find_encoder(Format.PARQUET)
