"""Arrow's record batches -> columns of numbers and of names, whatever format they come from.

Import this module where such input arrives: Arrow takes 40 MB.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import (
    MOST_COLUMNS,
    Content,
    NameColumn,
    RawTable,
    holds_names,
    quote,
    too_wide,
)
from meshlens.pca.tables.dictionary import Dictionary
from meshlens.pca.tables.reading import Reading

_PANDAS_INDEX = "__index_level_0__"
_NUMBER = pa.float64()


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a schema hold what.

    Attributes:
        schema: of the batches.
        numbers: indices of the columns of numbers.
        texts: indices of those of names.
        truths: indices of those in `numbers` that hold truth values.
        row_names: names of the columns that name the observations.
    """

    schema: pa.Schema
    numbers: tuple[int, ...]
    texts: tuple[int, ...]
    truths: tuple[int, ...]
    row_names: frozenset[str]

    def read(self, batches: Iterable[pa.RecordBatch], rows: int, form: str) -> RawTable:
        """Return the columns of batches of this schema.

        Args:
            batches: read one after the other.
            rows: how many they have in all, at most.
            form: the name of their format.

        Raises:
            InvalidTable: there are no observations, or more than `rows`.
            pa.ArrowException: a batch is damaged.
        """
        values = np.empty((rows, len(self.numbers)))
        cells = [Dictionary() for _ in self.texts]
        row = 0
        for batch in batches:
            # Reading does not check offsets; a bad one may point anywhere.
            batch.validate(full=True)
            end = row + batch.num_rows
            if end > rows:
                raise pa.ArrowInvalid(f"more than the {rows} rows that it says")
            for column, index in enumerate(self.numbers):
                numeric = batch.column(index).cast(_NUMBER, safe=False)
                values[row:end, column] = numeric.to_numpy(zero_copy_only=False)
            for names, index in zip(cells, self.texts, strict=True):
                names.add(batch.column(index))
            row = end
        if not row:
            raise no_rows()
        fields = self.schema.names
        truths = quote(fields[index] for index in self.truths)
        return RawTable(
            values=values[:row],
            places=[index + 1 for index in self.numbers],
            names=tuple(fields[index] for index in self.numbers),
            texts=tuple(
                NameColumn(
                    fields[index],
                    tuple(names),
                    names_rows=fields[index] in self.row_names,
                    place=index + 1,
                )
                for index, names in zip(self.texts, cells, strict=True)
            ),
            reading=Reading(
                format=form,
                notes=(f"true and false are read as 1 and 0: {truths}",) if truths else (),
            ),
        )


def no_rows() -> InvalidTable:
    """Return the fault of a table without observations."""
    return InvalidTable("the body must hold observations", got="no rows", remedy="send some")


def split_schema(schema: pa.Schema, declared: Collection[str]) -> Columns:
    """Return which columns hold numbers, and which hold names.

    Dates are names, and so is what pandas calls the index.

    Raises:
        InvalidTable: a column holds something else, none holds numbers, or there are too many.
    """
    if len(schema) > MOST_COLUMNS:
        raise too_wide(len(schema))
    row_names = _find_index(schema)
    numbers: list[int] = []
    texts: list[int] = []
    truths: list[int] = []
    for index, field in enumerate(schema):
        kind = field.type
        is_dictionary = pa.types.is_dictionary(kind)
        kind = kind.value_type if is_dictionary else kind
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        is_date = (
            not is_dictionary and pa.types.is_temporal(kind) and not pa.types.is_duration(kind)
        )
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        is_truth = pa.types.is_boolean(kind) and not is_dictionary
        is_decimal = pa.types.is_decimal(kind) and not is_dictionary
        if not (is_text or is_date or is_number or is_truth or is_decimal):
            place = Place(column=index + 1, field=field.name)
            raise InvalidTable(
                "every column must hold numbers or names",
                got=f"{str(kind)[:80]} in {place}",
                remedy="convert it or leave it out",
                places=[place],
            )
        is_name = is_number and (is_dictionary or field.name in {*declared, *row_names})
        content = {Content.NAME if is_text or is_date else Content.NUMBER}
        (texts if holds_names(content, declared=is_name) else numbers).append(index)
        if is_truth:
            truths.append(index)
    if not numbers:
        raise InvalidTable(
            "at least one column must hold numbers", got="none", remedy="send numbers"
        )
    # Of several columns that could name the observations, the first does.
    texts.sort(key=lambda index: schema.names[index] not in row_names)
    return Columns(schema, tuple(numbers), tuple(texts), tuple(truths), row_names)


def _find_index(schema: pa.Schema) -> frozenset[str]:
    """Return the names of the columns that were the index of a pandas data frame."""
    described = (schema.metadata or {}).get(b"pandas", b"{}")
    try:
        columns = json.loads(described).get("index_columns", [])
        named = {name for name in columns if isinstance(name, str)}
    except (ValueError, AttributeError, TypeError, RecursionError):
        named = set()
    return frozenset({_PANDAS_INDEX, *named})
