"""Counts of parts add up to those of the whole, place by place."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.scenes.tally import MOST_PLACED, Cells, Tally

PANEL = Panel(60, 70, 100, 80, low=np.zeros(2), high=np.ones(2))
CELLS = Cells.of(PANEL)


def scatter(n: int, seed: int) -> npt.NDArray[np.float64]:
    points = np.random.default_rng(seed).normal(size=(n, 2)) * [15, 10] + [110, 110]
    return points.clip([60, 70], [160, 150])


@settings(max_examples=40)
@given(
    n=st.integers(0, 4000),
    cuts=st.lists(st.integers(0, 4000), max_size=6),
    groups=st.integers(1, 4),
    seed=st.integers(0, 100),
)
def test_tallies_of_parts_are_together_that_of_the_whole(
    n: int, cuts: list[int], groups: int, seed: int
) -> None:
    pixels, codes = scatter(n, seed), np.random.default_rng(seed).integers(0, groups, size=n)
    whole = Tally.of(pixels, codes, groups, CELLS)
    parts = [
        Tally.of(some, of, groups, CELLS)
        for some, of in zip(
            np.split(pixels, sorted(cuts)), np.split(codes, sorted(cuts)), strict=True
        )
    ]
    # From the left, and from the right: what is grouped first changes nothing.
    left, right = parts[0], parts[-1]
    for part in parts[1:]:
        left = left.merge(part)
    for part in parts[-2::-1]:
        right = part.merge(right)
    for merged in (left, right):
        assert merged.n == whole.n == n
        np.testing.assert_array_equal(merged.counts, whole.counts)
        np.testing.assert_array_equal(merged.places, whole.places)
        np.testing.assert_array_equal(merged.codes, whole.codes)


def test_places_are_kept_where_few_share_a_cell() -> None:
    alone, crowd = [[61.0, 71.0]], [[100.5, 100.5]] * (MOST_PLACED + 1)
    tally = Tally.of(np.array(alone + crowd), np.zeros(5, dtype=np.intp), 1, CELLS)
    assert tally.places.tolist() == alone
    assert sorted(tally.totals[tally.totals > 0].tolist()) == [1, MOST_PLACED + 1]


def test_the_middle_of_a_cell_is_in_it() -> None:
    places = np.arange(CELLS.rows * CELLS.columns)
    np.testing.assert_array_equal(CELLS.find(CELLS.locate(places)), places)


def test_tallies_of_other_cells_or_groups_are_not_added() -> None:
    nothing = np.zeros(0, dtype=np.intp)
    other = Cells.of(Panel(0, 0, 50, 50, low=np.zeros(2), high=np.ones(2)))
    tally = Tally.of(scatter(0, 0), nothing, 1, CELLS)
    for groups, cells in ((1, other), (2, CELLS)):
        with pytest.raises(ValueError, match="same cells and groups"):
            tally.merge(Tally.of(scatter(0, 0), nothing, groups, cells))
