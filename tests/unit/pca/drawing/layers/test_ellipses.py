"""Ellipses have the radii of the textbooks and hold as many points as they say."""

import re

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from sklearn.datasets import load_iris
from unit.pca.pictures import SVG, picture

from meshlens.pca.drawing.groups import find_groups
from meshlens.pca.drawing.layers.ellipses import find_ellipses, find_radius
from meshlens.pca.drawing.style import EllipseKind
from meshlens.pca.tables.table import Table

Array = npt.NDArray[np.float64]

IRIS: Array = load_iris().data[:, :2]
SPECIES = tuple(str(load_iris().target_names[code]) for code in load_iris().target)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("n", [4, 5, 50, 100_000])
def test_radii_are_the_quantiles_of_their_distributions(level: float, n: int) -> None:
    assert find_radius("normal", level, n) == pytest.approx(
        np.sqrt(stats.chi2.ppf(level, 2)), rel=1e-9
    )
    # car::dataEllipse: sqrt(2 * qf(level, 2, n - 1))
    assert find_radius("t", level, n) == pytest.approx(
        np.sqrt(2 * stats.f.ppf(level, 2, n - 1)), rel=1e-9
    )
    # Johnson and Wichern, (5-18): p (n - 1) / (n - p) F(p, n - p) / n with p = 2
    assert find_radius("confidence", level, n) == pytest.approx(
        np.sqrt(2 * (n - 1) / (n - 2) * stats.f.ppf(level, 2, n - 2) / n), rel=1e-9
    )


def test_radii_are_those_of_the_tables() -> None:
    # chi-square, 2 d.o.f., 95 %: 5.991; F(2, 10), 95 %: 4.103; F(2, 12), 99 %: 6.927.
    assert find_radius("normal", 0.95, 10) ** 2 == pytest.approx(5.991, abs=5e-4)
    assert find_radius("t", 0.95, 11) ** 2 / 2 == pytest.approx(4.103, abs=5e-4)
    assert find_radius("t", 0.99, 13) ** 2 / 2 == pytest.approx(6.927, abs=5e-4)


@pytest.mark.parametrize("kind", ["normal", "t"])
def test_as_many_points_lie_within_as_the_level_says(kind: EllipseKind) -> None:
    points = np.random.default_rng(0).normal(size=(20_000, 2)) @ [[3, 1], [0, 2]] + [5, -7]
    ((ellipse,), _) = find_ellipses(points, find_groups((), len(points)), kind, 0.8)
    centred = points - ellipse.centre
    inside = np.einsum("ni,ij,nj->n", centred, np.linalg.inv(ellipse.matrix), centred) <= 1
    assert inside.mean() == pytest.approx(0.8, abs=0.01)


def test_the_confidence_ellipse_covers_the_mean_as_often_as_the_level_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        points = generator.normal(size=(6, 2))
        ((ellipse,), _) = find_ellipses(points, find_groups((), 6), "confidence", 0.8)
        covered += bool(ellipse.centre @ np.linalg.inv(ellipse.matrix) @ ellipse.centre <= 1)
    assert covered / 1000 == pytest.approx(0.8, abs=0.04)


def test_each_group_has_its_own() -> None:
    ellipses, skipped = find_ellipses(IRIS, find_groups(SPECIES, 150), "normal", 0.95)
    assert not skipped
    for number, ellipse in enumerate(ellipses):
        members = IRIS[50 * number : 50 * (number + 1)]
        np.testing.assert_allclose(ellipse.centre, members.mean(axis=0))
        np.testing.assert_allclose(ellipse.matrix, stats.chi2.ppf(0.95, 2) * np.cov(members.T))


def test_groups_of_too_few_points_have_none_and_are_named() -> None:
    groups = ("pair",) * 3 + SPECIES[3:]
    drawn = picture(Table(IRIS, groups=groups), ellipse="normal")
    assert "Too few points for one: pair (n = 3)." in drawn.caption()
    assert len(drawn.root.findall(f"{SVG}ellipse")) == 3


def test_points_on_a_line_have_none() -> None:
    line = np.outer(np.arange(10.0), [1.0, 2.0])
    drawn = picture(line, ellipse="t")
    assert not drawn.root.findall(f"{SVG}ellipse")
    assert "all observations (n = 10)" in drawn.caption()


def test_points_on_a_line_but_for_rounding_have_none() -> None:
    line = np.outer(np.linspace(0.0, 1.0, 10), [1.0, 2.0])
    noise = 1e-8 * np.random.default_rng(0).normal(size=line.shape)
    assert np.linalg.det(np.cov((line + noise).T)) > 0
    assert find_ellipses(line + noise, find_groups((), 10), "t", 0.95) == (
        (),
        ("all observations (n = 10)",),
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [("normal", "90 % normal"), ("t", "90 % t"), ("confidence", "90 % confidence of mean")],
)
def test_legend_and_caption_name_kind_and_level(kind: EllipseKind, name: str) -> None:
    drawn = picture(IRIS, ellipse=kind, level=0.9)
    assert name in drawn.texts
    assert f"Ellipses: {name} (" in drawn.caption().replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("aspect", ["equal", "free"])
@pytest.mark.parametrize("level", [0.5, 0.999999])
def test_the_limits_grow_to_fit(level: float, aspect: str) -> None:
    drawn = picture(Table(IRIS, groups=SPECIES), ellipse="t", level=level, aspect=aspect)
    panel = drawn.root.find(f"{SVG}rect[@class='panel']")
    assert panel is not None
    left, top, width, height = (float(panel.attrib[name]) for name in ("x", "y", "width", "height"))
    for ellipse in drawn.root.findall(f"{SVG}ellipse"):
        x, y, rx, ry = (float(ellipse.attrib[name]) for name in ("cx", "cy", "rx", "ry"))
        found = re.match(r"rotate\((-?[\d.]+)", ellipse.attrib["transform"])
        assert found
        turn = np.radians(float(found[1]))
        x_reach = np.hypot(rx * np.cos(turn), ry * np.sin(turn))
        y_reach = np.hypot(rx * np.sin(turn), ry * np.cos(turn))
        assert left <= x - x_reach
        assert x + x_reach <= left + width
        assert top <= y - y_reach
        assert y + y_reach <= top + height


def test_an_ellipse_in_the_picture_is_that_of_the_points() -> None:
    drawn = picture(IRIS, ellipse="normal")
    (ellipse,) = drawn.root.findall(f"{SVG}ellipse")
    x, y = (float(ellipse.attrib[name]) for name in ("cx", "cy"))
    places = drawn.places()
    np.testing.assert_allclose([x, y], places.mean(axis=0), atol=0.1)
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(places.T)) * stats.chi2.ppf(0.95, 2))
    reach = [float(ellipse.attrib[name]) for name in ("ry", "rx")]
    np.testing.assert_allclose(reach, spread, rtol=0.005)
