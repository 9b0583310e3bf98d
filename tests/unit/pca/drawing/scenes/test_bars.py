"""Bars are the model's numbers, the most important variable at the top."""

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_wine
from unit.pca.pictures import SVG, Picture, picture

from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.tables.table import Table

Array = npt.NDArray[np.float64]

WINE = load_wine()
TABLE = Table(WINE.data, tuple(WINE.feature_names))
MODEL = fit(WINE.data, names=TABLE.names, standardize=True)


def find_titles(drawn: Picture) -> list[str]:
    return [title.text or "" for title in drawn.root.iter(f"{SVG}title")][1:]


def find_widths(drawn: Picture, class_: str) -> Array:
    bars = drawn.root.findall(f"{SVG}g/{SVG}rect[@class='{class_}']")
    return np.array([float(bar.attrib["width"]) for bar in bars if "rx" not in bar.attrib])


def test_contributions_are_drawn_in_their_order() -> None:
    drawn = picture(TABLE, kind="contributions", standardize=True)
    weights = MODEL.explained_variance[:2] @ MODEL.contributions[:2]
    order = np.argsort(-weights, kind="stable")
    widths = find_widths(drawn, "pc1")
    expected = MODEL.contributions[0, order]
    np.testing.assert_allclose(widths / widths.sum(), expected, atol=0.002)
    names = [title.split(",")[0] for title in find_titles(drawn)[::2]]
    assert names == [TABLE.names[place] for place in order]
    assert "all alike, 7.69 %" in drawn.texts


def test_the_other_components_can_be_chosen() -> None:
    drawn = picture(TABLE, kind="contributions", standardize=True, components="3,4")
    title = f"{TABLE.names[0]}, PC 3: {100 * MODEL.contributions[2, 0]:.3g} %"
    assert title in find_titles(drawn)


def test_bars_of_cos2_add_up() -> None:
    drawn = picture(TABLE, kind="cos2", standardize=True)
    ends = find_widths(drawn, "pc1") + find_widths(drawn, "pc2")
    expected = np.sort(MODEL.cos2[:2].sum(axis=0))[::-1]
    np.testing.assert_allclose(ends / ends[0], expected / expected[0], atol=0.002)


def test_loadings_have_signs() -> None:
    drawn = picture(TABLE, kind="loading_bars", standardize=True)
    said = {
        f"{name}, PC 1: {value:.3g}"
        for name, value in zip(TABLE.names, MODEL.loadings[0], strict=True)
    }
    assert said <= set(find_titles(drawn))
    bars = drawn.root.findall(f"{SVG}g/{SVG}rect[@class='pc1']")
    left = {float(bar.attrib["x"]) for bar in bars if "rx" not in bar.attrib}
    assert len(left) > 2


def test_variables_without_room_are_counted() -> None:
    values = np.random.default_rng(0).normal(size=(50, 40))
    assert "of 40 variables that have most are drawn" in picture(values, kind="cos2").caption()
    tall = picture(values, kind="cos2", height=1000)
    assert "of 40" not in tall.caption()


def test_long_names_are_cut_and_escaped() -> None:
    names = ("a < b & " * 20, "b", "c")
    drawn = picture(Table(np.random.default_rng(0).normal(size=(9, 3)), names), kind="cos2")
    assert any(text.startswith("a < b &") and text.endswith("…") for text in drawn.texts)
