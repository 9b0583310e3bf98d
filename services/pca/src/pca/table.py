"""Bytes of any accepted content type -> a table of observations.

Text is one line `x1,y1,x2,y2,...` or one comma-separated line for each observation, with or without
a header; JSON is one array for each observation. A fast parser reads what is right; what it
refuses is read again, slowly, to name the place of the fault.
"""

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import islice
from reprlib import repr as shorten
from typing import Annotated, TypeAlias
from urllib.parse import unquote_to_bytes

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, FailFast, FiniteFloat, TypeAdapter, ValidationError

from pca.errors import InvalidTable

Array: TypeAlias = npt.NDArray[np.float64]
_Lines: TypeAlias = Callable[[], Iterator[str]]

# Beyond, the decomposition and its answer outgrow one request.
MOST_COLUMNS = 10_000
_COLUMNS_OF_A_LINE = 2

_JSON_ROWS = TypeAdapter(
    Annotated[list[Annotated[list[FiniteFloat], FailFast()]], FailFast()],
    config=ConfigDict(strict=True),
)


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


def decode_table(body: bytes, content_type: str = "", *, columns: int | None = None) -> Table:
    """Read the observations of a body.

    Args:
        body: the bytes as they were sent.
        content_type: media type without parameters; none means text.
        columns: variables of an observation. One line of text has two unless this says otherwise;
            rows say it themselves and must agree with it.

    Raises:
        InvalidTable: the body is no table of finite numbers, or of no type that is read, or its
            rows have another number of columns than `columns`.
    """
    decode = _DECODERS.get(content_type)
    if decode is None:
        raise InvalidTable(
            f"content type must be one of {', '.join(filter(None, _DECODERS))}",
            got=shorten(content_type),
            remedy="say how the body is written, or leave the content type out for text",
        )
    if not body or body.isspace():
        raise _nothing()
    table = decode(body, columns)
    if table.values.shape[1] > MOST_COLUMNS:
        raise InvalidTable(
            f"observations must have at most {MOST_COLUMNS} variables",
            got=f"{table.values.shape[1]}",
            remedy="send one row for each observation, or fewer columns",
        )
    return table


def _decode_form(body: bytes, columns: int | None) -> Table:
    """Read text that a form has sent, or that `curl -d` has labelled so without escaping it.

    A plus sign is a space only where something is escaped: else it belongs to a number.
    """
    if b"%" in body:
        body = unquote_to_bytes(body.replace(b"+", b" "))
    return _decode_text(body, columns)


def _decode_text(body: bytes, columns: int | None) -> Table:
    _check_encoding(body)
    lines = _read_lines(body)
    first, second = next(lines, None), next(lines, None)
    if first is None:
        raise _nothing()
    if second is None:
        return _decode_line(first, columns or _COLUMNS_OF_A_LINE)
    return _decode_lines(body, _parse_header(first), columns)


def _decode_line(line: str, columns: int) -> Table:
    """Read `x1,y1,x2,y2,...`."""
    values = _parse(lambda: iter([line]), first_row=None)
    if values.size % columns:
        raise InvalidTable(
            f"the number of values on one line must be a multiple of its {columns} columns",
            got=f"{values.size} values",
            remedy="complete the last observation, say columns=p, or send one row a line"
            " (curl needs --data-binary for that: -d joins the lines)",
        )
    return Table(values.reshape(-1, columns))


def _decode_lines(body: bytes, names: tuple[str, ...], columns: int | None) -> Table:
    """Read one observation a line, after the line of names if there is one."""
    skipped = 1 if names else 0
    values = _parse(lambda: islice(_read_lines(body), skipped, None), first_row=1 + skipped)
    if names and len(names) != values.shape[1]:
        raise InvalidTable(
            f"rows must have the {len(names)} columns that row 1 names",
            got=f"{values.shape[1]}",
            remedy="name each column, or send no header",
        )
    _check_columns(values, columns)
    return Table(values, names)


def _decode_json(body: bytes, columns: int | None) -> Table:
    try:
        rows = _JSON_ROWS.validate_json(body)
    except ValidationError as error:
        raise _explain_json(error) from None
    if not rows or not rows[0]:
        raise InvalidTable(
            "JSON must hold at least one row of at least one number",
            got="none",
            remedy="send [[x1, y1], [x2, y2], ...]",
        )
    for row, values in enumerate(rows, start=1):
        if len(values) != len(rows[0]):
            raise _ragged(len(rows[0]), len(values), row)
    table = Table(np.array(rows, dtype=np.float64))
    _check_columns(table.values, columns)
    return table


