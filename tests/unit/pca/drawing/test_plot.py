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
from sklearn.datasets import load_iris
from unit.pca.pictures import NUMBER, SVG, Picture, picture

from meshlens.pca.drawing.kinds import KINDS
from meshlens.pca.drawing.layout.text_width import measure
from meshlens.pca.drawing.plot import draw
from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import fit
from meshlens.pca.tables.reading import Reading
from meshlens.pca.tables.table import Factor, Measure, Table

Array = npt.NDArray[np.float64]

GOLDEN = Path(__file__).parent / "golden"
SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])
IRIS: Array = load_iris().data
IRIS_NAMES = ("sepal length", "sepal width", "petal length", "petal width")
SPECIES = tuple(str(load_iris().target_names[code]) for code in load_iris().target)


def test_many_groups_with_long_names_leave_room_for_the_picture() -> None:
    groups = tuple(f"treatment number {i % 70} of a long series of treatments" for i in range(150))
    drawn = picture(Table(IRIS, IRIS_NAMES, groups))
    assert len(drawn.places()) == 150
    assert np.ptp(drawn.places()[:, 0]) > 150
    assert any(re.fullmatch(r"and \d+ more", text) for text in drawn.texts)
    for line in drawn.root.findall(f"{SVG}g[@transform]"):
        x, y = map(float, re.findall(NUMBER, line.attrib["transform"]))
        scale = 0.75 if line.find(f"{SVG}g[@transform='scale(0.75)']") is not None else 1.0
        for text in line.iter(f"{SVG}text"):
            words = 0 if text.attrib.get("class") == "end" else measure(text.text or "")
            assert x + scale * (float(text.attrib["x"]) + words) <= 640
            assert y <= 420


def test_a_narrow_picture_says_how_many_groups_its_legend_leaves_out() -> None:
    groups = tuple(f"treatment {i % 30}" for i in range(150))
    drawn = picture(Table(IRIS, IRIS_NAMES, groups), width=360)
    (more,) = (text for text in drawn.texts if re.fullmatch(r"and \d+ more", text))
    listed = [text for text in drawn.texts if text.startswith("treatment")]
    assert len(listed) + int(more.split()[1]) == 30
    assert "loadings" in " ".join(drawn.texts)
    assert np.ptp(drawn.places()[:, 0]) > 150


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


def test_the_picture_has_the_size_that_was_asked_for_and_can_be_scaled() -> None:
    root = picture(SMALL, width=800, height=600).root
    assert (root.attrib["width"], root.attrib["height"]) == ("800px", "600px")
    assert root.attrib["viewBox"] == "0 0 800 600"


@pytest.mark.parametrize("size", [(320, 320), (480, 320), (640, 480), (4000, 320), (480, 4000)])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pairs"])
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


def test_nothing_is_fetched_from_elsewhere() -> None:
    for kind in KINDS:
        svg = picture(Table(IRIS, IRIS_NAMES, SPECIES), kind=kind).svg.decode()
        assert not re.search(r"href=|url\(|@import|<script", svg)


def test_one_new_point_is_a_picture() -> None:
    for kind in KINDS:
        drawn = Picture(draw(Table(IRIS[:1]), fit(IRIS), Style(kind=kind), new=True).svg)
        assert "1 new observation on the axes of 150 others, 4 variables" in drawn.texts


def test_the_caption_says_what_became_of_missing_cells() -> None:
    reading = Reading(filled=(7,), dropped=(3, 5))
    caption = picture(Table(SMALL, filled=1234, dropped=2, reading=reading)).caption()
    assert "1,234 missing cells were filled in, in row 7." in caption
    assert "2 observations with missing cells were left out: rows 3, 5." in caption


def test_the_caption_says_how_the_table_was_read() -> None:
    reading = Reading(header_row=1, delimiter=";", decimal_mark=",", encoding="utf-16")
    caption = picture(Table(SMALL, reading=reading)).caption()
    assert caption.endswith("Read: header in row 1; semicolons; decimal commas; utf-16.")


