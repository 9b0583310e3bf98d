"""How much variance each component explains, and how much they do together."""

from decimal import Decimal
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.captions import count_observations, describe_scree
from meshlens.pca.drawing.layers.axes import draw_ground
from meshlens.pca.drawing.layout.figure import lay_out
from meshlens.pca.drawing.layout.legend import Section, entry
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.ticks import Ticks
from meshlens.pca.drawing.style import Style
from meshlens.pca.drawing.svg.marks import Mark, circle, group, path, rect, text
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.table import Table

Array: TypeAlias = npt.NDArray[np.float64]

_MOST_COMPONENTS = 30
_HEADROOM = 106.0  # per cent
_BAR = 0.72  # of the distance of bars
_NARROWEST_WRITTEN = 34.0  # pixels, for a number above a bar
_TICK_WIDTH = 22.0
_DOT = 3.0
_CAPTION = (
    "Broken stick: shares of a whole that is broken at random. Components above it, or above the"
    " average (Kaiser's rule), say more than chance would."
)


def draw_scree(table: Table, model: PcaModel, style: Style, *, new: bool) -> bytes:
    """Draw the share of each component as a bar and their sum as a line."""
    shares = 100.0 * model.explained_variance_ratio
    shown = min(len(shares), _MOST_COMPONENTS)
    # Centred observations span no more dimensions than there are others.
    rank = max(1, min(len(model.names), model.n - 1))
    legend = _list_keys(100.0 / rank, kept=style.kept)
    beyond = f" The first {shown} of {rank} components are drawn." if shown < rank else ""
    page = lay_out(style, _CAPTION + beyond, legend)
    panel = Panel(
        page.left,
        page.top,
        page.width,
        page.height,
        low=np.array([0.5, 0.0]),
        high=np.array([shown + 0.5, _HEADROOM]),
    )
    summary = count_observations(table, model, new=new)
    labels = ("component", "share of the variance, %")
    marks = [
        *draw_ground(panel, labels, zero=False, x_ticks=_number(shown, panel)),
        *_draw_bars(shares[:shown], panel, kept=shown if style.kept is None else style.kept),
        *_draw_lines(shares[:shown], rank, panel),
    ]
    return page.render(
        subtitle=summary, description=describe_scree(model, summary), marks=marks, legend=legend
    )


def break_stick(pieces: int) -> Array:
    """Return (pieces,): the expected lengths, in per cent, of a stick that breaks at random."""
    lengths: Array = 100.0 * np.cumsum(1.0 / np.arange(pieces, 0, -1))[::-1] / pieces
    return lengths


def _list_keys(average: float, *, kept: int | None) -> list[Section]:
    line = "M0 -4H16"
    bars = [entry(rect(2, -10, 12, 12, "bar", round_=2), "explained variance")]
    if kept is not None:
        bars = [
            entry(rect(2, -10, 12, 12, "bar", round_=2), f"kept, k = {kept}"),
            entry(rect(2, -10, 12, 12, "bar left", round_=2), "not kept"),
        ]
    entries = (
        *bars,
        entry(group("", (path(line, "step"), circle(8, -4, _DOT, "pc1"))), "cumulative"),
        entry(path(line, "guide"), "broken stick"),
        entry(path(line, "average"), f"average, {average:.3g} %"),
    )
    return [Section("", entries)]


def _number(shown: int, panel: Panel) -> Ticks:
    """Number the components, as many of them as there is room for."""
    step = next(step for step in (1, 2, 5, 10, 15) if panel.width / shown * step >= _TICK_WIDTH)
    numbers = [number for number in range(1, shown + 1) if number % step == 0 or step == 1]
    return Ticks(
        positions=tuple(float(number) for number in numbers),
        labels=tuple(str(number) for number in numbers),
        offset=Decimal(0),
        exponent=0,
    )


def _draw_bars(shares: Array, panel: Panel, *, kept: int) -> list[Mark]:
    width = _BAR * panel.width / len(shares)
    marks = []
    for number, share in enumerate(shares.tolist(), start=1):
        x, y = panel.to_pixels(np.array([float(number), share])).tolist()
        class_ = "bar" if number <= kept else "bar left"
        bar = rect(x - width / 2, y, width, panel.bottom - y, class_)
        marks.append(group("", (bar,), title=f"PC {number}: {share:.2f} %"))
        if width >= _NARROWEST_WRITTEN and number > 1:
            marks.append(text(f"{share:.1f}", x, y - 6, "label middle"))
    return marks


def _draw_lines(shares: Array, rank: int, panel: Panel) -> list[Mark]:
    """Draw what the components explain together, and what chance would."""
    numbers = np.arange(1.0, len(shares) + 1)
    together = panel.to_pixels(np.column_stack([numbers, shares.cumsum()]))
    chance = panel.to_pixels(np.column_stack([numbers, _extend(break_stick(rank), len(shares))]))
    average = panel.bottom + float(panel.unit[1]) * 100.0 / rank
    dots = [
        group("", (circle(x, y, _DOT, "pc1"),), title=f"PC 1 to {number}: {total:.2f} %")
        for number, ((x, y), total) in enumerate(
            zip(together.tolist(), shares.cumsum().tolist(), strict=True), start=1
        )
    ]
    return [
        path(f"M{panel.left:g} {average:.1f}H{panel.right:.1f}", "average"),
        path(_trace(chance), "guide"),
        path(_trace(together), "step"),
        *dots,
    ]


def _extend(lengths: Array, count: int) -> Array:
    """Return the first `count`; a last component of no variance has no piece of the stick."""
    return np.append(lengths, 0.0)[:count]


def _trace(pixels: Array) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pixels.tolist())
