"""The picture shows the numbers of the fit, to everyone, the same each time."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshlens.pca.drawing.layout.text_width import measure
from meshlens.pca.drawing.plot import draw
from meshlens.pca.drawing.style import Style
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.tables.table import Table
from sklearn.datasets import load_iris, load_wine
from unit.pca.pictures import NUMBER, SVG, Picture, picture

Array = npt.NDArray[np.float64]

GOLDEN = Path(__file__).parent / "golden"
SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])
IRIS: Array = load_iris().data
IRIS_NAMES = ("sepal length", "sepal width", "petal length", "petal width")
SPECIES = tuple(str(load_iris().target_names[code]) for code in load_iris().target)
WINE: Array = load_wine().data


def test_marks_stand_where_the_observations_are() -> None:
    drawn = picture(SMALL)
    np.testing.assert_allclose(drawn.to_data(drawn.places(), SMALL), SMALL, atol=0.01)


def test_one_unit_is_as_long_on_either_axis() -> None:
    wide = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 10.0]])
    width, height = np.ptp(picture(wide).places(), axis=0)
    assert width / height == pytest.approx(10, rel=0.01)


def test_free_axes_fill_the_panel() -> None:
    wide = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 10.0]])
    equal, free = (np.ptp(picture(wide, aspect=a).places(), axis=0) for a in ("equal", "free"))
    assert free[1] > 3 * equal[1]


def test_free_axes_do_not_make_a_cloud_of_rounding() -> None:
    line = np.column_stack([np.arange(20.0), 2 * np.arange(20.0)])
    places = picture(line, aspect="free", components=(1, 2)).places()
    assert np.ptp(places[:, 1]) <= 0.1


def test_axes_cross_at_the_mean_and_reach_two_standard_deviations() -> None:
    model = fit(SMALL)
    drawn = picture(SMALL)
    np.testing.assert_allclose(drawn.to_data(drawn.mean(), SMALL), model.mean, atol=0.01)
    for number in (1, 2):
        ((tail, tip),) = drawn.to_data(drawn.arrows(f"axis pc{number}"), SMALL)
        reach = 2 * np.sqrt(model.explained_variance[number - 1]) * model.components[number - 1]
        np.testing.assert_allclose(tip, model.mean + reach, atol=0.02)
        np.testing.assert_allclose(tail, model.mean - reach, atol=0.02)


def test_standardized_variables_are_shown_in_standard_deviations() -> None:
    values = SMALL * [1000.0, 1.0]
    model = fit(values, standardize=True)
    drawn = picture(values, standardize=True)
    expected = (values - model.mean) / model.scale
    np.testing.assert_allclose(drawn.to_data(drawn.places(), expected), expected, atol=0.02)
    assert {"x1, standardized", "x2, standardized"} <= set(drawn.texts)


def test_more_than_two_variables_are_shown_by_raw_scores_and_loadings() -> None:
    model = fit(IRIS, names=IRIS_NAMES)
    drawn = picture(Table(IRIS, IRIS_NAMES))
    scores = project(model, IRIS)[:, :2]
    np.testing.assert_allclose(drawn.to_data(drawn.places(), scores), scores, atol=0.02)
    tips = drawn.to_data(drawn.arrows("loading")[:, 1], scores)
    factor = tips[2, 0] / model.loadings[0, 2]
    np.testing.assert_allclose(tips, factor * model.loadings[:2].T, atol=0.03)
    assert {*IRIS_NAMES, "PC 1 (92.5 %)", "PC 2 (5.3 %)"} <= set(drawn.texts)
    assert f"loadings × {factor:.2g}" in {text[:14] for text in drawn.texts}  # noqa: RUF001 - a multiplication
    assert "Raw scores, not rescaled" in drawn.caption()


def test_any_two_components_can_be_drawn() -> None:
    scores = project(fit(IRIS), IRIS)[:, [2, 0]]
    drawn = picture(IRIS, components=(3, 1))
    np.testing.assert_allclose(drawn.to_data(drawn.places(), scores), scores, atol=0.02)
    assert {"PC 3 (1.7 %)", "PC 1 (92.5 %)"} <= set(drawn.texts)


def test_two_variables_are_shown_by_their_scores_if_components_are_asked_for() -> None:
    scores = project(fit(SMALL), SMALL)
    drawn = picture(SMALL, components=(1, 2))
    np.testing.assert_allclose(drawn.to_data(drawn.places(), scores), scores, atol=0.02)


@pytest.mark.parametrize("components", [(1, 1), (0, 1), (1, 5), (5, 1)])
def test_components_that_are_none_are_refused(components: tuple[int, int]) -> None:
    with pytest.raises(InvalidOption, match=r"two different numbers from 1 to 4, got \d,\d"):
        picture(IRIS, components=components)


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


def test_many_groups_with_long_names_leave_room_for_the_picture() -> None:
    groups = tuple(f"treatment number {i % 70} of a long series of treatments" for i in range(150))
    drawn = picture(Table(IRIS, IRIS_NAMES, groups))
    assert len(drawn.places()) == 150
    assert np.ptp(drawn.places()[:, 0]) > 150
    assert any(re.fullmatch(r"and \d+ more", text) for text in drawn.texts)
    for line in drawn.root.findall(f"{SVG}g[@transform]"):
        x, y = map(float, re.findall(NUMBER, line.attrib["transform"]))
        for text in line.iter(f"{SVG}text"):
            words = 0 if text.attrib.get("class") == "end" else measure(text.text or "")
            assert x + float(text.attrib["x"]) + words <= 640
            assert y <= 420


def test_a_narrow_picture_says_how_many_groups_its_legend_leaves_out() -> None:
    groups = tuple(f"treatment {i % 30}" for i in range(150))
    drawn = picture(Table(IRIS, IRIS_NAMES, groups), width=360)
    (more,) = (text for text in drawn.texts if re.fullmatch(r"and \d+ more", text))
    listed = [text for text in drawn.texts if text.startswith("treatment")]
    assert len(listed) + int(more.split()[1]) == 30
    assert "loadings" in " ".join(drawn.texts)
    assert np.ptp(drawn.places()[:, 0]) > 150


def test_the_legend_says_the_explained_variance() -> None:
    texts = picture(IRIS).texts
    assert [text for text in texts if re.fullmatch(r"\d.*%", text)] == [
        "92.5 %",
        "5.3 %",
        "1.7 %",
        "0.5 %",
    ]
    assert "Explained variance" in texts
    assert {"PC 1", "PC 2", "PC 3", "PC 4"} <= set(texts)


def test_a_screen_reader_hears_what_the_picture_shows() -> None:
    root = picture(SMALL, title="Leaves & <stems>").root
    assert root.attrib["role"] == "img"
    title, desc = root[0], root[1]
    assert (title.tag, title.text) == (f"{SVG}title", "Leaves & <stems>")
    assert desc.tag == f"{SVG}desc"
    assert desc.text is not None
    assert "5 observations of 2 variables: x1 and x2" in desc.text
    assert "mean (4, 2.6)" in desc.text
    assert re.search(r"PC 1 explains 9\d\.\d %", desc.text)


def test_a_screen_reader_hears_groups_ellipses_and_outliers() -> None:
    values = np.vstack([IRIS, [[30.0, 30.0, 30.0, 30.0]]])
    table = Table(values, IRIS_NAMES, (*SPECIES, "setosa"))
    desc = picture(table, ellipse="t").root[1].text
    assert desc is not None
    assert "3 groups: setosa, versicolor, virginica" in desc
    assert "ellipses: 95 % t" in desc
    assert "labelled: 151" in desc


def test_a_pointer_on_a_mark_shows_what_it_is() -> None:
    (group,) = picture(Table(SMALL, groups=("a%", "a%", "b", "b", "b"))).groups("points g0")
    assert [mark[0].text for mark in group] == ["1, a%: 2, 1", "2, a%: 3, 1.5"]
    (group,) = picture(Table(SMALL, labels=tuple("v<xyz"))).groups("points")
    assert group[1][0].text == "<: 3, 1.5"


def test_the_picture_has_the_size_that_was_asked_for_and_can_be_scaled() -> None:
    root = picture(SMALL, width=800, height=600).root
    assert (root.attrib["width"], root.attrib["height"]) == ("800px", "600px")
    assert root.attrib["viewBox"] == "0 0 800 600"


@pytest.mark.parametrize("size", [(320, 320), (480, 320), (640, 480), (4000, 320), (480, 4000)])
@pytest.mark.parametrize("kind", ["scores", "biplot", "loadings", "scree"])
def test_every_mark_lies_within_the_picture(size: tuple[int, int], kind: str) -> None:
    width, height = size
    for values in (SMALL, IRIS, SMALL * 1e9, SMALL + 1e9, SMALL * [1, 1e6]):
        drawn = picture(values, width=width, height=height, kind=kind, ellipse="normal")
        axes = drawn.arrows("axis").reshape(-1, 2)
        for x, y in np.vstack([drawn.places().reshape(-1, 2), axes]):
            assert 0 < x < width
            assert 0 < y < height
        for text in drawn.root.iter(f"{SVG}text"):
            if "class" in text.attrib:
                assert 0 <= float(text.attrib["x"]) < width
                assert -10 < float(text.attrib["y"]) < height


def test_a_theme_is_fixed_or_follows_the_reader() -> None:
    for theme, dark, light in (("auto", 1, 1), ("light", 0, 1), ("dark", 1, 0)):
        style = picture(SMALL, theme=theme).root.find(f"{SVG}style")
        assert style is not None
        assert style.text is not None
        assert style.text.count("prefers-color-scheme:dark") == (theme == "auto")
        assert (style.text.count("#12171e}"), style.text.count("{fill:#fff}")) >= (dark, light)
        selectors = re.findall(r"([^{}\n]+)\{", style.text)
        parts = [part for s in selectors if not s.startswith("@") for part in s.split(",")]
        assert all(part.startswith(f".pca-{theme} ") for part in parts)


def test_nothing_is_fetched_from_elsewhere() -> None:
    for kind in ("scores", "biplot", "loadings", "scree"):
        svg = picture(Table(IRIS, IRIS_NAMES, SPECIES), kind=kind).svg.decode()
        assert not re.search(r"href=|url\(|@import|<script", svg)


def test_an_axis_without_variance_is_not_drawn() -> None:
    drawn = picture(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]))
    assert len(drawn.arrows("axis pc1")) == 1
    assert len(drawn.arrows("axis pc2")) == 0


def test_components_of_no_variance_can_be_drawn() -> None:
    line = np.outer(np.arange(20.0), [1.0, 2.0, 3.0])
    assert len(picture(line, components=(2, 3)).places()) == 20
    assert len(picture(line, components=(2, 3), kind="biplot", alpha=0.5).places()) == 20


def test_as_many_arrows_are_drawn_as_asked_for_and_the_caption_says_so() -> None:
    values = np.random.default_rng(0).normal(size=(30, 100))
    drawn = picture(values)
    assert len(drawn.arrows("loading")) == 12
    assert "The 12 longest of 100 arrows" in drawn.caption()
    assert len(picture(values, arrows=0).arrows("loading")) == 0


def test_new_points_are_rings_on_the_axes_of_an_earlier_fit() -> None:
    model = fit(IRIS[:100, :2])
    new = Table(IRIS[100:, :2])
    drawn = Picture(draw(new, model, Style(), new=True))
    assert len(drawn.places("points new")) == 50
    assert "new observation" in drawn.texts
    assert "50 new observations on the axes of 100 others, 2 variables" in drawn.texts
    desc = drawn.root[1].text
    assert desc is not None
    x, y = model.mean
    assert f"cross at the mean ({x:.6g}, {y:.6g})" in desc


def test_one_new_point_is_a_picture() -> None:
    for kind in ("scores", "biplot", "loadings", "scree"):
        drawn = Picture(draw(Table(IRIS[:1]), fit(IRIS), Style(kind=kind), new=True))
        assert "1 new observation on the axes of 150 others, 4 variables" in drawn.texts


def test_the_caption_says_what_became_of_missing_cells() -> None:
    caption = picture(Table(SMALL, filled=1234, dropped=2)).caption()
    assert "1,234 missing cells were filled in." in caption
    assert "2 observations with missing cells were left out." in caption


def test_one_variable_cannot_be_drawn_but_in_a_scree_plot() -> None:
    values = SMALL[:, :1]
    with pytest.raises(InvalidTable, match="at least 2 variables, got 1"):
        picture(values)
    assert "component" in picture(values, kind="scree").texts


def test_a_fit_of_one_component_has_no_plane() -> None:
    with pytest.raises(InvalidOption, match="at least 2 components, got 1"):
        draw(Table(IRIS), fit(IRIS, k=1))


@settings(max_examples=30)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_any_text_makes_well_formed_xml(title: str, name: str, group: str, label: str) -> None:
    table = Table(SMALL, (name, "y"), (group, "b", "b", "b", "b"), (label,) * 5)
    for kind in ("scores", "loadings", "scree"):
        drawn = picture(table, title=title, kind=kind, label="all")
        assert drawn.root.tag == f"{SVG}svg"


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes_in_any_process() -> None:
    code = (
        "import sys, numpy as np; from meshlens.pca.numbers.decomposition import fit;"
        "from meshlens.pca.drawing.plot import draw;"
        "from meshlens.pca.tables.table import Table; from meshlens.pca.drawing.style import Style;"
        "values = np.random.default_rng(3).normal(size=(4000, 3));"
        "table = Table(values, groups=tuple('abcd') * 1000);"
        "sys.stdout.buffer.write(draw(table, fit(values), Style(ellipse='t', label=9)))"
    )
    others = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": s},
        ).stdout
        for s in "12"
    ]
    values = np.random.default_rng(3).normal(size=(4000, 3))
    table = Table(values, groups=tuple("abcd") * 1000)
    assert {*others, draw(table, fit(values), Style(ellipse="t", label=9))} == {others[0]}


CITIES = Table(
    np.array([[2.0, 1.0, 4.1], [3.0, 1.5, 3.9], [4.0, 3.0, 2.8], [5.0, 3.5, 3.2], [6.0, 4.0, 1.0]]),
    ("rain", "wind", "sun"),
    ("coast", "coast", "coast", "inland", "inland"),
    ("Bergen", "Brest", "Cork", "Prague", "Turin"),
)
CROSS = Table(np.random.default_rng(0).normal(size=(12, 2)).round(1), groups=tuple("ab") * 6)
CLOUD = Table((np.random.default_rng(1).normal(size=(3001, 2)) * [1, 0.02]).round(2))


@pytest.mark.parametrize(
    ("name", "table", "style"),
    [
        ("plot", Table(SMALL), Style(title="Five points")),
        ("scores", CITIES, Style(title="Five cities", theme="light")),
        ("biplot", CITIES, Style(kind="biplot", theme="dark")),
        ("loadings", CITIES, Style(kind="loadings", width=360, height=480, theme="light")),
        ("scree", CITIES, Style(kind="scree", theme="light")),
        ("ellipses", CROSS, Style(ellipse="t", level=0.5, label=3, theme="light")),
        ("density", CLOUD, Style(theme="light", aspect="free", label="none")),
    ],
)
def test_the_picture_is_the_one_that_was_looked_at(name: str, table: Table, style: Style) -> None:
    """After a change that is meant: look at the new picture, then write it to golden/."""
    model = fit(table.values, names=table.names, standardize=style.kind == "loadings")
    kept = 1 if name == "scree" else None
    assert draw(table, model, style, kept=kept) + b"\n" == (GOLDEN / f"{name}.svg").read_bytes()
