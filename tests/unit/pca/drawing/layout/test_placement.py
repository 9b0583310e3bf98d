"""Words neither cover each other nor leave the panel."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from unit.pca.pictures import picture

from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.placement import Placer
from meshlens.pca.tables.table import Table

Array = npt.NDArray[np.float64]

# Coordinates are written to a tenth of a pixel.
_ROUNDING = np.array([0.06, 0.06, -0.06, -0.06])
NOTHING = np.zeros((0, 2))
WIDTH = 28.8
PANEL = Panel(68, 72, 400, 300, low=np.zeros(2), high=np.ones(2))


def overlaps(boxes: Array) -> int:
    return sum(
        a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
        for a, b in itertools.combinations((boxes + _ROUNDING).tolist(), 2)
    )


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 25))
def test_placed_words_never_overlap_and_stay_within(seed: int, count: int, length: int) -> None:
    anchors = np.random.default_rng(seed).uniform([68, 72], [468, 372], size=(count, 2))
    placer = Placer(PANEL, anchors, NOTHING)
    placed = [placer.place("x" * length, 7.2 * length, anchor) for anchor in anchors]
    boxes = np.array([name.box for name in placed if name])
    assert len(boxes) >= min(count, 5)
    assert overlaps(boxes) == 0
    assert (boxes[:, :2] >= [68, 72]).all()
    assert (boxes[:, 2:] <= [468, 372]).all()


def test_a_word_stands_beside_what_it_names() -> None:
    anchor = np.array([200.0, 200.0])
    name = Placer(PANEL, anchor[np.newaxis], NOTHING).place("word", WIDTH, anchor, clearance=4)
    assert name is not None
    left, top, right, bottom = name.box
    assert 204 <= left <= 212
    assert top < 200 < bottom
    assert name.leader is None
    assert right < 250


def test_a_word_avoids_marks_where_it_can() -> None:
    anchor = np.array([200.0, 200.0])
    crowd = np.random.default_rng(0).uniform([204, 150], [260, 250], size=(500, 2))
    name = Placer(PANEL, crowd, NOTHING).place("word", WIDTH, anchor, clearance=4)
    assert name is not None
    assert name.box[2] <= 204


def test_a_word_would_rather_hide_points_than_a_line() -> None:
    anchor = np.array([200.0, 200.0])
    line = np.column_stack([np.linspace(150, 260, 50), np.full(50, 200.0)])
    crowd = np.random.default_rng(0).uniform([100, 100], [300, 300], size=(2000, 2))
    name = Placer(PANEL, crowd, line).place("word", WIDTH, anchor, clearance=4)
    assert name is not None
    _, top, _, bottom = name.box
    assert bottom < 200 or top > 200


def test_a_word_far_from_what_it_names_has_a_leader() -> None:
    anchor = np.array([200.0, 200.0])
    placer = Placer(PANEL, anchor[np.newaxis], NOTHING)
    placed = [placer.place("a rather long word", 4 * WIDTH, anchor) for _ in range(20)]
    assert any(name.leader for name in placed if name)
    for name in placed:
        if name and name.leader:
            assert name.leader[:2] == (200, 200)


def test_a_word_would_rather_hide_points_than_what_it_names() -> None:
    # Too narrow for a word beside its anchor; and all but the lines of the anchor is crowded.
    narrow = Panel(0, 0, 80, 300, low=np.zeros(2), high=np.ones(2))
    anchor = np.array([40.0, 150.0])
    crowd = np.random.default_rng(0).uniform([0, 0], [80, 300], size=(5000, 2))
    crowd = crowd[np.abs(crowd[:, 1] - 150) > 15]
    name = Placer(narrow, crowd, NOTHING).place("x" * 10, 72.0, anchor)
    assert name is not None
    left, top, right, bottom = name.box
    assert left < 40 < right
    assert bottom <= 150 or top >= 150


@pytest.mark.slow
@pytest.mark.parametrize("aspect", ["equal", "free"])
@pytest.mark.parametrize("kind", ["scores", "biplot", "loadings"])
@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("size", [(360, 480), (640, 480), (1200, 900)])
def test_words_of_a_picture_do_not_overlap(
    load: Callable[[], Any], kind: str, aspect: str, size: tuple[int, int]
) -> None:
    data = load()
    names = tuple(map(str, data.feature_names))
    groups = tuple(map(str, data.target))
    drawn = picture(
        Table(data.data, names, groups),
        standardize=True,
        kind=kind,
        aspect=aspect,
        width=size[0],
        height=size[1],
        **({} if kind == "loadings" else {"label": 30}),
    )
    boxes = drawn.boxes("name", "label")
    assert len(boxes) >= 4
    assert overlaps(boxes) == 0
