"""Numbers colour marks, and labels shape them, as the legend says."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_iris
from unit.pca.pictures import Picture, picture

from meshlens.pca.drawing.plot import draw
from meshlens.pca.drawing.scenes.shading import STEPS, Shading
from meshlens.pca.drawing.style import Style
from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.tables.table import Factor, Measure, Table

Array = npt.NDArray[np.float64]

IRIS: Array = load_iris().data
NAMES = ("sepal length", "sepal width", "petal length", "petal width")
SPECIES = tuple(str(load_iris().target_names[code]) for code in load_iris().target)
SITES = Factor("site", ("north", "south") * 75)


def count_marks(drawn: Picture, class_: str) -> int:
    return sum(len(group) for group in drawn.groups(f"points {class_}") if len(group) > 0)


def test_a_measure_colours_each_point_by_its_step() -> None:
    values = np.linspace(0.0, 3.0, 150)
    drawn = picture(Table(IRIS, NAMES, color=Measure("dose", values)))
    assert [count_marks(drawn, f"scale{step}") for step in range(STEPS)] == [150 // STEPS] * STEPS
    assert {"dose", "0 to 3"} <= set(drawn.texts)
    assert drawn.root[1].text is not None
    assert "colours show dose from 0 to 3" in drawn.root[1].text


def test_what_is_not_known_has_a_colour_of_its_own() -> None:
    values = np.append(np.full(3, np.nan), np.arange(147.0))
    drawn = picture(Table(IRIS, NAMES, color=Measure("dose", values)))
    assert "not known" in drawn.texts
    assert Shading("dose", values, 0.0, 146.0).codes()[:4].tolist() == [STEPS, STEPS, STEPS, 0]


def test_a_measure_leaves_groups_their_shapes() -> None:
    drawn = picture(Table(IRIS, NAMES, SPECIES, color=Measure("dose", np.arange(150.0))))
    assert set(SPECIES) <= set(drawn.texts)
    assert len(drawn.places()) >= 150


def test_a_factor_shapes_the_points_and_leaves_groups_their_colours() -> None:
    drawn = picture(Table(IRIS, NAMES, SPECIES, shape=SITES))
    assert {"site", "north", "south", *SPECIES} <= set(drawn.texts)
    for number in range(3):
        marks = [mark for group in drawn.groups(f"points g{number}") for mark in group]
        assert sum("cx" in mark.attrib for mark in marks) >= 25
        assert sum("d" in mark.attrib for mark in marks) >= 25


def test_too_many_shapes_are_refused() -> None:
    labels = Factor("plot", tuple(str(number % 8) for number in range(150)))
    with pytest.raises(InvalidOption, match="at most 7 labels, got 8 in plot") as caught:
        picture(Table(IRIS, NAMES, shape=labels))
    assert caught.value.option == "shape"


@pytest.mark.parametrize("option", ["color", "shape"])
def test_a_column_that_no_table_has_is_refused(option: str) -> None:
    with pytest.raises(InvalidOption, match="weather") as caught:
        draw(Table(IRIS, NAMES), fit(IRIS), Style.model_validate({option: "weather"}))
    assert caught.value.option == option


def test_cos2_is_the_share_of_the_distance_that_the_plane_shows() -> None:
    model = fit(IRIS)
    squares = np.square(project(model, IRIS))
    shares = squares[:, :2].sum(axis=1) / squares.sum(axis=1)
    drawn = picture(Table(IRIS, NAMES), color="cos2")
    assert f"{shares.min():.3g} to {shares.max():.3g}" in drawn.texts


def test_contributions_are_per_cent_of_the_variance_of_the_plane() -> None:
    model = fit(IRIS)
    squares = np.square(project(model, IRIS)[:, :2]).sum(axis=1)
    shares = 100 * squares / squares.sum()
    drawn = picture(Table(IRIS, NAMES), color="contributions")
    assert f"{shares.min():.3g} to {shares.max():.3g}" in drawn.texts


def test_new_observations_have_contributed_nothing() -> None:
    style = Style(color="contributions")
    with pytest.raises(InvalidOption, match="contributions"):
        draw(Table(IRIS[:9]), fit(IRIS), style, new=True)


def test_variables_are_coloured_by_what_the_model_knows_of_them() -> None:
    drawn = picture(Table(IRIS, NAMES), kind="loadings", color="cos2", standardize=True)
    cos2 = fit(IRIS, standardize=True).cos2[:2].sum(axis=0)
    assert f"{cos2.min():.3g} to {cos2.max():.3g}" in drawn.texts
    assert len(drawn.groups(f"arrow scale{STEPS - 1}")) > 0


def test_many_points_have_the_colours_of_a_measure() -> None:
    values = np.random.default_rng(0).normal(size=(5000, 3))
    drawn = picture(Table(values, color=Measure("first", values[:, 0])))
    found = {
        class_ for group in drawn.groups("cells mixed") for class_ in group.attrib["class"].split()
    }
    assert sum(class_.startswith("scale") for class_ in found) > 5