def test_notes_that_are_too_many_are_in_the_description() -> None:
    notes = tuple(f"column {number} left out: an id" for number in range(200))
    drawn = picture(Table(SMALL, reading=Reading(notes=notes)))
    assert "Column 0 left out" in drawn.caption()
    assert drawn.caption().endswith("\N{HORIZONTAL ELLIPSIS}")
    assert np.ptp(drawn.places()[:, 0]) > 150
    assert drawn.root[1].text is not None
    assert "Column 199 left out: an id." in drawn.root[1].text


def test_a_variable_that_outweighs_all_others_is_named_until_it_is_standardized() -> None:
    table = Table(IRIS * [1, 1, 1, 100], IRIS_NAMES)
    hint = "petal width holds 99.9 % of the variance: standardize=true"
    for kind in ("scores", "scree"):
        assert hint in picture(table, kind=kind).caption()
    assert picture(table).root.attrib["data-hint"] == "standardize"
    assert "data-hint" not in picture(table, standardize=True).root.attrib
    assert "standardize=true" not in picture(table, standardize=True).caption()
    assert "standardize=true" not in picture(Table(IRIS, IRIS_NAMES)).caption()


def test_constant_variables_are_named() -> None:
    table = Table(np.column_stack([IRIS, np.full(150, 0.1)]), (*IRIS_NAMES, "room"))
    for standardize in (False, True):
        caption = picture(table, standardize=standardize).caption()
        assert "Constant, so without weight: room." in caption


@pytest.mark.parametrize("kind", [*KINDS])
def test_every_kind_says_what_became_of_missing_cells(kind: str) -> None:
    assert (
        "2 observations with missing cells" in picture(Table(IRIS, dropped=2), kind=kind).caption()
    )


def test_axes_and_labels_stand_above_ellipses_and_these_above_points() -> None:
    svg = picture(Table(IRIS[:, :2], groups=SPECIES), ellipse="t", label=3).svg
    classes = ('"panel"', '"points g0"', '"ellipse g0"', '"arrow axis ink"', '"mean"', '"label"')
    places = [svg.index(f"class={class_}".encode()) for class_ in classes]
    assert places == sorted(places)


@pytest.mark.slow
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
        "sys.stdout.buffer.write(draw(table, fit(values), Style(ellipse='t', label=9)).svg)"
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
    assert {*others, draw(table, fit(values), Style(ellipse="t", label=9)).svg} == {others[0]}


CITIES = Table(
    np.array([[2.0, 1.0, 4.1], [3.0, 1.5, 3.9], [4.0, 3.0, 2.8], [5.0, 3.5, 3.2], [6.0, 4.0, 1.0]]),
    ("rain", "wind", "sun"),
    ("coast", "coast", "coast", "inland", "inland"),
    ("Bergen", "Brest", "Cork", "Prague", "Turin"),
)
TOWNS = Table(
    np.random.default_rng(2).normal(size=(14, 4)).round(1),
    ("rain", "wind", "sun", "snow"),
    tuple("ab") * 7,
    color=Measure("height", np.arange(14.0)),
    shape=Factor("river", ("yes", "no", "no", "yes", "no", "yes", "yes") * 2),
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
        ("contributions", CITIES, Style(kind="contributions", theme="light")),
        ("cos2", CITIES, Style(kind="cos2", theme="dark", width=360)),
        ("loading_bars", CITIES, Style(kind="loading_bars", theme="light")),
        ("pairs", TOWNS, Style(kind="pairs", ellipse="t", theme="light")),
        ("measure", TOWNS, Style(theme="light")),
        ("density", CLOUD, Style(theme="light", aspect="free", label="none")),
    ],
)
def test_the_picture_is_the_one_that_was_looked_at(name: str, table: Table, style: Style) -> None:
    """After a change that is meant: look at the new picture, then write it to golden/."""
    model = fit(table.values, names=table.names, standardize=style.kind == "loadings")
    kept = 1 if name == "scree" else None
    assert draw(table, model, style, kept=kept).svg + b"\n" == (GOLDEN / f"{name}.svg").read_bytes()
