"""What callers say about a picture, and what is said about what cannot be."""

import json
from typing import Any

import numpy as np
import pytest
from unit.pca.calls import ask
from unit.pca.pictures import Picture

from meshlens.pca.drawing.style import Style
from meshlens.pca.errors import FitNotFound, InvalidOption, InvalidTable
from meshlens.pca.options import FitOptions, PlotOptions, parse_options
from meshlens.pca.service import Service
from meshlens.pca.tables.table import Table

ROWS = (
    b"a,b,c\n"
    + "\n".join(
        ",".join(map(str, row)) for row in np.random.default_rng(0).normal(size=(20, 3)).tolist()
    ).encode()
)


def draw(service: Service, **query: str) -> Picture:
    reply = service.plot(ask(ROWS, **query))
    assert reply.content_type == "image/svg+xml"
    return Picture(reply.body)


def read_style(options: PlotOptions) -> Style:
    return Style(**options.model_dump(include=set(Style.model_fields), exclude_unset=True))


def test_every_option_reaches_the_picture() -> None:
    query = {
        "kind": "biplot",
        "components": "2,3",
        "alpha": "0.5",
        "ellipse": "t",
        "level": "0.9",
        "label": "3",
        "arrows": "2",
        "theme": "dark",
        "aspect": "free",
        "title": "T",
        "width": "400",
        "height": "500",
    }
    style = parse_options(PlotOptions, query)
    assert read_style(style) == Style(
        kind="biplot",
        components=(2, 3),
        alpha=0.5,
        ellipse="t",
        level=0.9,
        label=3,
        arrows=2,
        theme="dark",
        aspect="free",
        title="T",
        width=400,
        height=500,
    )
    assert read_style(parse_options(PlotOptions, {})) == Style()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"kind": "pie"}, ["kind", "'scores'", "'scree'", "'pie'"]),
        ({"components": "1"}, ["components", "1,3", "'1'"]),
        ({"components": "1,2,3"}, ["components", "'1,2,3'"]),
        ({"components": "1,x"}, ["'1,x'"]),
        ({"components": "1,-2"}, ["'1,-2'"]),
        ({"components": "1,4"}, ["from 1 to 3", "1,4"]),
        ({"components": "2,2"}, ["two different"]),
        ({"components": "1," + "9" * 5000}, ["components"]),
        ({"kind": "biplot", "alpha": "1.1"}, ["alpha", "'1.1'"]),
        ({"alpha": "0.5"}, ["alpha goes with kind=biplot", "kind=scores"]),
        ({"ellipse": "round"}, ["ellipse", "'confidence'", "'round'"]),
        ({"ellipse": "t", "level": "1"}, ["level", "less than 1"]),
        ({"ellipse": "t", "level": "0"}, ["level", "greater than 0"]),
        ({"level": "0.9"}, ["level goes with an ellipse"]),
        ({"kind": "scree", "ellipse": "t"}, ["ellipse goes with kind=scores or biplot"]),
        ({"kind": "scree", "components": "1,2"}, ["components goes with"]),
        ({"kind": "loadings", "label": "all"}, ["label goes with"]),
        ({"label": "some"}, ["outliers, all, none, or a number", "'some'"]),
        ({"label": "-1"}, ["'-1'"]),
        ({"label": "9" * 5000}, ["label"]),
        ({"arrows": "101"}, ["arrows", "100"]),
        ({"theme": "pink"}, ["theme", "'pink'"]),
        ({"aspect": "wide"}, ["aspect", "'wide'"]),
        ({"k": "2"}, ["k goes with kind=scree"]),
        ({"kind": "scree", "k": "4"}, ["between 1 and 3"]),
        ({"height": "319"}, ["height", "320"]),
        ({"width": "4001"}, ["width", "4000"]),
        ({"fit": "0" * 64, "standardize": "true"}, ["got standardize as well"]),
    ],
)
def test_options_that_cannot_be_are_refused(
    service: Service, query: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(InvalidOption) as caught:
        service.plot(ask(ROWS, **query))
    message = str(caught.value)
    assert "; " in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("kind", ["scores", "biplot", "loadings", "scree"])
def test_every_kind_is_answered(service: Service, kind: str) -> None:
    assert draw(service, kind=kind).root.attrib["role"] == "img"


@pytest.mark.parametrize(("k", "kept"), [("2", 2), ("0.999", 3)])
def test_a_scree_plot_marks_the_components_that_k_keeps(
    service: Service, k: str, kept: int
) -> None:
    assert f"kept, k = {kept}" in draw(service, kind="scree", k=k).texts


def store(service: Service) -> str:
    answer: dict[str, Any] = json.loads(service.fit(ask(ROWS)).body)
    return str(answer["id"])


def test_posted_points_are_new_on_the_axes_of_a_stored_fit(service: Service) -> None:
    fit_id = store(service)
    reply = service.plot(ask(b"1,2,3\n3,1,2\n", fit=fit_id))
    drawn = Picture(reply.body)
    assert len(drawn.places("points new")) == 2
    assert "2 new observations on the axes of 20 others, 3 variables" in drawn.texts
    assert reply.result is not None
    assert (reply.result["fit"], reply.result["n"]) == (fit_id, 2)


def test_new_points_have_the_variables_of_the_fit(service: Service) -> None:
    with pytest.raises(InvalidTable):
        service.plot(ask(b"1,2\n3,4\n", fit=store(service)))


def test_a_fit_that_is_none_is_not_found(service: Service) -> None:
    with pytest.raises(FitNotFound):
        service.plot(ask(ROWS, fit="0" * 64))


@pytest.mark.parametrize("standardize", ["false", "true"])
@pytest.mark.parametrize("k", ["1", "3", "0.5", "0.999", "parallel"])
def test_a_scree_plot_keeps_as_many_components_as_a_fit(k: str, standardize: str) -> None:
    query = {"k": k, "standardize": standardize}
    options = parse_options(PlotOptions, {**query, "kind": "scree"})
    values = np.random.default_rng(0).normal(size=(20, 3)) @ np.diag([9.0, 2.0, 1.0])
    table = Table(values)
    fitted = len(parse_options(FitOptions, query).decompose(table).components)
    assert options.count_kept(options.decompose_whole(table)) == fitted


def test_without_k_nothing_is_said_to_be_kept() -> None:
    options = parse_options(PlotOptions, {"kind": "scree"})
    whole = options.decompose_whole(Table(np.random.default_rng(0).normal(size=(5, 3))))
    assert options.count_kept(whole) is None
