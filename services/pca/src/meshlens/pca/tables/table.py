"""Bytes of any accepted content type -> a table of observations.

A codec for each content type reads columns; here they are matched with a model's variables,
checked, and completed where numbers are missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers import imputation
from meshlens.pca.numbers.decomposition import PcaModel, name_variables
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.columns import (
    MOST_COLUMNS,
    RawTable,
    ReadOptions,
    empty_body,
    quote,
    split_groups,
    too_wide,
)
from meshlens.pca.tables.formats import decode_body
from meshlens.pca.tables.reading import Reading

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Observations of variables.

    Attributes:
        values: (n, p), finite; n and p are at least 1.
        names: the variables, if the input has named them, else empty.
        groups: the group of each observation, if the input has groups, else empty.
        labels: the name of each observation, if the input has named them, else empty.
        filled: how many missing cells of `values` were filled in.
        dropped: how many observations were left out because cells were missing.
        reading: how the body was read.
    """

    values: Array
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    filled: int = 0
    dropped: int = 0
    reading: Reading = field(default_factory=Reading)


def decode_table(
    body: bytes,
    content_type: str = "",
    *,
    columns: int | None = None,
    group: str = "",
    header: bool | None = None,
    missing: Missing = Missing.REFUSE,
    sheet: str = "",
    variables: Sequence[str] = (),
    model: PcaModel | None = None,
) -> Table:
    """Read the observations of a body.

    Args:
        body: the bytes as they were sent.
        content_type: media type without parameters; none means text.
        columns: variables of an observation. One line of text has two unless this or `variables`
            is given; rows must agree with it.
        group: name of the column that holds groups; without it, the one column of names does.
        header: whether the first row of text holds names; None to detect it.
        missing: how to treat observations with missing numbers.
        sheet: name of the sheet of a workbook; without it, the first one with numbers.
        variables: the required columns, in this order; named columns are reordered to match.
        model: of these variables; used to fill in missing numbers.

    Raises:
        InvalidOption: no column is called `group`, or no sheet `sheet`.
        InvalidTable: the body is not a table of finite numbers, its type is not supported, or its
            columns do not match `columns` or `variables`.
    """
    if not body:
        raise empty_body()
    width = columns or len(variables) or None
    raw = decode_body(
        body, content_type, ReadOptions(columns=width, group=group, header=header, sheet=sheet)
    )
    raw, groups, labels = split_groups(raw, group)
    if variables:
        raw = _order(raw, tuple(variables))
    _check_columns(raw, width)
    _check_infinite(raw)
    table = Table(raw.values, raw.names, groups, labels, reading=raw.reading)
    return _complete(table, raw, missing, model)


def _order(raw: RawTable, names: tuple[str, ...]) -> RawTable:
    """Put the columns in the order of a model's variables, by name where both have names.

    Raises:
        InvalidTable: the names are not the same.
    """
    unnamed = names == name_variables(len(names))
    if not raw.names or unnamed or raw.names == names:
        return raw
    absent = [name for name in names if name not in raw.names]
    other = [name for name in raw.names if name not in names]
    if absent or other or len(raw.names) != len(names):
        raise InvalidTable(
            f"columns must have the names of the fit, {quote(names)}, in any order",
            got=f"{quote(other) or 'no others'} but not {quote(absent) or 'one of them twice'}",
            remedy="rename the columns, or send rows without a header in the order of the fit",
        )
    order = [raw.names.index(name) for name in names]
    return replace(
        raw,
        values=raw.values[:, order],
        names=names,
        places=[raw.places[index] for index in order],
    )


def _check_columns(raw: RawTable, columns: int | None) -> None:
    p = raw.values.shape[1]
    if p > MOST_COLUMNS:
        raise too_wide(p)
    if p < 1:
        raise InvalidTable(
            "at least one column must hold numbers", got="none", remedy="send numbers"
        )
    if columns is not None and p != columns:
        raise InvalidTable(
            f"rows must have the {columns} columns that the option columns or the fit says",
            got=f"{p}",
            remedy="correct the rows or the option",
        )


def _check_infinite(raw: RawTable) -> None:
    if _is_finite(raw.values):
        return
    infinite = np.isinf(raw.values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        place = raw.place(int(row), int(column))
        raise InvalidTable(
            "every number must be finite",
            got=f"{raw.values[row, column]} at {place}",
            remedy="correct it or leave that observation out",
            places=[place],
        )


def _complete(table: Table, raw: RawTable, how: Missing, model: PcaModel | None) -> Table:
    """Refuse, drop or fill in observations with missing numbers, as the caller has chosen."""
    if _is_finite(table.values):
        return table
    missing = np.isnan(table.values)
    if how is Missing.REFUSE:
        imputation.refuse(table.values, missing, raw.place)
    if how is not Missing.DROP:
        values = (
            imputation.fill(table.values, missing, how, model) if missing.any() else table.values
        )
        return replace(table, values=values, filled=int(missing.sum()))
    kept = np.logical_not(missing.any(axis=1, keepdims=True)).reshape(-1)
    if not kept.any():
        raise InvalidTable(
            "at least one observation must be complete",
            got=f"missing ones in all {len(kept)}",
            remedy="say missing=mean or missing=iterative",
        )
    return replace(
        table,
        values=table.values[kept],
        groups=_select(table.groups, kept),
        labels=_select(table.labels, kept),
        dropped=int(len(kept) - kept.sum()),
    )


def _is_finite(values: Array) -> bool:
    """Return whether all values are finite: a cheap check that is sufficient, not necessary.

    A sum is finite only if all its terms are; a sum may overflow though they are.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def _select(cells: tuple[str, ...], kept: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(cell for cell, keep in zip(cells, kept, strict=True) if keep) if cells else ()
