"""How a body was read -> what the answer and the event say about it."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from meshlens.pca.answers.schemas import (
    FailedPartAnswer,
    LeftOutAnswer,
    ReadAnswer,
    ReadPartsAnswer,
    ReadSummary,
    SkippedAnswer,
)
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.reading import Reading
from meshlens.pca.tables.table import Table

# Where a part is, and why it cannot be read.
FailedPart: TypeAlias = tuple[str, str]

_MOST_PARTS = 100


def describe_reading(table: Table, model: PcaModel) -> ReadAnswer:
    """Return how the table was read, with the names of its columns."""
    reading = table.reading
    answer = ReadAnswer(
        format=reading.format,
        variables=[*(table.names or model.names)],
        left_out=_list_columns(reading),
        skipped=[SkippedAnswer(rows=[*each.rows], why=each.why) for each in reading.skipped],
        dropped=[*reading.dropped],
        filled=[*reading.filled],
        notes=[*reading.notes],
    )
    parts: dict[str, Any] = {
        "transposed": reading.transposed,
        "names": reading.labels,
        "group": reading.groups,
        "color": table.color and table.color.name,
        "shape": table.shape and table.shape.name,
        "supplementary": table.supplementary and [*table.supplementary.names],
    }
    known = {name: part for name, part in parts.items() if part}
    return {**_describe_text(reading), **answer, **known}  # type: ignore[typeddict-item] # keys of ReadAnswer


def describe_parts(
    reading: Reading, model: PcaModel, *, dropped: int, parts: int, failed: Sequence[FailedPart]
) -> ReadPartsAnswer:
    """Return how a table in parts was read.

    Args:
        reading: of its first file, with all notes.
        model: that was fitted to it.
        dropped: observations with missing numbers.
        parts: that were read.
        failed: those that could not be.
    """
    answer = ReadPartsAnswer(
        format=reading.format,
        variables=[*model.names],
        left_out=_list_columns(reading),
        observations=model.n,
        dropped=dropped,
        parts=parts,
        parts_left_out=len(failed),
        first_left_out=[
            FailedPartAnswer(part=part, reason=reason) for part, reason in failed[:_MOST_PARTS]
        ],
        notes=[*reading.notes],
    )
    return {**_describe_text(reading), **answer}  # type: ignore[typeddict-item] # keys of ReadPartsAnswer


def summarize_reading(table: Table) -> ReadSummary:
    """Return how the table was read, with counts in place of what the input contains."""
    reading = table.reading
    summary = ReadSummary(
        format=reading.format,
        left_out=len(reading.left_out),
        skipped=sum(len(each.rows) for each in reading.skipped),
        dropped=len(reading.dropped),
        filled=len(reading.filled),
        notes=len(reading.notes),
    )
    return {**_describe_text(reading), **summary}  # type: ignore[typeddict-item] # keys of ReadSummary


def _list_columns(reading: Reading) -> list[LeftOutAnswer]:
    return [
        LeftOutAnswer(column=column.column, name=column.name, why=column.why)
        for column in reading.left_out
    ]


def _describe_text(reading: Reading) -> dict[str, Any]:
    if not reading.delimiter:
        return {}
    return {
        "encoding": reading.encoding,
        "delimiter": reading.delimiter,
        "decimal_mark": reading.decimal_mark,
        "header_row": reading.header_row,
    }
