"""Ticks stand at round numbers and say which."""
# ruff: noqa: RUF001 - labels have a minus sign, not a hyphen

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from meshlens.pca.drawing.layout.ticks import find_ticks


@pytest.mark.parametrize(
    ("low", "high", "labels", "axis"),
    [
        (1.2, 5.3, ("2", "3", "4", "5"), "x"),
        (-0.4, 0.9, ("−0.4", "−0.2", "0.0", "0.2", "0.4", "0.6", "0.8"), "x"),
        (-1200, 1100, ("−1000", "−500", "0", "500", "1000"), "x"),
        (0, 3e7, ("0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"), "x / 10⁷"),
        (0, 3e-7, ("0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"), "x / 10⁻⁷"),
        (1e9 - 2, 1e9 + 2, ("−2", "−1", "0", "1", "2"), "x − 1e+9"),
        (-1e9 - 2, -1e9 + 2, ("−2", "−1", "0", "1", "2"), "x + 1e+9"),
        (2024.2, 2026.6, ("2024.5", "2025.0", "2025.5", "2026.0", "2026.5"), "x"),
        (1e12, 1e12 + 3e7, ("0", "1", "2", "3"), "(x − 1e+12) / 10⁷"),
    ],
)
def test_labels_are_short_whatever_the_range(
    low: float, high: float, labels: tuple[str, ...], axis: str
) -> None:
    ticks = find_ticks(low, high, most=7 if len(labels) > 5 else 5)
    assert ticks.labels == labels
    assert ticks.label_axis("x") == axis


ends = st.floats(-1e100, 1e100)


@given(ends, ends, st.integers(2, 12))
def test_ticks_lie_between_the_ends_equally_far_apart(one: float, other: float, most: int) -> None:
    low, high = min(one, other), max(one, other)
    assume(high - low > 1e-12 * max(abs(low), abs(high), 1e-100))
    ticks = find_ticks(low, high, most=most)
    # At least every other place is taken: steps are 1, 2, 5, 10.
    assert most // 2.5 - 1 <= len(ticks.positions) <= most + 1
    slack = 1e-9 * (high - low)
    assert all(low - slack <= position <= high + slack for position in ticks.positions)
    assert len(set(ticks.labels)) == len(ticks.positions)
    assert max(map(len, ticks.labels), default=0) <= 8


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_labels_offset_and_exponent_give_the_position(low: float, width: float) -> None:
    ticks = find_ticks(low, low + width, most=6)
    for position, label in zip(ticks.positions, ticks.labels, strict=True):
        number = float(label.replace("−", "-")) * 10.0**ticks.exponent + float(ticks.offset)
        assert math.isclose(number, position, rel_tol=1e-12, abs_tol=1e-12)
