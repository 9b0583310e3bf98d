"""Answers as Parquet: a row for each picture, with columns that follow from the task."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from meshlens.batch.job import encode
from meshlens.classify.formats.card import Task

_LABELS = pa.list_(
    pa.struct([("index", pa.int32()), ("label", pa.string()), ("probability", pa.float64())])
)
_SIDES = [(side, pa.float64()) for side in ("x1", "y1", "x2", "y2")]
_BOXES = pa.list_(pa.struct([("label", pa.string()), ("score", pa.float64()), *_SIDES]))
_COLUMNS: Mapping[Task, Sequence[tuple[str, Any]]] = {
    Task.CLASSIFY: [
        ("label", pa.string()),
        ("probability", pa.float64()),
        ("sentence", pa.string()),
        ("labels", _LABELS),
    ],
    Task.DETECT: [
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("count", pa.int32()),
        ("boxes", _BOXES),
    ],
}
# How the picture was read, as JSON; why it has no answer.
_COMMON = [("read", pa.string()), ("reason", pa.string()), ("message", pa.string())]


def encode_parquet(task: Task, lines: Sequence[bytes]) -> bytes:
    """Return a Parquet file with a row for each line of JSON; what a row lacks is null."""
    schema = pa.schema([("picture", pa.string()), *_COLUMNS[task], *_COMMON])
    rows = [_flatten(json.loads(line)) for line in lines]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), file)
    return file.getvalue()


def _flatten(row: dict[str, Any]) -> dict[str, Any]:
    row |= row.get("error", {})
    if labels := row.get("labels"):
        row |= {"label": labels[0]["label"], "probability": labels[0]["probability"]}
        row["sentence"] = row["verdict"]["sentence"]
    if read := row.get("read"):
        row["read"] = encode(read).decode()
    return row
