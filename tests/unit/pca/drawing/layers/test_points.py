"""Marks stand where the observations are, and say which."""

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_iris
from unit.pca.pictures import SVG, Picture, picture

from meshlens.pca.drawing.plot import draw
from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.tables.table import Table

Array = npt.NDArray[np.float64]

IRIS: Array = load_iris().data
IRIS_NAMES = ("sepal length", "sepal width", "petal length", "petal width")
SPECIES = tuple(str(load_iris().target_names[code]) for code in load_iris().target)
SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])


def test_marks_stand_where_the_observations_are() -> None:
    drawn = picture(SMALL)
    np.testing.assert_allclose(drawn.to_data(drawn.places(), SMALL), SMALL, atol=0.01)


def test_groups_have_colours_shapes_and_a_legend() -> None:
    drawn = picture(Table(IRIS, IRIS_NAMES, SPECIES))
    for number, (name, shape) in enumerate([("setosa", "circle"), ("versicolor", "path")]):
        (marks,) = (group for group in drawn.groups(f"points g{number}"))
        assert {mark.tag for mark in marks} == {f"{SVG}{shape}"}
        assert len(marks) == 50
        assert name in drawn.texts
    (one,), (other,) = drawn.groups("points g1"), drawn.groups("points g2")
    assert one[0].attrib["d"].partition("m")[2] != other[0].attrib["d"].partition("m")[2]


def test_the_order_of_observations_does_not_change_the_colours_of_groups() -> None:
    order = np.random.default_rng(0).permutation(150)
    shuffled = Table(IRIS[order], IRIS_NAMES, tuple(SPECIES[i] for i in order))
    one, other = picture(Table(IRIS, IRIS_NAMES, SPECIES)), picture(shuffled)
    for number in range(3):
        a, b = (np.sort(p.places(f"points g{number}"), axis=0) for p in (one, other))
        np.testing.assert_allclose(a, b, atol=0.1)


def test_a_pointer_on_a_mark_shows_what_it_is() -> None:
    (group,) = picture(Table(SMALL, groups=("a%", "a%", "b", "b", "b"))).groups("points g0")
    assert [mark[0].text for mark in group] == ["1, a%: 2, 1", "2, a%: 3, 1.5"]
    (group,) = picture(Table(SMALL, labels=tuple("v<xyz"))).groups("points")
    assert group[1][0].text == "<: 3, 1.5"


def test_new_points_are_rings_on_the_axes_of_an_earlier_fit() -> None:
    model = fit(IRIS[:100, :2])
    new = Table(IRIS[100:, :2])
    drawn = Picture(draw(new, model, Style(), new=True).svg)
    assert len(drawn.places("points new")) == 50
    assert "new observation" in drawn.texts
    assert "50 new observations on the axes of 100 others, 2 variables" in drawn.texts
    desc = drawn.root[1].text
    assert desc is not None
    x, y = model.mean
    assert f"cross at the mean ({x:.6g}, {y:.6g})" in desc
