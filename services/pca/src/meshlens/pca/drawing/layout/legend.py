"""The legend: beside the panel, or below it where the picture is narrow."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from meshlens.pca.drawing.layout.text_width import measure, shorten
from meshlens.pca.drawing.svg.marks import Mark, group, rect, text

ROW = 18.0
_SYMBOL = 24.0  # pixels that a symbol takes before its words
_SECTION_GAP = 12.0
_FLOW_GAP = 18.0
_LEAST_ENTRIES = 2
_SMALLER = 0.75  # lines of a section that has many
_MOST_OF_HEIGHT = 0.7  # for a section of lines in full size
_COLUMN_GAP = 8.0
_MOST_LABEL = 190.0
_BAR_WIDTH = 136.0
_TRACK = 40.0  # pixels of a bar that is full


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the legend.

    Attributes:
        draw: returns its marks, with the baseline of its words at 0, from x = 0 on. The legend is
            drawn after the panel, when more is known than while the page is divided.
        width: pixels.
    """

    draw: Callable[[], Mark]
    width: float


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together.

    Attributes:
        heading: above them; may be empty.
        entries: the lines.
        elastic: entries may be left out if there is no room for all.
        row: pixels from one line to the next.
        columns: lines that stand side by side.
        repeats: it says again what the axes say, and only stands where there is room.
    """

    heading: str
    entries: tuple[Entry, ...]
    elastic: bool = False
    repeats: bool = False
    row: float = ROW
    columns: int = 1


def entry(symbol: str, label: str, *, class_: str = "") -> Entry:
    """Return a line with a symbol, or none if empty, drawn around (8, -4), before its words."""
    label = shorten(label, _MOST_LABEL)
    line = Mark(symbol + text(label, _SYMBOL, 0, class_))
    return Entry(lambda: line, _SYMBOL + measure(label))


def bar(label: str, share: float, class_: str) -> Entry:
    """Return a line with a share as a bar and as a number."""
    length = max(1.0, share * _TRACK)
    line = Mark(
        text(label, 0, 0, f"strong {class_}")
        + rect(40, -8, _TRACK, 6, "track", round_=3)
        + rect(40, -8, length, 6, class_, round_=min(3.0, length / 2))
        + text(f"{100 * share:.1f} %", _BAR_WIDTH, 0, "end")
    )
    return Entry(lambda: line, _BAR_WIDTH)


def gather(sections: Iterable[Section]) -> list[Section]:
    """Return the sections in their order, those without a heading as one, what repeats last."""
    gathered: dict[str, Section] = {}
    for section in sections:
        before = gathered.get(section.heading)
        entries = (*before.entries, *section.entries) if before else section.entries
        gathered[section.heading] = replace(section, entries=entries)
    return sorted(gathered.values(), key=lambda section: section.repeats)


def width_of(sections: Sequence[Section]) -> float:
    """Return how wide a column of these sections is."""
    headings = [measure(section.heading) for section in sections]
    entries = [line.width for section in sections for line in section.entries]
    return max([*headings, *entries], default=0.0)


def width_of_pairs(sections: Sequence[Section], height: float) -> float:
    """Return how wide a column is in which many entries stand in two columns of small ones.

    Zero if none of the sections takes so much of the height.
    """
    widest = [
        max(line.width for line in section.entries)
        for section in sections
        if section.elastic
        and not section.repeats
        and ROW * len(section.entries) > _MOST_OF_HEIGHT * height
    ]
    return 2 * (_SMALLER * max(widest) + _COLUMN_GAP) if widest else 0.0


def draw_column(
    sections: Sequence[Section], left: float, top: float, height: float, *, width: float = 0.0
) -> list[Mark]:
    """Draw the sections one below the other.

    Args:
        sections: what stands there.
        left: pixels.
        top: pixels.
        height: pixels there are.
        width: pixels there are, if many entries may become small and stand side by side.
    """
    marks = []
    y = top + 10
    for section in _fit([_compact(section, height, width) for section in sections], height):
        if section.heading:
            marks.append(text(section.heading, left, y, "quiet"))
            y += ROW
        for place, line in enumerate(section.entries):
            row, column = divmod(place, section.columns)
            x = left + column * width / section.columns
            marks.append(_place(line, x, y + row * section.row))
        y += section.row * _count_rows(section) + _SECTION_GAP
    return marks


def _compact(section: Section, height: float, width: float) -> Section:
    """Return a section with small entries side by side, if it takes most of the height else."""
    small = [_shrink(line) for line in section.entries]
    widest = max((line.width for line in small), default=0.0) + _COLUMN_GAP
    if not section.elastic or section.repeats or widest > width:
        return section
    if ROW * len(small) <= _MOST_OF_HEIGHT * height:
        return section
    return replace(section, entries=tuple(small), row=_SMALLER * ROW, columns=int(width / widest))


def _shrink(line: Entry) -> Entry:
    """Return a smaller line."""
    return Entry(
        lambda: group("", (line.draw(),), transform=f"scale({_SMALLER:g})"), _SMALLER * line.width
    )


def _count_rows(section: Section) -> int:
    return math.ceil(len(section.entries) / section.columns)


def count_rows(sections: Sequence[Section], width: float) -> int:
    """Return how many rows the entries take when they flow."""
    rows = _flow(sections, width)
    return rows[-1][1] + 1 if rows else 0


def draw_rows(
    sections: Sequence[Section], left: float, top: float, width: float, most: int
) -> list[Mark]:
    """Draw the entries from left to right in at most so many rows."""
    shown = list(sections)
    for place, section in enumerate(sections):
        cut = 1
        while section.elastic and count_rows(shown, width) > most and cut < len(section.entries):
            shown[place] = _cut(section, cut)
            cut += 1
    return [
        _place(line, left + x, top + 10 + ROW * row)
        for x, row, line in _flow(shown, width)
        if row < most
    ]


def _flow(sections: Sequence[Section], width: float) -> list[tuple[float, int, Entry]]:
    """Return x, row and entry of each line."""
    placed: list[tuple[float, int, Entry]] = []
    x, row = 0.0, 0
    for line in (e for section in sections if not section.repeats for e in section.entries):
        if x and x + line.width > width:
            x, row = 0.0, row + 1
        placed.append((x, row, line))
        x += line.width + _FLOW_GAP
    return placed


def _fit(sections: Sequence[Section], height: float) -> list[Section]:
    """Shorten what is elastic until all fits."""
    fitted = list(sections)
    over = sum(map(_height, sections)) - _SECTION_GAP - height
    # What repeats gives way first.
    for place in sorted(range(len(fitted)), key=lambda place: not fitted[place].repeats):
        section = fitted[place]
        least = 0 if section.repeats else _LEAST_ENTRIES
        # One line more goes for the line that says so.
        cut = math.ceil(over / section.row) * section.columns + (not section.repeats)
        if section.elastic and over > 0 and len(section.entries) > least:
            fitted[place] = _cut(section, min(cut, len(section.entries) - least))
            over -= _height(section) - _height(fitted[place])
    return [section for section in fitted if section.entries]


def _cut(section: Section, cut: int) -> Section:
    """Leave out the last entries and say so, unless they are said elsewhere."""
    kept = section.entries[: len(section.entries) - cut]
    if not section.repeats:
        more = entry("", f"and {cut} more", class_="quiet")
        kept += (_shrink(more) if section.row < ROW else more,)
    return replace(section, entries=kept)


def _height(section: Section) -> float:
    if not section.entries:
        return 0.0
    heading = ROW if section.heading else 0.0
    return heading + section.row * _count_rows(section) + _SECTION_GAP


def _place(line: Entry, x: float, y: float) -> Mark:
    return group("", (line.draw(),), transform=f"translate({x:.1f} {y:.1f})")
