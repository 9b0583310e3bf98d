"""Options about numbers, from the query to the answer and back."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from unit.pca.calls import ask
from unit.pca.numbers.data import normal

from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.options import FitOptions, parse_options
from meshlens.pca.service import Service

Array = npt.NDArray[np.float64]

POSITIVE: Array = np.exp(normal(1, 25, 4))


def write(values: Array) -> bytes:
    return json.dumps(values.tolist()).encode()


def call(service: Service, method: str, body: bytes, **query: str) -> Any:  # noqa: ANN401 - JSON
    reply = getattr(service, method)(ask(body, "application/json", **query))
    return json.loads(reply.body)


@pytest.mark.parametrize(
    "query",
    [
        {"scaling": "pareto"},
        {"scaling": "range", "divisor": "n"},
        {"scaling": "vector", "log": "e"},
        {"log": "10"},
        {"log": "1p", "standardize": "true", "divisor": "n-1"},
        {"log": "2", "scaling": "standard", "rotation": "varimax", "k": "4"},
    ],
)
def test_new_points_go_there_and_back_as_the_fit_was_made(
    service: Service, query: dict[str, str]
) -> None:
    fitted = call(service, "fit", write(POSITIVE), **query)
    new = POSITIVE[:5] * 1.5
    scores = call(service, "transform", write(new), fit=fitted["id"])["scores"]
    points = call(service, "inverse", write(np.array(scores)), fit=fitted["id"])["points"]
    np.testing.assert_allclose(points, new, rtol=1e-9)
    own = call(service, "transform", write(POSITIVE), **query)["scores"]
    kept = call(service, "transform", write(POSITIVE), fit=fitted["id"])["scores"]
    np.testing.assert_allclose(own, kept, rtol=1e-12)


def test_the_answer_says_what_was_done_to_the_variables(service: Service) -> None:
    query = {"scaling": "standard", "log": "10", "divisor": "n"}
    answer = call(service, "fit", write(POSITIVE), **query)
    said = [answer[name] for name in ("scaling", "log", "divisor", "scale_divisor")]
    assert said == ["standard", "10", "n", "n"]
    assert (answer["constant"], answer["rotation"], answer["left_out"]) == ([], None, 0)
    logs = np.log10(POSITIVE)
    np.testing.assert_allclose(answer["mean"], logs.mean(axis=0))
    np.testing.assert_allclose(answer["scale"], logs.std(axis=0))
    assert np.abs(answer["correlations"]).max() <= 1
    assert sum(answer["explained_variance"]) == pytest.approx(4)


def test_logarithms_are_taken_before_missing_numbers_are_filled_in(service: Service) -> None:
    answer = call(service, "fit", b"[[1,10],[100,null],[10,1000]]", log="10", missing="mean")
    np.testing.assert_allclose(answer["mean"], [1, 2])
    np.testing.assert_allclose(answer["variance"], [1, 1])


def test_a_number_without_a_logarithm_is_refused_where_it_is(service: Service) -> None:
    with pytest.raises(InvalidTable, match="needs numbers above 0, got 0 at row 2, column 1"):
        service.fit(ask(b"[[1,2],[0,4],[5,7]]", "application/json", log="10"))
    logged = call(service, "fit", b"[[1,2],[3,9],[4,4]]", log="2")["id"]
    with pytest.raises(InvalidTable, match="log=2 needs numbers above 0, got -1 at row 1"):
        service.transform(ask(b"[[-1,2]]", "application/json", fit=logged))
    with pytest.raises(InvalidTable, match="points must be finite"):
        service.inverse(ask(b"[[1e300,2]]", "application/json", fit=logged))


@pytest.mark.parametrize("kind", ["scores", "biplot", "loadings", "scree"])
@pytest.mark.parametrize("scaling", ["pareto", "range", "vector"])
def test_pictures_show_scaled_variables_and_say_so(
    service: Service, kind: str, scaling: str
) -> None:
    query = {"kind": kind, "scaling": scaling, "log": "2", "divisor": "n"}
    svg = service.plot(ask(write(POSITIVE), "application/json", **query)).body.decode()
    name = {"pareto": "Pareto"}.get(scaling, scaling)
    assert f"25 observations of 4 {name}-scaled variables, as log2(x)" in svg


def test_a_picture_of_two_scaled_variables_has_the_axes_of_their_components(
    service: Service,
) -> None:
    body = write(POSITIVE[:, :2])
    svg = service.plot(ask(body, "application/json", scaling="pareto")).body.decode()
    assert "x1, Pareto-scaled" in svg


def test_a_constant_variable_is_noted(service: Service) -> None:
    body = b"a,b,c\n1,0.3,4\n2,0.30000000000000004,5\n3,0.3,1\n4,0.3,2\n5,0.30000000000000004,2\n"
    answer = json.loads(service.fit(ask(body, standardize="true")).body)
    assert answer["constant"] == ["b"]
    assert answer["scale"][1] == 1.0
    note = "Constant, but for rounding, and therefore not scaled: 'b'."
    assert note in answer["read"]["notes"]


def test_an_imputation_that_has_not_converged_is_noted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshlens.pca.numbers.iterative.MOST_ITERATIONS", 1)
    body = b"1,2,3\n2,4.1,5\n3,,7\n4,8,9.2\n5,9.9,11\n"
    answer = json.loads(service.fit(ask(body, missing="iterative")).body)
    assert answer["imputation"]["converged"] is False
    assert "Filling in stopped after 1 iterations" in answer["read"]["notes"][-1]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"standardize": "true", "scaling": "pareto"}, "standardize=true and scaling=pareto"),
        ({"standardize": "true", "scaling": "none"}, "must agree"),
        ({"standardize": "false", "scaling": "standard"}, "must agree"),
        ({"scaling": "log"}, "for logarithms say log=10"),
        ({"scaling": "auto"}, "'none', 'standard', 'pareto', 'range' or 'vector'"),
        ({"log": "3"}, "'none', 'e', '2', '10' or '1p'"),
        ({"divisor": "n-2"}, "'scikit-learn', 'n-1' or 'n'"),
        ({"rotation": "varimax"}, "rotation=varimax needs k"),
        ({"rotation": "varimax", "k": "1"}, "at least 2 components"),
    ],
)
def test_options_that_contradict_each_other_or_mean_nothing_are_refused(
    service: Service, query: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message):
        service.fit(ask(write(POSITIVE), "application/json", **query))


def test_standardize_is_short_for_a_scaling() -> None:
    for query in ({"standardize": "true"}, {"standardize": "true", "scaling": "standard"}):
        parse_options(FitOptions, query)


def test_pictures_of_rotated_fits_are_refused(service: Service) -> None:
    body = write(POSITIVE)
    fitted = call(service, "fit", body, k="2", rotation="varimax")
    with pytest.raises(InvalidOption, match="fit again without rotation"):
        service.plot(ask(body, "application/json", fit=fitted["id"]))
    with pytest.raises(InvalidOption, match="got rotation='varimax'"):
        service.plot(ask(body, "application/json", rotation="varimax"))


@pytest.mark.parametrize("option", ["scaling", "divisor", "log", "rotation"])
def test_a_fit_decides_on_its_own_numbers(service: Service, option: str) -> None:
    fitted = call(service, "fit", write(POSITIVE))
    value = {"scaling": "range", "divisor": "n", "log": "2", "rotation": "none"}[option]
    with pytest.raises(InvalidOption, match=f"got {option} as well"):
        call(service, "transform", write(POSITIVE), fit=fitted["id"], **{option: value})


@pytest.mark.slow
def test_of_very_many_variables_ten_components_are_kept_and_that_is_noted(
    service: Service,
) -> None:
    body = write(np.round(normal(2, 12, 10_001), 2))
    answer = call(service, "fit", body)
    assert np.shape(answer["components"]) == (10, 10_001)
    assert answer["left_out"] == 2
    assert "first 10 of 12 components" in answer["read"]["notes"][-1]
    assert call(service, "fit", body, k="12")["left_out"] == 0
