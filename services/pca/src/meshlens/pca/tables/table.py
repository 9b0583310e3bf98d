"""Bytes of any accepted content type -> a table of observations.

A codec for each content type reads columns; here they are matched with a model's variables,
checked, and completed where numbers are missing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from reprlib import repr as shorten
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers import imputation
from meshlens.pca.numbers.decomposition import PcaModel, name_variables
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.tables.arrow_bounds import FILE_MAGIC, STREAM_MAGIC
from meshlens.pca.tables.columns import (
    MOST_COLUMNS,
    RawTable,
    ReadOptions,
    empty_body,
    quote,
    split_groups,
    too_wide,
)
from meshlens.pca.tables.delimited import decode_form, decode_text
from meshlens.pca.tables.json_tables import decode_json
from meshlens.pca.tables.npy import MAGIC as NPY_MAGIC
from meshlens.pca.tables.npy import decode_npy

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A number for each observation that colours its mark and takes no part in the analysis.

    Attributes:
        name: of its column.
        values: (n,); NaN where it is not known.
    """

    name: str
    values: Array


@dataclass(frozen=True, slots=True)
class Factor:
    """A label for each observation that shapes its mark.

    Attributes:
        name: of its column.
        labels: n of them.
    """

    name: str
    labels: tuple[str, ...]


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
        color: of each observation in pictures, if the caller has chosen a column.
        shape: of each observation in pictures, if the caller has chosen a column.
    """

    values: Array
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    filled: int = 0
    dropped: int = 0
    color: Measure | None = None
    shape: Factor | None = None


def decode_table(
    body: bytes,
    content_type: str = "",
    *,
    columns: int | None = None,
    group: str = "",
    header: bool | None = None,
    missing: Missing = Missing.REFUSE,
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
        variables: the required columns, in this order; named columns are reordered to match.
        model: of these variables; used to fill in missing numbers.

    Raises:
        InvalidOption: no column is called `group`.
        InvalidTable: the body is not a table of finite numbers, its type is not supported, or its
            columns do not match `columns` or `variables`.
    """
    decode = _DECODERS.get(content_type)
    if decode is None:
        raise InvalidTable(
            f"content type must be one of {', '.join(filter(None, _DECODERS))}",
            got=shorten(content_type),
            remedy="say how the body is written, or leave the content type out for text",
        )
    if not body:
        raise empty_body()
    width = columns or len(variables) or None
    raw = decode(body, ReadOptions(columns=width, group=group, header=header))
    raw, groups, labels = split_groups(raw, group)
    if variables:
        raw = _order(raw, tuple(variables))
    _check_columns(raw, width)
    _check_infinite(raw)
    table = Table(raw.values, raw.names, groups, labels)
    return _complete(table, raw, missing, model)


def _decode_binary(body: bytes, options: ReadOptions) -> RawTable:
    """Read a body whose first bytes identify its type."""
    if body.startswith(NPY_MAGIC):
        return decode_npy(body, options)
    if body.startswith((FILE_MAGIC, STREAM_MAGIC)):
        return _decode_arrow(body, options)
    return (decode_json if body.lstrip()[:1] in (b"[", b"{") else decode_text)(body, options)


def _decode_arrow(body: bytes, options: ReadOptions) -> RawTable:
    from meshlens.pca.tables import arrow_ipc  # noqa: PLC0415 - Arrow takes 40 MB, which other input does without

    return arrow_ipc.decode_arrow(body, options)


_DECODERS: Mapping[str, Callable[[bytes, ReadOptions], RawTable]] = {
    "": decode_text,
    "text/plain": decode_text,
    "text/csv": decode_text,
    "text/tab-separated-values": decode_text,
    "application/x-www-form-urlencoded": decode_form,
    "application/json": decode_json,
    "application/x-npy": decode_npy,
    "application/vnd.apache.arrow.stream": _decode_arrow,
    "application/vnd.apache.arrow.file": _decode_arrow,
    "application/octet-stream": _decode_binary,
}


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
        color=table.color and replace(table.color, values=table.color.values[kept]),
        shape=table.shape and replace(table.shape, labels=_select(table.shape.labels, kept)),
    )


def _is_finite(values: Array) -> bool:
    """Return whether all values are finite: a cheap check that is sufficient, not necessary.

    A sum is finite only if all its terms are; a sum may overflow though they are.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def _select(cells: tuple[str, ...], kept: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(cell for cell, keep in zip(cells, kept, strict=True) if keep) if cells else ()
