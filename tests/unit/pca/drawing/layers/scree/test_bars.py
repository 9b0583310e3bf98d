"""Bars are the shares, and say how much is kept."""

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_iris
from unit.pca.pictures import SVG, picture

from meshlens.pca.numbers.decomposition import fit

Array = npt.NDArray[np.float64]

IRIS: Array = load_iris().data


def test_bars_of_a_scree_plot_are_the_shares() -> None:
    model = fit(IRIS)
    drawn = picture(IRIS, kind="scree")
    bars = drawn.root.findall(f"{SVG}g/{SVG}rect[@class='bar']")
    heights = np.array([float(bar.attrib["height"]) for bar in bars if "rx" not in bar.attrib])
    ratio = model.explained_variance_ratio
    np.testing.assert_allclose(heights / heights.sum(), ratio, atol=0.001)
    titles = [title.text for title in drawn.root.iter(f"{SVG}title") if title.text]
    assert f"PC 2: {100 * ratio[1]:.2f} %" in titles
    assert f"PC 1 to 2: {100 * ratio[:2].sum():.2f} %" in titles


def test_a_scree_plot_marks_what_is_kept() -> None:
    drawn = picture(IRIS, kind="scree", kept=2)
    assert "kept, k = 2" in drawn.texts
    assert len(drawn.root.findall(f"{SVG}g/{SVG}rect[@class='bar left']")) == 2 + 1


def test_a_long_scree_plot_says_what_it_leaves_out() -> None:
    drawn = picture(np.random.default_rng(0).normal(size=(100, 60)), kind="scree")
    assert "The first 30 of 60 components are drawn." in drawn.caption()


def test_ten_bars_carry_their_numbers() -> None:
    values = np.random.default_rng(0).normal(size=(100, 10))
    shares = 100 * fit(values).explained_variance_ratio
    assert {f"{share:.1f}" for share in shares} <= set(picture(values, kind="scree").texts)
