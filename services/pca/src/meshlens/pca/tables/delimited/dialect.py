"""The dialect of delimited text: delimiter and quotes; and its records, with their numbers."""

import _csv
import csv
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from itertools import islice

import numpy as np

from meshlens.pca.tables.reading import SkippedRows

BLANK = " \r\n"  # a line of tabs is a row of missing cells
_RULE = re.compile(r"(?=[^|+]*[|+])[|+:= -]*-{3}[|+:= -]*\s*")  # of tables drawn with characters
_LINE_END = re.compile(rb"\r\n|\n|\r")
END_OF_FILE = "\x1a"  # what DOS programs write at the end

COMMENT, EMPTY, TITLE, UNITS = "comment", "empty", "title", "units"
RULE = "rule"
DELIMITER_LINE, CHOSEN = "delimiter line", "skip="


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines are divided into cells.

    Attributes:
        delimiter: between cells; a blank stands for runs of blanks and tabs.
        quote: around cells.
        comments: the marks at the beginning of lines that are none of the table.
    """

    delimiter: str = ","
    quote: str = '"'
    comments: tuple[str, ...] = ()

    def split(self, line: str) -> list[str]:
        """Return the cells of one line.

        Raises:
            csv.Error: a quote is not closed, or a field is too long.
        """
        return next(self.read(iter([line])), [])

    def read(self, lines: Iterator[str]) -> "_csv.Reader":
        """Return a reader of the records in lines."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            skipinitialspace=True,
            strict=True,
        )


@dataclass(slots=True)
class Source:
    """The lines of a text, and which of them are records.

    Attributes:
        body: UTF-8 without a byte order mark.
        dialect: of the lines.
        left_out: why lines are none of the table, by number, before any is looked at.
        skipped: numbers of the lines that `records` has passed over, by the reason.
        comments: the lines among them that begin with the mark of a comment, by number.
        first: the number of the first line.
    """

    body: bytes
    dialect: Dialect = field(default_factory=Dialect)
    left_out: Mapping[int, str] = field(default_factory=dict)
    skipped: dict[str, list[int]] = field(default_factory=dict)
    comments: dict[int, str] = field(default_factory=dict)
    first: int = 1

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines that hold something, each with its number, as they come.

        A list of them would take much memory. What quotes enclose is not looked at.
        """
        self.skipped, self.comments = {}, {}
        blank = self.skipped.setdefault(EMPTY, [])
        quote, comments = self.dialect.quote, self.dialect.comments
        inside = False
        text = TextIOWrapper(BytesIO(self.body), encoding="utf-8", newline="")
        for number, line in enumerate(text, start=self.first):
            if not inside:
                if number in self.left_out:
                    self.skip(number, self.left_out[number])
                    continue
                start = line.lstrip(BLANK)
                if not start:
                    blank.append(number)
                    continue
                if "-" in start and _RULE.fullmatch(start):
                    self.skip(number, RULE)
                    continue
                if start.startswith(comments):
                    self.skip(number, COMMENT)
                    self.comments[number] = start
                    continue
            elif not line.strip(BLANK):
                continue
            inside ^= bool(line.count(quote) & 1)
            yield number, line

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each record that is not empty, with the number of its first line.

        Raises:
            csv.Error: a quote is not closed, or a field is too long.
        """
        numbers: deque[int] = deque()
        reader = self.dialect.read(self._kept(numbers))
        done = 0
        for record in reader:
            number = numbers[0]
            while done < reader.line_num:
                numbers.popleft()
                done += 1
            # A record of one cell is a blank line, of which `lines` takes care.
            if len(record) != 1 and not any(map(str.strip, record)):
                self.skip(number, EMPTY)
                continue
            yield number, record

    def skip(self, number: int, why: str) -> None:
        """Note that a line is none of the table."""
        self.skipped.setdefault(why, []).append(number)

    def _kept(self, numbers: deque[int]) -> Iterator[str]:
        spaces = self.dialect.delimiter == " "
        for number, line in self.lines():
            numbers.append(number)
            # Two blanks divide cells as one does; at the end of a line they divide nothing.
            yield f"{line.strip().replace(chr(9), ' ')}\n" if spaces else line


def list_skipped(skipped: dict[str, list[int]]) -> tuple[SkippedRows, ...]:
    """Return the lines that were passed over, as an answer reports them."""
    return tuple(SkippedRows(tuple(sorted(rows)), why) for why, rows in skipped.items() if rows)


def strip_end(body: bytes) -> bytes:
    """Return the body without blank lines, and DOS' mark, at its end; one line end may stay.

    A copy is made only if there is something to remove.
    """
    marks = (BLANK + END_OF_FILE).encode()
    end = len(body)
    while end and body[end - 1] in marks:
        end -= 1
    if body[end:] in (b"", b"\n", b"\r", b"\r\n"):
        return body
    return body[:end]


def find_line(body: bytes, number: int) -> int:
    """Return where a line begins, counted from 1."""
    if number == 1:
        return 0
    return next(islice(_LINE_END.finditer(body), number - 2, None)).end()


def number_lines(body: bytes, start: int, first: int) -> tuple[Sequence[int], list[int]] | None:
    """Return the numbers of the lines from `start`, and of the blank ones among them.

    None if that cannot be said cheaply: quotes may enclose a line break.

    Args:
        body: the text.
        start: where the first of the lines begins.
        first: its number.
    """
    breaks = body.count(b"\n", start)
    returns = body.count(b"\r", start)
    pairs = body.count(b"\r\n", start) if returns else 0
    if returns not in (0, breaks) or not breaks or pairs != returns:
        lines = returns + (body[-1:] != b"\r")
        return (range(first, first + lines), []) if not breaks else None
    lines = breaks + (body[-1:] != b"\n")
    shortest = b"\r\n\r\n" if returns else b"\n\n"
    if (
        body[start : start + 1] not in b"\r\n"
        and shortest not in body
        and not body.endswith(b" \n")
    ):
        return range(first, first + lines), []
    text = np.frombuffer(body, dtype=np.uint8, offset=start)
    ends = np.flatnonzero(text == ord("\n"))
    if body[-1:] != b"\n":
        ends = np.append(ends, len(text))
    lengths = np.diff(ends, prepend=-1) - 1 - bool(returns)
    numbers = np.arange(first, first + lines)
    return numbers[lengths > 0].tolist(), numbers[lengths <= 0].tolist()
