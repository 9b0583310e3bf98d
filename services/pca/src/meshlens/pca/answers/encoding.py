"""Results of the methods -> the bytes of an answer, in the caller's preferred media type."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.answers.schemas import Limits, PointsAnswer, ScoresAnswer, Summary
from meshlens.pca.methods import InverseResult, TransformResult
from meshlens.pca.numbers.decomposition import PcaModel, name_components
from meshlens.pca.tables.npy import encode_npy
from meshlens.pca.tables.table import Table

Array: TypeAlias = npt.NDArray[np.float64]
Column: TypeAlias = Sequence[Any] | npt.NDArray[Any]

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"

# The first is the default.
MATRIX_TYPES = (JSON, CSV, NPY, ARROW)
MODEL_TYPES = (JSON, CSV, ARROW)

_MOST_PUBLISHED = 10


def encode_json(answer: Mapping[str, Any]) -> bytes:
    """Return an answer as one line of JSON."""
    return json.dumps(answer, allow_nan=False).encode() + b"\n"


def encode_model(
    document: bytes, *, model_id: str, filled: int | None = None, dropped: int | None = None
) -> bytes:
    """Return a `ModelAnswer`: one line of JSON.

    Args:
        document: the model as `models.encode_model` has written it; it is not written again.
        model_id: under which it is kept.
        filled: missing cells of its observations that were filled in, if they are known.
        dropped: observations that were left out, if they are known.
    """
    facts = {"id": model_id, "filled": filled, "dropped": dropped}
    known = {name: fact for name, fact in facts.items() if fact is not None}
    front = json.dumps(known, separators=(",", ":")).encode()
    return front.removesuffix(b"}") + b"," + document.removeprefix(b"{") + b"\n"


def encode_components(model: PcaModel, media_type: str) -> bytes:
    """Return a table with one row for each component of a model, as CSV or an Arrow stream."""
    names = ["component", "explained_variance", "explained_variance_ratio", *model.names]
    columns = [
        name_components(len(model.components)),
        model.explained_variance,
        model.explained_variance_ratio,
        *model.components.T,
    ]
    return encode_columns(names, columns, media_type)


def encode_scores(result: TransformResult, media_type: str, *, model_id: str = "") -> bytes:
    """Return scores and diagnostics, one row for each observation.

    Args:
        result: of `transform`.
        media_type: one of MATRIX_TYPES. CSV and Arrow have t2, spe and outlier of the
            diagnostics, an .npy has none.
        model_id: of the stored model, if there is one.
    """
    diagnostics = result.diagnostics
    if media_type == JSON:
        return encode_json(_describe_scores(result, model_id))
    further: dict[str, Column] = {}
    if diagnostics:
        further = {
            "t2": diagnostics.t2,
            "spe": diagnostics.spe,
            "outlier": diagnostics.outliers,
        }
    names = name_components(result.values.shape[1])
    return encode_matrix(result.values, names, result.table, media_type, **further)


def encode_points(result: InverseResult, media_type: str, *, model_id: str) -> bytes:
    """Return points, one row for each.

    Args:
        result: of `inverse`.
        media_type: one of MATRIX_TYPES.
        model_id: of the stored model.
    """
    names = result.model.names
    if media_type != JSON:
        return encode_matrix(result.values, names, result.table, media_type)
    n, p = result.values.shape
    answer = PointsAnswer(fit=model_id, n=n, p=p, names=[*names], points=result.values.tolist())
    return encode_json(answer)


def summarize(model: PcaModel, n: int, model_id: str = "") -> Summary:
    """Return the `Summary` of a model and n observations, for the result event."""
    ratio = model.explained_variance_ratio[:_MOST_PUBLISHED].tolist()
    summary = Summary(n=n, p=len(model.names), explained_variance_ratio=ratio)
    return {"fit": model_id, **summary} if model_id else summary


def encode_csv(names: Sequence[str], columns: Sequence[Column]) -> bytes:
    """Return a line of names and one line for each row; numbers come back to the last bit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    lists = (column.tolist() if isinstance(column, np.ndarray) else column for column in columns)
    writer.writerows(zip(*lists, strict=True))
    return text.getvalue().encode()


def encode_matrix(
    matrix: Array, names: Sequence[str], table: Table, media_type: str, **further: Column
) -> bytes:
    """Return a matrix as a table.

    Args:
        matrix: (n, m).
        names: of its columns.
        table: what it was computed from; its row names and groups become the first columns. An
            .npy holds the matrix alone.
        media_type: CSV, NPY or ARROW.
        further: columns (n,) appended after the matrix.
    """
    if media_type == NPY:
        return encode_npy(matrix)
    front: dict[str, Column] = {"name": table.labels} if table.labels else {}
    front |= {"group": table.groups} if table.groups else {}
    return encode_columns(
        [*front, *names, *further],
        [*front.values(), *matrix.T, *further.values()],
        media_type,
    )


def encode_columns(names: Sequence[str], columns: Sequence[Column], media_type: str) -> bytes:
    """Return columns as CSV or as an Arrow stream; several may have the same name."""
    if media_type == CSV:
        return encode_csv(names, columns)
    from meshlens.pca.tables import arrow_ipc  # noqa: PLC0415 - Arrow takes 40 MB, which other answers do without

    return arrow_ipc.encode_arrow(names, columns)


def _describe_scores(result: TransformResult, model_id: str) -> ScoresAnswer:
    n, k = result.values.shape
    table, diagnostics = result.table, result.diagnostics
    answer = ScoresAnswer(
        n=n, k=k, scores=result.values.tolist(), filled=table.filled, dropped=table.dropped
    )
    if table.labels:
        answer["labels"] = [*table.labels]
    if table.groups:
        answer["groups"] = [*table.groups]
    if diagnostics:
        answer["t2"] = diagnostics.t2.tolist()
        answer["spe"] = diagnostics.spe.tolist()
        limits = diagnostics.limits
        answer["limits"] = Limits(confidence=limits.confidence, t2=limits.t2, spe=limits.spe)
        answer["outliers"] = diagnostics.outliers.tolist()
        answer["cos2"] = diagnostics.cos2.tolist()
        answer["contributions"] = diagnostics.contributions.tolist()
    return {"fit": model_id, **answer} if model_id else answer
