"""Bytes of any accepted content type -> a table of observations.

A codec for each content type reads columns; here they are matched with a model's variables,
checked, and completed where numbers are missing.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.numbers import imputation
from meshlens.pca.numbers.decomposition import PcaModel, name_variables
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.numbers.iterative import Convergence
from meshlens.pca.numbers.scaling import Log, take_log
from meshlens.pca.tables.columns import (
    MOST_VARIABLES,
    RawTable,
    ReadOptions,
    TextOptions,
    empty_body,
    too_wide,
)
from meshlens.pca.tables.formats import decode_body
from meshlens.pca.tables.parts import transposition
from meshlens.pca.tables.parts.class_codes import find_class_codes
from meshlens.pca.tables.parts.identifiers import find_identifiers
from meshlens.pca.tables.parts.matching import match
from meshlens.pca.tables.parts.roles import Roles, assign
from meshlens.pca.tables.reading import Reading

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]
# Where the entry in a row and a column of the values is in the input.
Locate: TypeAlias = Callable[[int, int], Place]
T = TypeVar("T")

_NO_ROLES = Roles()


@dataclass(frozen=True, slots=True, eq=False)
class Supplementary:
    """Variables that have no part in the analysis but are related to it.

    Attributes:
        names: s of them.
        values: (n, s), nan where one is missing.
    """

    names: tuple[str, ...]
    values: Array


_CHARSET = re.compile(r"""charset\s*=\s*["']?([^"';\s]+)""", re.IGNORECASE)


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
        numbers: (n,), the number of each observation among those of the input, from 1; empty if
            none of them was left out.
        rows: the row of the input of each observation, those left out included; empty if they are
            not in rows of their own.
        color: of each observation in pictures, if the caller has chosen a column.
        shape: of each observation in pictures, if the caller has chosen a column.
        supplementary: variables that the caller has named so.
        reading: how the body was read.
        convergence: how an iterative imputation ended, if there was one.
    """

    values: Array
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    filled: int = 0
    dropped: int = 0
    numbers: Sequence[int] = ()
    rows: Sequence[int] = ()
    color: Measure | None = None
    shape: Factor | None = None
    supplementary: Supplementary | None = None
    reading: Reading = field(default_factory=Reading)
    convergence: Convergence | None = None


def decode_table(
    body: bytes,
    content_type: str = "",
    *,
    columns: int | None = None,
    header: bool | None = None,
    text: TextOptions | None = None,
    missing: Missing = Missing.REFUSE,
    sheet: str = "",
    log: Log = Log.NONE,
    transpose: bool = False,
    roles: Roles = _NO_ROLES,
    variables: Sequence[str] = (),
    model: PcaModel | None = None,
) -> Table:
    """Read the observations of a body.

    Args:
        body: the bytes as they were sent.
        content_type: media type, of whose parameters charset counts; none means text.
        columns: variables of an observation. One line of text has two unless this or `variables`
            is given; rows must agree with it.
        header: whether the first row of text holds names; None to detect it.
        text: how text is written, as far as that is not found.
        missing: how to treat observations with missing numbers.
        sheet: name of the sheet of a workbook; without it, the first one with numbers.
        log: the logarithm to take of every number, before missing ones are filled in.
        transpose: whether the rows of the input are variables, and its columns observations.
        roles: which column plays which part.
        variables: the required columns, in this order; named columns are reordered to match, and
            columns of other names are left out.
        model: of these variables; used to fill in missing numbers.

    Raises:
        InvalidOption: a role names no column or cannot be had with `transpose`, or no sheet is
            called `sheet`.
        InvalidTable: the body is not a table of finite numbers, its type is not supported, or its
            columns do not match `columns` or `variables`.
    """
    if not body:
        raise empty_body()
    media_type, charset = split_content_type(content_type)
    text = text or TextOptions()
    options = ReadOptions(
        columns=None if transpose else columns or len(variables) or None,
        declared=roles.declare(),
        header=header,
        sheet=sheet,
        variables=_real_names(variables),
        text=replace(text, charset=text.charset or charset),
    )
    cast = assign(decode_body(body, media_type, options), roles)
    columns_read = cast.variables
    if transpose:
        cast = transposition.transpose(cast, roles)
    raw, left_out = cast.variables, cast.left_out
    if variables:
        raw, unknown = match(raw, tuple(variables))
        left_out = (*left_out, *unknown)
    place: Locate = transposition.locate(raw, columns_read) if transpose else raw.place
    check_columns(raw, columns or len(variables) or None)
    check_infinite(raw.values, place)
    values = take_log(raw.values, log, place)
    hints: tuple[str, ...] = ()
    if not (roles.use or variables or transpose):
        hints = find_identifiers(raw) + (() if cast.groups else find_class_codes(raw))
    reading = replace(
        raw.reading,
        transposed=transpose,
        labels=cast.labels_column,
        groups=cast.groups_column,
        left_out=left_out,
        notes=(*raw.reading.notes, *hints),
    )
    table = Table(
        values=values,
        names=raw.names,
        groups=cast.groups,
        labels=cast.labels,
        rows=() if transpose else raw.row_numbers,
        color=None if cast.color is None else Measure(roles.color, cast.color),
        shape=Factor(roles.shape, cast.shapes) if roles.shape else None,
        supplementary=Supplementary(roles.supplementary, cast.supplementary)
        if roles.supplementary
        else None,
        reading=reading,
    )
    return _complete(table, missing, model, place)


def check_matrix(values: Array, *, names: Sequence[str] = (), log: Log = Log.NONE) -> Table:
    """Return numbers that were sent as a matrix as observations, after the checks of a body.

    Args:
        values: (n, p).
        names: of the variables, for messages.
        log: the logarithm to take of every number.

    Raises:
        InvalidTable: there is no observation, or a number is missing, infinite, or without a
            logarithm.
    """
    n, p = values.shape
    if n < 1:
        raise InvalidTable(
            "at least one observation must be there", got="none", remedy="send rows of numbers"
        )
    raw = RawTable(values, range(1, p + 1), tuple(names))
    check_infinite(values, raw.place)
    if not _is_finite(values) and (missing := np.isnan(values)).any():
        row, column = np.argwhere(missing)[0].tolist()
        where = raw.place(row, column)
        raise InvalidTable(
            "every number must be there",
            got=f"{int(missing.sum())} of {values.size} NaN, the first at {where}",
            remedy="leave these observations out, or send the method transform a table with"
            " missing=mean or missing=iterative",
            places=[where],
        )
    return Table(values=take_log(values, log, raw.place), names=raw.names)


def _real_names(variables: Sequence[str]) -> tuple[str, ...]:
    """Return the names of variables unless they were generated."""
    return () if tuple(variables) == name_variables(len(variables)) else tuple(variables)


def split_content_type(content_type: str) -> tuple[str, str]:
    """Return a media type in lower case, and its parameter charset, empty if there is none."""
    media_type, _, parameters = content_type.partition(";")
    charset = _CHARSET.search(parameters)
    return media_type.strip().lower(), charset[1] if charset else ""


def check_columns(raw: RawTable, columns: int | None) -> None:
    """Refuse a table without variables, with too many, or with others than there must be.

    Raises:
        InvalidTable: it is one.
    """
    p = raw.values.shape[1]
    if p > MOST_VARIABLES:
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


def check_infinite(values: Array, place: Locate) -> None:
    """Refuse infinite numbers; one that is missing is none of them.

    Raises:
        InvalidTable: there is one, at the place that is named.
    """
    if _is_finite(values):
        return
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0].tolist()
        where = place(row, column)
        raise InvalidTable(
            "every number must be finite",
            got=f"{values[row, column]} at {where}",
            remedy="correct it or leave that observation out",
            places=[where],
        )


def _complete(table: Table, how: Missing, model: PcaModel | None, place: Locate) -> Table:
    """Refuse, drop or fill in observations with missing numbers, as the caller has chosen."""
    if _is_finite(table.values):
        return table
    missing = np.isnan(table.values)
    if how is Missing.REFUSE:
        imputation.refuse(table.values, missing, place)
    incomplete = missing.any(axis=1)
    if not incomplete.any():
        return table
    rows = tuple(
        (where.column if table.reading.transposed else where.row) or row + 1
        for row in np.flatnonzero(incomplete).tolist()
        for where in [place(row, 0)]
    )
    if how is not Missing.DROP:
        values, convergence = imputation.fill(table.values, missing, how, model)
        doubts = (convergence.doubt,) if convergence and convergence.doubt else ()
        return replace(
            table,
            values=values,
            filled=int(missing.sum()),
            reading=replace(table.reading, filled=rows, notes=(*table.reading.notes, *doubts)),
            convergence=convergence,
        )
    if incomplete.all():
        raise InvalidTable(
            "at least one observation must be complete",
            got=f"missing ones in all {len(table.values)}",
            remedy="say missing=mean or missing=iterative",
        )
    kept = np.flatnonzero(~incomplete)
    return _select(
        replace(table, dropped=len(rows), reading=replace(table.reading, dropped=rows)), kept
    )


def _select(table: Table, kept: Whole) -> Table:
    """Return the observations at these indices."""

    def pick(cells: Sequence[T]) -> tuple[T, ...]:
        return tuple(map(cells.__getitem__, kept.tolist())) if cells else ()

    supplementary = table.supplementary
    return replace(
        table,
        values=table.values[kept],
        groups=pick(table.groups),
        labels=pick(table.labels),
        numbers=tuple(number + 1 for number in kept.tolist()),
        color=table.color and replace(table.color, values=table.color.values[kept]),
        shape=table.shape and replace(table.shape, labels=pick(table.shape.labels)),
        supplementary=supplementary and replace(supplementary, values=supplementary.values[kept]),
    )


def _is_finite(values: Array) -> bool:
    """Return whether all values are finite: a cheap check that is sufficient, not necessary.

    A sum is finite only if all its terms are; a sum may overflow though they are.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))
