"""How a body was read -> what the answer and the event say about it."""

from typing import Any

from meshlens.pca.answers.schemas import (
    LeftOutAnswer,
    ReadAnswer,
    ReadSummary,
    SkippedAnswer,
)
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.reading import Reading
from meshlens.pca.tables.table import Table


def describe_reading(table: Table, model: PcaModel) -> ReadAnswer:
    """Return how the table was read, with the names of its columns."""
    reading = table.reading
    answer = ReadAnswer(
        format=reading.format,
        variables=[*(table.names or model.names)],
        left_out=[
            LeftOutAnswer(column=column.column, name=column.name, why=column.why)
            for column in reading.left_out
        ],
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


def _describe_text(reading: Reading) -> dict[str, Any]:
    if not reading.delimiter:
        return {}
    return {
        "encoding": reading.encoding,
        "delimiter": reading.delimiter,
        "decimal_mark": reading.decimal_mark,
        "header_row": reading.header_row,
    }
