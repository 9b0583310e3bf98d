"""The picture shows the numbers of the fit, to everyone, the same each time."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pca.decomposition import fit, project
from pca.errors import InvalidTable
from pca.plot import draw
from sklearn.datasets import load_iris

Array = npt.NDArray[np.float64]

SVG = "{http://www.w3.org/2000/svg}"
GOLDEN = Path(__file__).parent / "golden" / "plot.svg"
SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])
IRIS: Array = load_iris().data
DIGIT = r"-?\d+\.\d"


class Picture:
    """What a reader of the SVG finds in it, in pixels; `to_data` undoes the drawing."""

    def __init__(self, svg: bytes) -> None:
        self.root = ET.fromstring(svg)  # noqa: S314 - our own output
        self.circles = np.array(
            [
                [float(circle.attrib["cx"]), float(circle.attrib["cy"])]
                for circle in self.group("points")
            ]
        )
        (mean,) = self.root.findall(f"{SVG}circle[@class='mean']")
        self.mean = np.array([float(mean.attrib["cx"]), float(mean.attrib["cy"])])
        self.texts = ["".join(text.itertext()) for text in self.root.iter(f"{SVG}text")]

    def group(self, class_: str) -> ET.Element:
        (group,) = self.root.findall(f"{SVG}g[@class='{class_}']")
        return group

    def arrows(self, class_: str) -> Array:
        """Tails and tips (m, 2, 2) of the arrows of a class."""
        found = []
        for group in self.root.findall(f"{SVG}g[@class='{class_}']"):
            path = group.find(f"{SVG}path[@class='line']")
            if path is not None:
                line, head = re.findall(f"M({DIGIT}) ({DIGIT})", path.attrib["d"])
                found.append([list(map(float, line)), list(map(float, head))])
        return np.array(found)

    def to_data(self, pixels: Array, points: Array) -> Array:
        """Bring pixels back to data units, by the circles of `points`."""
        unit = np.ptp(points, axis=0).max() / np.ptp(self.circles, axis=0).max()
        data: Array = (pixels - self.circles[0]) * [unit, -unit] + points[0]
        return data


def test_circles_stand_where_the_observations_are() -> None:
    picture = Picture(draw(SMALL, fit(SMALL)))
    np.testing.assert_allclose(picture.to_data(picture.circles, SMALL), SMALL, atol=0.01)


def test_one_unit_is_as_long_on_either_axis() -> None:
    wide = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 10.0]])
    width, height = np.ptp(Picture(draw(wide, fit(wide))).circles, axis=0)
    assert width / height == pytest.approx(10, rel=0.01)


def test_axes_cross_at_the_mean_and_reach_two_standard_deviations() -> None:
    model = fit(SMALL)
    picture = Picture(draw(SMALL, model))
    np.testing.assert_allclose(picture.to_data(picture.mean, SMALL), model.mean, atol=0.01)
    for number in (1, 2):
        ((tail, tip),) = picture.to_data(picture.arrows(f"axis pc{number}"), SMALL)
        reach = 2 * np.sqrt(model.explained_variance[number - 1]) * model.components[number - 1]
        np.testing.assert_allclose(tip, model.mean + reach, atol=0.02)
        np.testing.assert_allclose(tail, model.mean - reach, atol=0.02)


def test_standardized_variables_are_shown_in_standard_deviations() -> None:
    values = SMALL * [1000.0, 1.0]
    model = fit(values, standardize=True)
    picture = Picture(draw(values, model))
    expected = (values - model.mean) / model.scale
    np.testing.assert_allclose(picture.to_data(picture.circles, expected), expected, atol=0.02)
    assert {"x1, standardized", "x2, standardized"} <= set(picture.texts)


def test_more_than_two_variables_are_shown_by_scores_and_loadings() -> None:
    model = fit(IRIS, names=["sepal length", "sepal width", "petal length", "petal width"])
    picture = Picture(draw(IRIS, model))
    scores = project(model, IRIS)[:, :2]
    np.testing.assert_allclose(picture.to_data(picture.circles, scores), scores, atol=0.02)
    tips = picture.to_data(picture.arrows("loading")[:4, 1], scores)
    factor = tips[2, 0] / model.loadings[0, 2]
    np.testing.assert_allclose(tips, factor * model.loadings[:2].T, atol=0.03)
    assert {*model.names, "score on PC 1", "score on PC 2"} <= set(picture.texts)
    assert f"loadings × {factor:.1f}" in {text[:14] for text in picture.texts}  # noqa: RUF001 - a multiplication


def test_the_legend_says_the_explained_variance() -> None:
    texts = Picture(draw(IRIS, fit(IRIS))).texts
    assert [text for text in texts if text.endswith("%")] == ["92.5 %", "5.3 %", "1.7 %", "0.5 %"]
    assert "Explained variance" in texts
    assert {"PC 1", "PC 2", "PC 3", "PC 4"} <= set(texts)


def test_a_screen_reader_hears_what_the_picture_shows() -> None:
    root = Picture(draw(SMALL, fit(SMALL), title="Leaves & <stems>")).root
    assert root.attrib["role"] == "img"
    title, desc = root[0], root[1]
    assert (title.tag, title.text) == (f"{SVG}title", "Leaves & <stems>")
    assert desc.tag == f"{SVG}desc"
    assert desc.text is not None
    assert "5 observations of 2 variables: x1 and x2" in desc.text
    assert "mean (4, 2.6)" in desc.text
    assert re.search(r"PC 1 explains 9\d\.\d %", desc.text)


def test_the_picture_has_the_size_that_was_asked_for_and_can_be_scaled() -> None:
    root = Picture(draw(SMALL, fit(SMALL), width=800, height=600)).root
    assert (root.attrib["width"], root.attrib["height"]) == ("800px", "600px")
    assert root.attrib["viewBox"] == "0 0 800 600"


@pytest.mark.parametrize("size", [(480, 320), (640, 480), (4000, 320), (480, 4000)])
def test_every_mark_lies_within_the_picture(size: tuple[int, int]) -> None:
    width, height = size
    for values in (SMALL, IRIS, SMALL * 1e9, SMALL + 1e9, SMALL * [1, 1e6]):
        picture = Picture(draw(values, fit(values), width=width, height=height))
        axes = picture.arrows("axis pc1").reshape(-1, 2)
        for x, y in np.vstack([picture.circles, picture.mean, *axes]):
            assert 0 < x < width
            assert 0 < y < height
        for text in picture.root.iter(f"{SVG}text"):
            assert 0 < float(text.attrib["x"]) < width
            assert 0 < float(text.attrib["y"]) < height


def test_there_is_a_look_for_the_dark() -> None:
    style = Picture(draw(SMALL, fit(SMALL))).root.find(f".//{SVG}style")
    assert style is not None
    assert style.text is not None
    assert "prefers-color-scheme:dark" in style.text
    selectors = re.findall(r"([^{}\n]+)\{", style.text)
    assert all(s.startswith(".pca-plot") for s in selectors if not s.startswith("@"))


def test_nothing_is_fetched_from_elsewhere() -> None:
    svg = draw(IRIS, fit(IRIS)).decode()
    assert not re.search(r"href=|url\(|@import|<script", svg)


def test_an_axis_without_variance_is_not_drawn() -> None:
    line = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    picture = Picture(draw(line, fit(line)))
    assert len(picture.arrows("axis pc1")) == 1
    assert len(picture.arrows("axis pc2")) == 0


def test_many_variables_get_a_bounded_number_of_arrows() -> None:
    values = np.random.default_rng(0).normal(size=(30, 100))
    # One more shows in the legend what they are.
    assert len(Picture(draw(values, fit(values))).arrows("loading")) == 12 + 1


def test_one_variable_cannot_be_drawn() -> None:
    values = SMALL[:, :1]
    with pytest.raises(InvalidTable, match="at least 2 variables, got 1"):
        draw(values, fit(values))


@settings(max_examples=30)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_makes_well_formed_xml(title: str, name: str) -> None:
    svg = draw(SMALL, fit(SMALL, names=[name, "y"]), title=title)
    assert len(Picture(svg).circles) == 5


def test_the_same_input_gives_the_same_bytes_in_any_process() -> None:
    code = (
        "import sys, numpy as np; from pca.decomposition import fit; from pca.plot import draw;"
        f"values = np.array({SMALL.tolist()}); draw(values * 2, fit(values * 2));"
        "sys.stdout.buffer.write(draw(values, fit(values)))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": "1"}
    )
    assert other.stdout == draw(SMALL, fit(SMALL))


def test_the_picture_is_the_one_that_was_looked_at() -> None:
    """After a change that is meant: look at the new picture, then write it to golden/plot.svg."""
    assert draw(SMALL, fit(SMALL), title="Five points") + b"\n" == GOLDEN.read_bytes()