_DECODERS: Mapping[str, Callable[[bytes, int | None], Table]] = {
    "": _decode_text,
    "text/plain": _decode_text,
    "text/csv": _decode_text,
    "application/x-www-form-urlencoded": _decode_form,
    "application/json": _decode_json,
}


def _check_encoding(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise InvalidTable(
            "text must be UTF-8",
            got=f"byte 0x{body[error.start]:02x} at position {error.start + 1}",
            remedy="encode it as UTF-8, or name the content type if it is no text",
        ) from None


def _read_lines(body: bytes) -> Iterator[str]:
    """Yield the lines that are not blank, one at a time: a list of them takes much memory."""
    return filter(str.strip, TextIOWrapper(BytesIO(body), encoding="utf-8-sig"))


def _parse(lines: _Lines, *, first_row: int | None) -> Array:
    """Parse lines of equally many finite numbers to (n, p).

    Args:
        lines: starts reading at the first line; there is one at least.
        first_row: how messages count that line; None if all values stand on it.
    """
    try:
        values = np.loadtxt(lines(), delimiter=",", comments=None, ndmin=2)
    except ValueError:
        raise _explain_text(lines, first_row) from None
    if not np.isfinite(values).all():
        raise _explain_text(lines, first_row)
    return values


def _explain_text(lines: _Lines, first_row: int | None) -> InvalidTable:
    """Find the first field that is no finite number, or the first row of another length."""
    expected = 0
    for row, line in enumerate(lines(), start=first_row or 1):
        fields = line.split(",")
        for column, field in enumerate(fields, start=1):
            number = _parse_number(field)
            if number is None or not math.isfinite(number):
                what = shorten(field.strip()) if field.strip() else "an empty field"
                place = f"row {row}, column {column}" if first_row else f"value {column}"
                return InvalidTable(
                    "every field must be a finite number, with commas between them",
                    got=f"{what} at {place}",
                    remedy="correct it or leave that observation out",
                )
        expected = expected or len(fields)
        if len(fields) != expected:
            return _ragged(expected, len(fields), row)
    raise AssertionError("the fast parser refuses only what this one can name")


def _parse_header(line: str) -> tuple[str, ...]:
    """Return the names in a line of which no field is a number, else nothing."""
    if any(_parse_number(field) is not None for field in line.split(",")):
        return ()
    try:
        (fields,) = csv.reader([line.strip()], skipinitialspace=True)
    except csv.Error as error:
        raise InvalidTable(
            "row 1 must be numbers or names", got=str(error), remedy="shorten the names"
        ) from None
    return tuple(field.strip() or f"x{column}" for column, field in enumerate(fields, start=1))


def _parse_number(field: str) -> float | None:
    """Return the number that a field is for numpy, which reads less than float() does."""
    if "_" in field or not field.isascii():
        return None
    try:
        return float(field)
    except ValueError:
        return None


def _explain_json(error: ValidationError) -> InvalidTable:
    (mistake, *_) = error.errors(include_url=False)
    place = [int(part) + 1 for part in mistake["loc"]]
    match mistake["type"], place:
        case "json_invalid", _:
            return InvalidTable(
                "the body must be JSON",
                got=mistake["msg"].removeprefix("Invalid JSON: "),
                remedy="send [[x1, y1], [x2, y2], ...] or say another content type",
            )
        case _, [row, column]:
            return InvalidTable(
                "every value must be a finite JSON number",
                got=f"{shorten(mistake['input'])} at row {row}, column {column}",
                remedy="correct it or leave that observation out",
            )
        case _:
            where = f"row {place[0]}" if place else "the body"
            return InvalidTable(
                "JSON must be an array of rows, each an array of numbers",
                got=f"{shorten(mistake['input'])} as {where}",
                remedy="send [[x1, y1], [x2, y2], ...]",
            )


def _check_columns(values: Array, columns: int | None) -> None:
    if columns is not None and values.shape[1] != columns:
        raise InvalidTable(
            f"rows must have the {columns} columns that the option columns or the fit says",
            got=f"{values.shape[1]}",
            remedy="correct the rows or the option",
        )


def _ragged(expected: int, length: int, row: int) -> InvalidTable:
    return InvalidTable(
        f"rows must have equal length, {expected} as the first",
        got=f"{length} at row {row}",
        remedy="complete or shorten that row",
    )


def _nothing() -> InvalidTable:
    return InvalidTable(
        "the body must hold observations",
        got="an empty body",
        remedy="send numbers as x1,y1,x2,y2,... or one row a line",
    )
