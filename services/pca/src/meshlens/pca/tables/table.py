"""Bytes of any accepted content type -> a table of observations.

A codec for each way to write a table reads columns; here it is said which of them hold groups and
what becomes of missing numbers.
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
from meshlens.pca.tables.columns import MOST_COLUMNS, Columns, Reading, quote, take_groups, too_wide
from meshlens.pca.tables.delimited import decode_form, decode_text, nothing
from meshlens.pca.tables.json_tables import decode_json
from meshlens.pca.tables.npy import MAGIC as NPY_MAGIC
from meshlens.pca.tables.npy import decode_npy

Array: TypeAlias = npt.NDArray[np.float64]

_ARROW_MAGICS = (b"ARROW1\0\0", b"\xff\xff\xff\xff")


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
    """

    values: Array
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    filled: int = 0
    dropped: int = 0


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
            says otherwise; rows say it themselves and must agree with it.
        group: name of the column that holds groups; without it, the one column of names does.
        header: whether the first row of text holds names; None to see for oneself.
        missing: what becomes of observations with missing numbers.
        variables: what there must be, in this order; named columns are put in it.
        model: the fit of these variables by which missing numbers are filled in.

    Raises:
        InvalidOption: no column is called `group`.
        InvalidTable: the body is no table of finite numbers, or of no type that is read, or its
            rows have other columns than `columns` or `variables`.
    """
    decode = _DECODERS.get(content_type)
    if decode is None:
        raise InvalidTable(
            f"content type must be one of {', '.join(filter(None, _DECODERS))}",
            got=shorten(content_type),
            remedy="say how the body is written, or leave the content type out for text",
        )
    if not body:
        raise nothing()
    width = columns or len(variables) or None
    read = decode(body, Reading(columns=width, group=group, header=header))
    read, groups, labels = take_groups(read, group)
    if variables:
        read = _order(read, tuple(variables))
    _check_columns(read, width)
    _check_infinite(read)
    table = Table(read.values, read.names, groups, labels)
    return _complete(table, read, missing, model)


def _decode_binary(body: bytes, reading: Reading) -> Columns:
    """Read what its first bytes say it is."""
    if body.startswith(NPY_MAGIC):
        return decode_npy(body, reading)
    if body.startswith(_ARROW_MAGICS):
        return _decode_arrow(body, reading)
    return (decode_json if body.lstrip()[:1] in (b"[", b"{") else decode_text)(body, reading)


def _decode_arrow(body: bytes, reading: Reading) -> Columns:
    from meshlens.pca.tables import arrow_ipc  # noqa: PLC0415 - Arrow takes 40 MB, which other input does without

    return arrow_ipc.decode_arrow(body, reading)


_DECODERS: Mapping[str, Callable[[bytes, Reading], Columns]] = {
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


def _order(read: Columns, names: tuple[str, ...]) -> Columns:
    """Put the columns in the order of a fit's variables, by name where both have names.

    Raises:
        InvalidTable: the names are not the same.
    """
    unnamed = names == name_variables(len(names))
    if not read.names or unnamed or read.names == names:
        return read
    absent = [name for name in names if name not in read.names]
    other = [name for name in read.names if name not in names]
    if absent or other or len(read.names) != len(names):
        raise InvalidTable(
            f"columns must have the names of the fit, {quote(names)}, in any order",
            got=f"{quote(other) or 'no others'} but not {quote(absent) or 'one of them twice'}",
            remedy="rename the columns, or send rows without a header in the order of the fit",
        )
    order = [read.names.index(name) for name in names]
    return replace(
        read,
        values=read.values[:, order],
        names=names,
        places=[read.places[index] for index in order],
    )


def _check_columns(read: Columns, columns: int | None) -> None:
    p = read.values.shape[1]
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


def _check_infinite(read: Columns) -> None:
    if _is_finite(read.values):
        return
    infinite = np.isinf(read.values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        place = read.place(int(row), int(column))
        raise InvalidTable(
            "every number must be finite",
            got=f"{read.values[row, column]} at {place}",
            remedy="correct it or leave that observation out",
            places=[place],
        )


def _complete(table: Table, read: Columns, how: Missing, model: PcaModel | None) -> Table:
    """Do with missing numbers what the caller has chosen."""
    if _is_finite(table.values):
        return table
    missing = np.isnan(table.values)
    if how is Missing.REFUSE:
        imputation.refuse(table.values, missing, read.place)
    if how is not Missing.DROP:
        values = (
            imputation.fill(table.values, missing, how, model) if missing.any() else table.values
        )
        return replace(table, values=values, filled=int(missing.sum()))
    kept = np.logical_not(missing.any(axis=1, keepdims=True)).reshape(-1)
    if not kept.any():
        raise InvalidTable(
            "some observation must have all its numbers",
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
    """Say whether all values certainly are finite, in little time and no memory.

    A sum is finite only if all its terms are; a sum may overflow though they are.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def _select(cells: tuple[str, ...], kept: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(cell for cell, keep in zip(cells, kept, strict=True) if keep) if cells else ()
