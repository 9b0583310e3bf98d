"""Words in a panel: names of axes and arrows, labels of observations."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.placement import Name, Placer, shorten
from meshlens.pca.drawing.style import Labels
from meshlens.pca.drawing.svg.marks import Mark, path, text

Array: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.intp]

MOST_LABELS = 500
_MOST_OUTLIERS = 20
_EXPECTED = 0.5
_LABEL_WIDTH, _NAME_WIDTH = 110.0, 150.0
_SHORTEST_NAMED = 8.0
# Along an arrow, what names should not hide; its head is worth three points.
_PLACES = np.concatenate([np.linspace(0.0, 1.0, 50), np.ones(3)])
_MOST_OBSTACLES = 20_000


def find_outliers(distances: Array) -> Whole:
    """Return the observations that Chauvenet's criterion calls outliers, the outermost first.

    Of n normal observations fewer than half a one is expected as far from the mean.

    Args:
        distances: (n,), squared Mahalanobis distances in the plane.
    """
    limit = -2.0 * math.log(_EXPECTED / len(distances))
    beyond = np.flatnonzero(distances > limit)
    return beyond[np.argsort(-distances[beyond], kind="stable")][:_MOST_OUTLIERS]


def choose_labels(distances: Array, labels: Labels) -> Whole:
    """Return the observations to label, the outermost first.

    Args:
        distances: (n,), squared Mahalanobis distances in the plane.
        labels: a rule, or how many.
    """
    if labels == "none" or not len(distances):
        return np.zeros(0, dtype=np.intp)
    if labels == "outliers":
        return find_outliers(distances)
    most = MOST_LABELS if labels == "all" else min(labels, MOST_LABELS)
    return np.argsort(-distances, kind="stable")[:most]


def prepare(panel: Panel, pixels: Array, tails: Array, tips: Array) -> Placer:
    """Return what places words beside points and arrows.

    Args:
        panel: where they may stand.
        pixels: (n, 2), the points.
        tails: (m, 2), pixels.
        tips: (m, 2), pixels.
    """
    step = 1 + len(pixels) // _MOST_OBSTACLES
    ways = tips - tails
    lines = tails[:, np.newaxis] + _PLACES[:, np.newaxis] * ways[:, np.newaxis]
    return Placer(panel, pixels[::step], lines.reshape(-1, 2))


def name_arrows(
    placer: Placer, mean: Array, tips: Array, names: Sequence[str], classes: Sequence[str]
) -> list[Mark]:
    """Return the names of arrows at their tips, the longest arrow first; no room, no name.

    Args:
        placer: knows what is there already.
        mean: (2,), pixels.
        tips: (m, 2), pixels.
        names: m of them.
        classes: m of them.
    """
    ways = tips - mean
    lengths = np.hypot(ways[:, 0], ways[:, 1])
    placed, kept = [], []
    for i in np.argsort(-lengths, kind="stable").tolist():
        # Without an arrow a name would hide the mean.
        if lengths[i] < _SHORTEST_NAMED:
            break
        name = placer.place(shorten(names[i], _NAME_WIDTH), tips[i], towards=ways[i])
        if name:
            placed.append(name)
            kept.append(f"name {classes[i]}")
    return write_names(placed, kept)


def label_points(
    placer: Placer, pixels: Array, chosen: Whole, labels: Sequence[str], radius: float
) -> tuple[list[Mark], list[str]]:
    """Return labels of the chosen points as marks, and which they are.

    Args:
        placer: knows what is there already.
        pixels: (n, 2).
        chosen: the points to label, the most important first.
        labels: n words, or none to number the points from 1.
        radius: of a point.
    """
    placed = []
    for i in chosen.tolist():
        content = shorten(labels[i] if labels else str(i + 1), _LABEL_WIDTH)
        name = placer.place(content, pixels[i], clearance=radius)
        if name:
            placed.append(name)
    return write_names(placed, ["label"] * len(placed)), [name.content for name in placed]


def write_names(names: Sequence[Name], classes: Sequence[str]) -> list[Mark]:
    """Return names as marks, above the lines that lead to them."""
    leaders = "".join(
        "M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*name.leader) for name in names if name.leader
    )
    words = [
        text(name.content, name.left, name.base, class_)
        for name, class_ in zip(names, classes, strict=True)
    ]
    return [path(leaders, "leader"), *words] if leaders else words
