"""Where a text is cut: at ends of lines that no quotes enclose."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from meshlens.faults import Place
from meshlens.pca.batch.sources.opening import File
from meshlens.pca.errors import InvalidTable

_LONGEST = 1 << 28  # bytes of a row
_END = ord("\n")


@dataclass(frozen=True, slots=True)
class Lines:
    """Neighbouring lines of a text.

    Attributes:
        start, end: of their bytes.
        first: the number of the first line, from 1.
        count: how many there are.
    """

    start: int
    end: int
    first: int
    count: int


def cut_lines(file: File, most: int, *, quote: str, delimiter: str, table: int) -> Iterator[Lines]:
    """Yield ranges of lines of at most so many bytes, unless one row is longer.

    Args:
        file: whole text, in an encoding in which line ends are those of ASCII.
        most: bytes of a range.
        quote: what encloses cells, and line breaks in them.
        delimiter: between cells.
        table: where the first observation begins; what stands above is not looked at.

    Raises:
        InvalidTable: a quote is not closed, or stands within a cell that it does not enclose, so
            that it is unclear where rows end.
    """
    start, first = 0, 1
    while start < file.size:
        body, end = _read_rows(file, start, most, quote.encode(), table, first)
        _refuse_stray(body, first, quote.encode(), delimiter.encode(), max(table - start, 0))
        count = _count(body)
        yield Lines(start, end, first, count)
        start, first = end, first + count


def _read_rows(
    file: File, start: int, most: int, quote: bytes, table: int, first: int
) -> tuple[bytes, int]:
    """Return the bytes of as many whole rows as there are in a range, and where they end."""
    while True:
        length = min(most, file.size - start)
        body = file.read(start, length)
        above = max(table - start, 0)
        if start + length == file.size:
            if body.count(quote, above) % 2:
                raise _not_closed(first)
            return body, file.size
        end = find_end(body, quote, above)
        if end:
            return body[:end], start + end
        if length >= _LONGEST:
            raise _not_closed(first)
        most *= 2


def find_end(body: bytes, quote: bytes, above: int = 0) -> int:
    """Return where the last line ends that ends outside quotes, 0 if none does.

    Args:
        body: begins outside quotes.
        quote: what encloses cells.
        above: where the lines begin whose quotes count.
    """
    end = body.rfind(b"\n") + 1
    inside = body.count(quote, above, end) % 2
    while end > above and inside:
        before = body.rfind(b"\n", 0, body.rfind(quote, 0, end)) + 1
        inside ^= body.count(quote, max(before, above), end) % 2
        end = before
    return end if end > above else 0


def _count(body: bytes) -> int:
    """Return how many lines there are, an unfinished one included."""
    ends = body.count(b"\n") + body.count(b"\r") - body.count(b"\r\n")
    return ends + (not body.endswith((b"\n", b"\r")))


def _refuse_stray(body: bytes, first: int, quote: bytes, delimiter: bytes, above: int) -> None:
    """Refuse quotes that do not enclose whole cells, as counting them would then mislead."""
    if quote not in body:
        return
    text = np.frombuffer(body, dtype=np.uint8)
    places = np.flatnonzero(text[above:] == quote[0]) + above
    if not len(places):
        return
    marks = np.array([*delimiter, _END, ord("\r"), *(b"\t" if delimiter == b" " else b"")])
    opening, closing = places[0::2], places[1::2]
    begins = (opening == above) | np.isin(text[opening - 1], marks)
    begins[1:] |= opening[1:] == closing[: len(opening) - 1] + 1  # a doubled quote is one of a cell
    for at in np.flatnonzero(~begins).tolist():
        before = body[above : opening[at]].rstrip(b" ")
        if before and before[-1] not in marks:
            raise _stray(body, first, int(opening[at]))
    after = np.append(text, _END)[closing + 1]
    ends = np.isin(after, marks) | (after == quote[0])
    if not ends.all():
        raise _stray(body, first, int(closing[np.argmin(ends)]))


def _stray(body: bytes, first: int, at: int) -> InvalidTable:
    place = Place(row=first + _count(body[:at]) - 1 + (body[at - 1 : at] in (b"\n", b"\r")))
    return InvalidTable(
        "quotes must enclose whole cells of a text that is read in parts",
        got=f"one within a cell at {place}",
        remedy="double it and put the cell in quotes, or write the table as Parquet",
        places=[place],
    )


def _not_closed(first: int) -> InvalidTable:
    place = Place(row=first)
    return InvalidTable(
        "quotes must be closed, and rows shorter than 256 MiB",
        got=f"none of that below {place}",
        remedy="correct that row",
        places=[place],
    )
