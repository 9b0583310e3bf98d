"""Which delimiter, quotes and comments a text has: judged over its first lines, not one."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.cells import dissect, is_missing, is_plain
from meshlens.pca.tables.columns import MOST_COLUMNS, TextOptions, too_wide
from meshlens.pca.tables.delimited.dialect import BLANK, CHOSEN, DELIMITER_LINE, Dialect, Source

_LINES = 100  # that decide
_DELIMITERS = "\t;|, "  # of equally good ones, the first
_COMMENTS = ("#", "%", "//")
_SEP = re.compile(r'"?sep=(?P<mark>[^"\r\n]|\\t)"?[;,\s]*', re.IGNORECASE)
_OPENING = re.compile(r"(?:^|[,;\t| ])'")
_CLOSING = re.compile(r"'(?=$|[,;\t| ])")
_SINGLE_QUOTED = re.compile(r"(?:^|[\t;|, ])\s*'(?:[^']|'')*'\s*(?=$|[\t;|, ])")
_GROUPED_BY_BLANKS = re.compile(r"[+-]?[1-9]\d{0,2}(?: \d{3})+")
_ALIKE = 0.8  # of the lines have as many cells


def open_source(body: bytes, options: TextOptions) -> Source:
    """Return the lines of a text with the dialect they are written in.

    Raises:
        InvalidTable: a row has more columns than are read, or blanks have two meanings.
    """
    left_out = dict.fromkeys(options.skip, CHOSEN)
    lines = []
    for number, line in islice(Source(body, Dialect(), left_out).lines(), 2 * _LINES):
        widest = max(map(line.count, _DELIMITERS))
        if widest > 2 * MOST_COLUMNS:
            raise too_wide(widest + 1)
        lines.append((number, line))
    delimiter = options.delimiter
    if lines and (found := _SEP.fullmatch(lines[0][1].strip())):
        left_out[lines[0][0]] = DELIMITER_LINE
        delimiter = delimiter or found["mark"].replace("\\t", "\t")
        del lines[0]
    texts = [line.strip(BLANK) for _, line in lines if line.strip()]
    comments = _find_comments(texts)
    texts = [text for text in texts if not text.startswith(comments)][:_LINES]
    quote = "'" if _is_single_quoted(texts) else '"'
    if not delimiter:
        delimiter = _find_delimiter(texts, quote)
        if delimiter == " " and _are_numbers(texts[1:] or texts):
            delimiter = ","
    if delimiter != ";" and len(texts) > 1 and texts[0].startswith(";"):
        comments = (*comments, ";")
    dialect = Dialect(delimiter, quote, comments)
    # Some delimiters may be in quotes, which takes a while to see.
    if texts and texts[0].count(delimiter) >= MOST_COLUMNS:
        width = len(next(dialect.read(iter(texts))))
        if width > MOST_COLUMNS:
            raise too_wide(width)
    return Source(body, dialect, left_out)


def sniff_line(line: str, options: TextOptions) -> Dialect:
    """Return the dialect of a body that is one line of numbers."""
    return Dialect(options.delimiter or _find_delimiter([line], '"'))


def _find_comments(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the marks at the beginning of comments: not those most rows begin with."""
    found = []
    for mark in _COMMENTS:
        first = next((at for at, line in enumerate(lines) if not line.startswith(mark)), None)
        below = lines[first:] if first is not None else []
        if first is not None and 2 * sum(line.startswith(mark) for line in below) < len(below):
            found.append(mark)
    return tuple(found)


def _is_single_quoted(lines: Sequence[str]) -> bool:
    if any('"' in line for line in lines) or not any(map(_SINGLE_QUOTED.search, lines)):
        return False
    # An apostrophe before a name that is no formula opens nothing.
    return all(
        len(_OPENING.findall(line)) == len(_CLOSING.findall(line)) for line in lines if "'" in line
    )


def _find_delimiter(lines: Sequence[str], quote: str) -> str:
    """Return the delimiter that divides most lines alike, and into most numbers."""
    best, best_score = ",", (0.0, 0.0)
    # Where no other is there, nothing is to be weighed.
    if not any(mark in line for mark in _DELIMITERS if mark != best for line in lines):
        return best
    for delimiter in _DELIMITERS:
        # No number contains a tab, a semicolon or a pipe, as one may contain blanks.
        if delimiter == " " and best != "," and best_score[0]:
            break
        score = _score(lines, Dialect(delimiter, quote))
        if delimiter == " " and score == best_score and min(score) > 0:
            raise InvalidTable(
                "it must be clear whether commas or blanks divide columns",
                got=f"{lines[-1][:40]!r}",
                remedy="say delimiter=comma or delimiter=space",
            )
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _score(lines: Sequence[str], dialect: Dialect) -> tuple[float, float]:
    """Return how well lines are divided: alike or not, and the share of numbers in their cells.

    Lines that are not alike are so by a title, or since the delimiter is part of some names.
    """
    delimiter = dialect.delimiter
    if not any(delimiter in line or (delimiter == " " and "\t" in line) for line in lines):
        return (0.0, 0.0)
    records = []
    for line in lines:
        text = " ".join(line.replace("\t", " ").split()) if delimiter == " " else line
        try:
            records.append(dialect.split(text))
        except csv.Error:
            records.append([])  # a name with a line break
    width, alike = Counter(map(len, records)).most_common(1)[0]
    below = records[1:] or records
    cells = [cell for record in below if len(record) == width for cell in record]
    if width < 2:  # noqa: PLR2004 - divided into nothing
        divided = sum(delimiter in line for line in lines) / len(lines)
        return (0.0, divided if delimiter != " " else 0.0)
    filled = [cell for cell in cells if cell.strip()]
    numbers = sum(map(_is_number, filled)) / max(len(filled), 1)
    # Above may be a title, or names of all columns but the first.
    start = next(at for at, record in enumerate(records) if len(record) == width)
    share = alike / (len(records) - start)
    if share < _ALIKE:
        return (0.0, alike / len(lines) * (delimiter != " "))
    # A cell that is empty under one delimiter is a line of another length under another.
    return (1.0, numbers * share)


def _is_number(cell: str) -> bool:
    cell = cell.strip()
    return is_plain(cell) or (bool(cell) and is_missing(cell)) or dissect(cell) is not None


def _are_numbers(lines: Sequence[str]) -> bool:
    """Return whether blanks are part of the one number on each line: USD 7, 5 kg.

    Raises:
        InvalidTable: blanks may divide columns as well as separate thousands.
    """
    if not all(is_missing(line) or dissect(line) is not None for line in lines):
        return False
    doubtful = [line for line in lines if _GROUPED_BY_BLANKS.fullmatch(line)]
    if doubtful:
        raise InvalidTable(
            "it must be clear whether blanks divide columns or separate thousands",
            got=f"{doubtful[0][:40]!r}",
            remedy="say delimiter=space if they divide columns, or write the numbers without them",
        )
    return True
