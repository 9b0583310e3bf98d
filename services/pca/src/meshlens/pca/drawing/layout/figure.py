"""The sheet around a panel: title above, legend beside or below, caption at the foot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from svgwrite import Drawing

from meshlens.pca.drawing.layout.legend import (
    ROW,
    Section,
    count_rows,
    draw_column,
    draw_rows,
    width_of,
    width_of_pairs,
)
from meshlens.pca.drawing.layout.text_width import SMALL, measure, shorten, wrap
from meshlens.pca.drawing.style import KindName, Style
from meshlens.pca.drawing.svg.marks import Mark, clean, element, rect, text
from meshlens.pca.drawing.svg.stylesheet import add_attributes, attributes, stylesheet

_TITLES: Mapping[KindName, str] = {
    "scores": "Principal components",
    "biplot": "Biplot of principal components",
    "loadings": "Loadings of principal components",
    "contributions": "Contributions of variables",
    "cos2": "Variables in two components",
    "loading_bars": "Loadings of principal components",
    "pairs": "Pairs of principal components",
    "scree": "Variance of principal components",
}

_LEFT, _TOP, _RIGHT, _FOOT = 68.0, 72.0, 20.0, 52.0
ROW_WIDTH = 170.0  # the most that the names of rows take beside the panel
_GAP = 24.0
_NARROW = 560
_LEAST_PANEL = 110.0
_WIDEST_LEGEND = 0.4  # of the picture
_MOST_BELOW = 0.4  # of what panel and legend share
_CAPTION_LINE, _MOST_CAPTION_LINES, _MOST_NOTE_LINES = 15.0, 5, 3
_TITLE_SIZE = 18.0


@dataclass(frozen=True, slots=True)
class Page:
    """Where things stand, in pixels.

    Attributes:
        style: with the size.
        left: of the panel.
        top: of the panel.
        width: of the panel.
        height: of the panel.
        legend_rows: of a legend below the panel; None if it stands beside.
        caption: its lines.
    """

    style: Style
    left: float
    top: float
    width: float
    height: float
    legend_rows: int | None
    caption: tuple[str, ...]

    def render(
        self,
        *,
        subtitle: str,
        description: str,
        marks: Sequence[Mark],
        legend: Sequence[Section],
        hint: str = "",
    ) -> bytes:
        """Return the SVG; a page that shows it may offer the option that `hint` names."""
        width, height = self.style.width, self.style.height
        title = self.style.title or _TITLES[self.style.kind]
        # Names of rows stand below the title, not beside it.
        left = min(self.left, _LEFT)
        room = width - left - _RIGHT
        below = self.top + self.height + _FOOT
        if self.legend_rows is not None:
            side = draw_rows(legend, self.left, below, self.width, self.legend_rows)
            below += ROW * self.legend_rows + (6 if self.legend_rows else 0)
        else:
            start = self.left + self.width + _GAP
            side = draw_column(legend, start, self.top, self.height, width=width - start)
        foot = [
            text(line, left, below + 12 + _CAPTION_LINE * number, "quiet caption")
            for number, line in enumerate(self.caption)
        ]
        drawing = Drawing(
            size=(f"{width}px", f"{height}px"),
            viewBox=f"0 0 {width} {height}",
            class_=f"pca-plot pca-{self.style.theme}",
            role="img",
            debug=False,
        )
        drawing.set_desc(clean(title), clean(description))
        rules = element("style", content=stylesheet(self.style.theme))
        heading = shorten(title, room, font_size=_TITLE_SIZE, bold=True)
        body = [
            rect(0, 0, width, height, "paper"),
            text(heading, left, 32, "title"),
            text(shorten(subtitle, room), left, 53, "quiet"),
            *marks,
            *side,
            *foot,
        ]
        # The root holds title, description and, last, definitions; there are none of these.
        start, _, end = drawing.tostring().rpartition("<defs />")
        hinted = f' data-hint="{hint}"' if hint else ""
        start = start.replace("<svg", f"<svg{attributes(self.style.theme)}{hinted}", 1)
        written = add_attributes("".join(body), self.style.theme)
        return f"{start}<defs/>{rules}{written}{end}".encode()


def lay_out(
    style: Style,
    caption: str,
    legend: Sequence[Section],
    *,
    notes: str = "",
    beside: Sequence[str] = (),
) -> Page:
    """Divide a picture: the panel takes what legend, caption and notes leave.

    Args:
        style: with the size.
        caption: what the picture shows.
        legend: the meaning of the marks.
        notes: what else a reader must know; they begin a line of their own.
        beside: names that stand to the left of the panel.
    """
    narrow = style.width < _NARROW
    left = 60.0 if narrow else _LEFT
    if beside:
        left = max(left, 24.0 + min(ROW_WIDTH, max(map(measure, beside))))
    wide = style.width - min(left, _LEFT) - _RIGHT
    room = style.width - left - _RIGHT
    lines = (*_fill(caption, wide, _MOST_CAPTION_LINES), *_fill(notes, wide, _MOST_NOTE_LINES))
    lines = lines[: int((style.height - _TOP - _FOOT - _LEAST_PANEL) / _CAPTION_LINE)]
    height = style.height - _TOP - _FOOT - _CAPTION_LINE * len(lines) - (10 if lines else 0)
    if not narrow:
        column = max(136.0, min(width_of(legend), 0.35 * style.width))
        pairs = width_of_pairs(legend, height)
        column = max(column, pairs) if pairs <= _WIDEST_LEGEND * style.width else column
        return Page(style, left, _TOP, room - column - _GAP, height, None, lines)
    rows = count_rows(legend, room)
    room_below = min(height - _LEAST_PANEL, _MOST_BELOW * height)
    rows = max(0, min(rows, int((room_below - 6) / ROW)))
    taken = ROW * rows + 6 if rows else 0
    return Page(style, left, _TOP, room, height - taken, rows, lines)


def _fill(content: str, room: float, most: int) -> Sequence[str]:
    """Return a paragraph as lines, with an ellipsis where there are more than `most`."""
    lines = wrap(content, room, font_size=SMALL) if content else ()
    if len(lines) <= most:
        return lines
    last = f"{lines[most - 1]} \N{HORIZONTAL ELLIPSIS}"
    return [*lines[: most - 1], shorten(last, room, font_size=SMALL)]
