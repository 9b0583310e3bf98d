"""Results of the methods -> the bytes of an answer, in the caller's preferred media type."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.answers.reading import describe_reading, summarize_reading
from meshlens.pca.answers.schemas import (
    Imputation,
    Limits,
    PointsAnswer,
    ReadPartsAnswer,
    ScoresAnswer,
    Summary,
    SupplementaryAnswer,
)
from meshlens.pca.methods import FitResult, InverseResult, TransformResult
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.iterative import Convergence
from meshlens.pca.tables.binary.npy import encode_npy
from meshlens.pca.tables.formulas import mark_formula
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
    document: bytes,
    *,
    model_id: str,
    result: FitResult | None = None,
    read: ReadPartsAnswer | None = None,
) -> bytes:
    """Return a `ModelAnswer`: one line of JSON.

    Args:
        document: the model as `models.encode_model` has written it; it is not written again.
        model_id: under which it is kept.
        result: of the fit, if its observations are known.
        read: how the table was read, if it was read in parts; in place of a `ReadAnswer`.
    """
    facts: dict[str, Any] = {"id": model_id}
    if read:
        facts |= {"filled": 0, "dropped": read["dropped"], "read": read}
    if result:
        table = result.table
        facts |= {"filled": table.filled, "dropped": table.dropped}
        if table.convergence:
            facts["imputation"] = describe_imputation(table.convergence)
        facts["read"] = describe_reading(table, result.model)
        if table.supplementary and result.supplementary is not None:
            facts["supplementary"] = SupplementaryAnswer(
                names=[*table.supplementary.names],
                correlations=[[*map(_finite, row)] for row in result.supplementary.tolist()],
            )
    front = json.dumps(facts, separators=(",", ":")).encode()
    return front.removesuffix(b"}") + b"," + document.removeprefix(b"{") + b"\n"


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def describe_imputation(convergence: Convergence) -> Imputation:
    """Return how an iterative imputation ended."""
    return Imputation(
        components=convergence.components,
        iterations=convergence.iterations,
        converged=convergence.converged,
        change=convergence.change,
    )


def encode_components(model: PcaModel, media_type: str) -> bytes:
    """Return a table with one row for each component of a model, as CSV or an Arrow stream.

    Rotated components are given by their loadings, divided by the root of what they explain.
    """
    names = ["component", "explained_variance", "explained_variance_ratio", *model.names]
    explained, components = model.explained_variance, model.components
    ratio = model.explained_variance_ratio
    if model.rotation is not None:
        explained = model.rotated_variance
        ratio = explained * (ratio[0] / model.explained_variance[0])
        components = model.loadings / np.sqrt(explained)[:, np.newaxis]
    columns = [model.component_names, explained, ratio, *components.T]
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
    names = result.model.component_names
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
    answer = PointsAnswer(
        fit=model_id,
        n=n,
        p=p,
        names=[*names],
        points=result.values.tolist(),
        read=describe_reading(result.table, result.model),
    )
    return encode_json(answer)


def summarize(model: PcaModel, table: Table, model_id: str = "") -> Summary:
    """Return the `Summary` of a model and observations, for the result event."""
    summary = Summary(
        n=len(table.values),
        p=len(model.names),
        explained_variance_ratio=model.explained_variance_ratio[:_MOST_PUBLISHED].tolist(),
        read=summarize_reading(table),
    )
    return {"fit": model_id, **summary} if model_id else summary


def encode_csv(names: Sequence[str], columns: Sequence[Column]) -> bytes:
    """Return a line of names and one line for each row; numbers come back to the last bit.

    Names that a spreadsheet would compute have an apostrophe before them, in any column of text.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([mark_formula(name) for name in names])
    writer.writerows(zip(*(_list_cells(column) for column in columns), strict=True))
    return text.getvalue().encode()


def encode_matrix(
    matrix: Array, names: Sequence[str], table: Table, media_type: str, **further: Column
) -> bytes:
    """Return a matrix as a table.

    Args:
        matrix: (n, m).
        names: of its columns.
        table: what it was computed from; its row names and groups become the first columns, after
            the numbers of the observations if some were left out. An .npy holds the matrix alone.
        media_type: CSV, NPY or ARROW.
        further: columns (n,) appended after the matrix.
    """
    if media_type == NPY:
        return encode_npy(matrix)
    front: dict[str, Column] = {"observation": table.numbers} if table.dropped else {}
    front |= {"name": table.labels} if table.labels else {}
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
    from meshlens.pca.tables.binary import arrow_ipc  # noqa: PLC0415 - Arrow takes 40 MB, which other answers do without

    return arrow_ipc.encode_arrow(names, columns)


def _list_cells(column: Column) -> Sequence[Any]:
    if isinstance(column, np.ndarray):
        numbers: list[Any] = column.tolist()
        return numbers
    return [mark_formula(cell) if isinstance(cell, str) else cell for cell in column]


def _describe_scores(result: TransformResult, model_id: str) -> ScoresAnswer:
    n, k = result.values.shape
    table, diagnostics = result.table, result.diagnostics
    answer = ScoresAnswer(
        n=n,
        k=k,
        scores=result.values.tolist(),
        filled=table.filled,
        dropped=table.dropped,
        read=describe_reading(table, result.model),
    )
    if table.convergence:
        answer["imputation"] = describe_imputation(table.convergence)
    if table.dropped:
        answer["observations"] = [*table.numbers]
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
        # Both are of the principal components.
        if result.model.rotation is None:
            answer["cos2"] = diagnostics.cos2.tolist()
            answer["contributions"] = diagnostics.contributions.tolist()
    return {"fit": model_id, **answer} if model_id else answer
