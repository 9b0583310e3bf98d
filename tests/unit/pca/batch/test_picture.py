"""The picture of a table in parts is that of the whole, byte for byte."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from unit.pca.batch.arrays import JOB, NOISE, Array, fit_parts, save
from unit.pca.numbers.data import normal
from unit.pca.pictures import Picture

from meshlens.batch.errors import InputChanged, ObjectsFailed, PartFailed
from meshlens.batch.job import Failure, Stage
from meshlens.batch.objects import FolderObjects
from meshlens.pca.answers.schemas import PartsPictureMetadata, ReadPartsAnswer
from meshlens.pca.batch.outline import Outline
from meshlens.pca.batch.packing import pack_outline
from meshlens.pca.batch.picture import PartsPicture
from meshlens.pca.drawing.layers.labels import MOST_LABELS
from meshlens.pca.drawing.plot import draw
from meshlens.pca.drawing.scenes.plane import MOST_MARKS
from meshlens.pca.errors import InvalidOption
from meshlens.pca.models import decode_model
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.options import PictureOptions, parse_options
from meshlens.pca.tables.reading import Reading
from meshlens.pca.tables.table import Table

FEW, MANY = MOST_MARKS, 20_000


def make(n: int, p: int) -> Array:
    """Observations of variables that depend on each other, a few of them far out."""
    mixed: Array = np.random.default_rng(n + p).standard_t(5, size=(n, p)) @ normal(1, p, p)
    return mixed


def get(objects: FolderObjects, name: str) -> bytes:
    data = objects.get(name)
    assert data is not None
    return data


def load(objects: FolderObjects) -> PcaModel:
    return decode_model(get(objects, "model.json"))


def without_metadata(svg: bytes) -> bytes:
    return re.sub(rb"<metadata>.*?</metadata>", b"", svg)


@pytest.mark.parametrize("n", [FEW, FEW + 1, MANY])
@pytest.mark.parametrize(
    ("p", "options", "style"),
    [
        (4, {}, {}),
        (2, {}, {}),
        (2, {"standardize": True}, {"aspect": "free"}),
        (4, {"scaling": "pareto", "k": 3}, {"components": "1,3", "label": 40, "width": 900}),
        (3, {"log": "10"}, {"kind": "biplot", "alpha": 0.5, "arrows": 2, "title": "Much"}),
        (3, {"scaling": "range"}, {"label": "none", "theme": "dark"}),
        (3, {"k": "0.999999"}, {"label": "all"}),
    ],
)
def test_the_picture_of_parts_is_that_of_the_whole(
    n: int, p: int, options: dict[str, Any], style: dict[str, Any], tmp_path: Path
) -> None:
    values = make(n, p)
    if "log" in options:
        values = np.exp(values / 10)
    file = save(tmp_path, values)
    _, objects = fit_parts(file, tmp_path / "job", rows=n // 9, picture=style or True, **options)
    table = Table(np.log10(values) if "log" in options else values, reading=Reading(format=".npy"))
    drawn = draw(table, load(objects), parse_options(PictureOptions, style))
    assert without_metadata(get(objects, "picture.svg")) == drawn.svg


@pytest.mark.parametrize("n", [FEW, MANY])
def test_observations_with_missing_numbers_are_counted_and_keep_the_numbers_of_the_others(
    n: int, tmp_path: Path
) -> None:
    values = make(n, 3)
    missing = np.zeros(n, dtype=bool)
    # Some of a block, a whole part, and the last rows.
    missing[[0, 7, 1000]] = missing[2 * n // 9 : 3 * n // 9] = missing[-3:] = True
    values[missing, 1] = np.nan
    file = save(tmp_path, values)
    _, objects = fit_parts(file, tmp_path / "job", rows=n // 9, picture=True, missing="drop")
    numbers = (np.flatnonzero(~missing) + 1).tolist()
    dropped = int(missing.sum())
    table = Table(values[~missing], dropped=dropped, numbers=numbers, reading=Reading(".npy"))
    svg = get(objects, "picture.svg")
    assert without_metadata(svg) == draw(table, load(objects)).svg
    caption = Picture(svg).caption()
    assert f"{dropped:,} observations with missing cells were left out." in caption


@pytest.mark.parametrize("n", [FEW, MANY])
def test_a_picture_says_which_parts_are_left_out(n: int, tmp_path: Path) -> None:
    values = make(n, 3)
    values[0], values[n // 2] = NOISE, NOISE
    file, step = save(tmp_path, values), n // 10
    _, objects = fit_parts(file, tmp_path / "job", rows=step, picture=True, skip=True)
    note = f"2 parts left out, the first: table.npy, rows 1 to {step}"
    rest = np.concatenate([values[step : 5 * step], values[6 * step :]])
    table = Table(rest, reading=Reading(format=".npy", notes=(note,)))
    svg = get(objects, "picture.svg")
    assert without_metadata(svg) == draw(table, load(objects)).svg
    assert note in Picture(svg).caption()
    assert f"{len(rest):,} observations" in " ".join(Picture(svg).texts)


def test_the_metadata_are_those_of_the_answer(tmp_path: Path) -> None:
    file = save(tmp_path, make(FEW, 3) * [1, 1, 1e4])
    _, objects = fit_parts(file, tmp_path / "job", picture=True)
    found = re.search(rb"<metadata>(.*?)</metadata>", get(objects, "picture.svg"))
    assert found
    metadata = TypeAdapter(PartsPictureMetadata).validate_json(found[1])
    assert metadata["read"] == json.loads(get(objects, "read.json"))
    assert metadata["n"] == FEW
    assert metadata["outweighing"]["variable"] == "x3"
    ratio = load(objects).explained_variance_ratio
    assert metadata["explained_variance_ratio"] == ratio.tolist()


def test_a_picture_changes_nothing_else(tmp_path: Path) -> None:
    file = save(tmp_path, make(FEW, 3))
    _, plain = fit_parts(file, tmp_path / "plain", scores=True)
    _, drawn = fit_parts(file, tmp_path / "drawn", scores=True, picture=True)
    assert get(plain, "model.json") == get(drawn, "model.json")
    assert get(plain, "scores.json").count(b'"object"') == 30
    assert plain.get("picture.svg") is None
    given = {"input": {"file": str(file), "rows": 9}}
    assert JOB.identify(given) == JOB.identify({**given, "picture": False})
    assert "picture" not in JOB.identify(given)
    same = [JOB.identify({**given, "picture": it}) for it in (True, {}, {"width": "640"})]
    assert same[0] == same[1] == same[2]


@settings(max_examples=30)
@given(
    n=st.integers(0, 3 * MOST_LABELS),
    cuts=st.lists(st.integers(0, 3 * MOST_LABELS), max_size=5),
    whole=st.booleans(),
)
def test_outlines_of_parts_are_together_that_of_the_whole(
    n: int,
    cuts: list[int],
    whole: bool,  # noqa: FBT001 - hypothesis passes it by name
) -> None:
    # Whole numbers, of which many are equal.
    points = np.round(np.random.default_rng(n).normal(size=(n, 2)) * 8)
    distances = np.square(points).sum(axis=1)
    empty = Outline.empty(whole=whole)
    numbers = np.arange(1, n + 1)
    expected = empty.add(numbers, points, distances, rows=n)
    merged = empty
    for some in np.split(np.arange(n), sorted(min(cut, n) for cut in cuts)):
        own = np.arange(1, len(some) + 1)
        merged = merged.merge(empty.add(own, points[some], distances[some], rows=len(some)))
    assert merged.rows == expected.rows == n
    np.testing.assert_array_equal(merged.numbers, expected.numbers)
    np.testing.assert_array_equal(merged.points, points[merged.numbers - 1])
    np.testing.assert_array_equal(merged.distances, distances[merged.numbers - 1])
    assert len(merged.numbers) == n if whole else len(merged.numbers) <= MOST_LABELS + 4


@pytest.mark.parametrize(
    ("options", "picture", "reason"),
    [
        ({"rotation": "varimax", "k": 2}, True, "which are not rotated"),
        ({"k": 1}, True, "at least 2 components, got 1; fit 2 variables or more"),
        ({"group": "site"}, True, "has no groups, colours or shapes of a column, got group='site'"),
        ({"k": 0.1}, True, "at least 2 components, got 1"),
        ({"use": "x1"}, {"components": "1,9"}, "two different numbers from 1 to 3"),
        ({}, "yes", "picture must be true, false or the options of a picture, got 'yes'"),
        ({}, {"kind": "pairs"}, "option kind: input should be 'scores' or 'biplot'"),
        ({}, {"ellipse": "t"}, "has no ellipses, nor colours and shapes of a column"),
        ({}, {"color": "x1"}, "has no ellipses"),
        ({}, {"alpha": 0.5}, "alpha goes with kind=biplot"),
        ({}, {"colour": "red"}, "an option must be known"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(
    options: dict[str, Any], picture: object, reason: str, tmp_path: Path
) -> None:
    file = save(tmp_path, make(100, 3))
    with pytest.raises(InvalidOption, match=reason):
        fit_parts(file, tmp_path / "job", picture=picture, **options)


def test_one_variable_is_refused_before_it_is_read(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "job")
    file = save(tmp_path, make(100, 1))
    identity = JOB.identify({"input": {"file": str(file), "rows": 9}, "picture": True})
    with pytest.raises(InvalidOption, match="at least 2 components, got 1"):
        JOB.plan(identity, objects)


def test_other_observations_than_those_of_the_fit_are_refused(tmp_path: Path) -> None:
    _, objects = fit_parts(save(tmp_path, make(FEW, 3)), tmp_path / "job", picture=True)
    drawn = PartsPicture(load(objects), PictureOptions())
    read: ReadPartsAnswer = json.loads(get(objects, "read.json"))
    with pytest.raises(InputChanged, match=f"the {FEW} observations of the first, got 0"):
        drawn.draw(pack_outline(Outline.empty(whole=True)), None, Reading(), read)


@pytest.mark.parametrize("stage", ["points", "density"])
def test_a_part_that_fails_once_it_is_in_the_fit_ends_the_job(stage: str, tmp_path: Path) -> None:
    failure = Failure(3, "table.npy, rows 301 to 400", "a file must be readable")
    with pytest.raises(PartFailed, match=r"must be readable again, got table\.npy, rows 301"):
        JOB.finish(Stage(JOB.kind, stage, {}, [{}]), b"", [failure], FolderObjects(tmp_path))


def test_a_damaged_outline_is_said(tmp_path: Path) -> None:
    _, objects = fit_parts(save(tmp_path, make(MANY, 3)), tmp_path / "job", rows=900, picture=True)
    (name,) = objects.names("sums/")
    objects.put(name, b"damaged")
    stages = [Stage.of(get(objects, name)) for name in objects.names("stages/")]
    (stage,) = (stage for stage in stages if stage.name == "density")
    with pytest.raises(ObjectsFailed, match="the objects of the job must hold sums/"):
        JOB.finish(stage, b"", [], objects)
