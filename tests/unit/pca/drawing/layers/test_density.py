"""Many points become few marks that keep counts, density and outliers."""

import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.pca.pictures import NUMBER, SVG, picture

from meshlens.pca.drawing.layers.density import MOST_EXACT, Density, find_density
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.scenes.plane import MOST_MARKS
from meshlens.pca.drawing.scenes.tally import MOST_CELLS, Cells, Tally
from meshlens.pca.tables.table import Table

Array = npt.NDArray[np.float64]

PANEL = Panel(68, 72, 400, 300, low=np.zeros(2), high=np.ones(2))


def scatter(n: int, seed: int = 0) -> Array:
    points = np.random.default_rng(seed).normal(size=(n, 2)) * [40, 30] + [268, 222]
    return points.clip([68, 72], [468, 372])


def count_points(pixels: Array, codes: npt.NDArray[np.intp], groups: int, panel: Panel) -> Density:
    return find_density(Tally.of(pixels, codes, groups, Cells.of(panel)))


def total(density: Density, groups: int = 1) -> int:
    """Points in filled cells, as the runs say, and points with a place of their own."""
    filled = 0
    for level in density.levels:
        for group in range(groups):
            for column, row, length in density.runs(level, group).tolist():
                counts = density.counts[row, column : column + length]
                assert ((counts >= level.low) & (counts <= level.high)).all()
                filled += int(counts.sum())
    return filled + int(density.exact.sum())


@settings(max_examples=25)
@given(st.integers(1, 60_000), st.integers(1, 5), st.integers(0, 100))
def test_every_point_counts_once(n: int, groups: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, groups, size=n)
    density = count_points(scatter(n, seed), codes, groups, PANEL)
    assert density.counts.sum() == n
    assert total(density, groups) == n


def test_points_of_sparse_cells_keep_their_place() -> None:
    cloud = scatter(50_000)
    outliers = np.array([[70.2, 74.6], [466.1, 370.3], [70.4, 370.9]])
    density = count_points(np.vstack([cloud, outliers]), np.zeros(50_003, dtype=np.intp), 1, PANEL)
    assert density.exact[-3:].all()


def test_levels_ascend_without_a_gap_from_the_sparse_to_the_densest() -> None:
    density = count_points(scatter(200_000), np.zeros(200_000, dtype=np.intp), 1, PANEL)
    assert 1 <= len(density.levels) <= 8
    assert density.levels[0].low == density.sparse + 1
    assert density.levels[-1].high == density.counts.max()
    for lower, upper in zip(density.levels, density.levels[1:], strict=False):
        assert upper.low == lower.high + 1


def test_colours_of_cells_are_as_frequent_as_their_groups() -> None:
    n = 400_000
    pixels = np.random.default_rng(0).uniform([68, 72], [468, 372], size=(n, 2))
    codes = np.random.default_rng(1).choice(3, size=n, p=[0.6, 0.3, 0.1])
    density = count_points(pixels, codes, 3, PANEL)
    shares = np.bincount(density.colours.ravel(), minlength=3) / density.colours.size
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.01)


@pytest.mark.parametrize("size", [400, 4000])
def test_cells_and_places_are_bounded_whatever_the_size(size: int) -> None:
    panel = Panel(0, 0, size, size, low=np.zeros(2), high=np.ones(2))
    pixels = np.random.default_rng(0).uniform(0, size, size=(300_000, 2))
    density = count_points(pixels, np.zeros(300_000, dtype=np.intp), 1, panel)
    assert density.counts.size <= MOST_CELLS
    assert density.exact.sum() <= MOST_EXACT


@pytest.mark.slow
def test_a_million_points_make_a_small_picture_with_each_outlier() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(1_000_000, 2)) @ [[2, 1], [0, 0.5]]
    values[-2:] = [[30, -30], [-30, 30]]
    drawn = picture(values)
    assert len(drawn.svg) < 200_000
    (dots,) = drawn.root.findall(f"{SVG}path[@class='dots all']")
    places = np.array(re.findall(f"M({NUMBER}) ({NUMBER})h0", dots.attrib["d"]), dtype=float)
    for edge in (places[:, 0].argmin(), places[:, 0].argmax()):
        others = np.delete(places, edge, axis=0)
        assert np.hypot(*(others - places[edge]).T).min() > 50
    assert {"999999", "1000000"} <= set(drawn.texts)
    assert "Shaded cells count observations" in drawn.caption()


@pytest.mark.slow
def test_points_that_fill_the_picture_stay_below_two_megabytes() -> None:
    generator = np.random.default_rng(0)
    for n in (100_000, 1_000_000):
        values = generator.uniform(size=(n, 2))
        groups = tuple(str(code) for code in generator.integers(0, 40, size=n))
        svg = picture(Table(values, groups=groups), width=4000, height=4000, ellipse="t").svg
        assert len(svg) < 2_000_000


def test_counts_stand_in_the_picture() -> None:
    drawn = picture(np.random.default_rng(0).normal(size=(100_000, 2)))
    titles = [
        title.text
        for group in drawn.groups("cells all")
        for title in group.iter(f"{SVG}title")
        if title.text
    ]
    assert titles
    assert all(re.fullmatch(r"[\d,]+( to [\d,]+)? observations in 2 . 2 pixels", t) for t in titles)
    assert any(re.fullmatch(r"\d.\d+ per cell", text) for text in drawn.texts)


def test_each_point_has_a_mark_up_to_some_thousands() -> None:
    values = np.random.default_rng(0).normal(size=(MOST_MARKS, 3))
    assert len(picture(values).places()) == MOST_MARKS
