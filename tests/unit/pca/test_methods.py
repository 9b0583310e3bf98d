"""What a method does is the same for the service and the command."""

import json

import numpy as np
import pytest
from unit.pca.calls import POINTS, Shelf, ask

from meshlens.pca import methods
from meshlens.pca.answers.pictures import encode_picture
from meshlens.pca.drawing.images import SVG
from meshlens.pca.errors import FitNotFound, InvalidOption
from meshlens.pca.models import encode_model
from meshlens.pca.numbers.decomposition import PcaModel, fit
from meshlens.pca.options import FitOptions, PlotOptions, TransformOptions, parse_options
from meshlens.pca.service import Service

WIDE = "\n".join(
    ",".join(map(str, row)) for row in np.random.default_rng(0).normal(size=(30, 6)).tolist()
).encode()


def test_the_service_answers_what_the_methods_return(service: Service) -> None:
    options = PlotOptions(title="Leaves")
    picture = encode_picture(methods.plot(POINTS, "", options), options, SVG)
    assert service.plot(ask(title="Leaves")).body == picture
    scores = methods.transform(POINTS, "", TransformOptions(k=1)).values
    assert json.loads(service.transform(ask(k="1")).body)["scores"] == scores.tolist()


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("k", ["2", "0.5", "0.9", "parallel"])
def test_a_scree_plot_marks_as_many_components_as_a_fit_keeps(k: str, *, standardize: bool) -> None:
    query = {"k": k, "standardize": str(standardize)}
    kept = len(methods.fit(WIDE, "text/csv", parse_options(FitOptions, query)).model.components)
    options = parse_options(PlotOptions, {**query, "kind": "scree"})
    assert options.count_kept(fit_all(standardize=standardize)) == kept


def test_a_scree_plot_knows_variables_of_unit_variance_by_any_option() -> None:
    values = np.random.default_rng(3).normal(size=(40, 6)) * [1, 1, 1, 1, 1, 30]
    whole = fit(values, standardize=True)
    short, long = (
        parse_options(PlotOptions, {"kind": "scree", "k": "parallel", name: value})
        for name, value in (("standardize", "true"), ("scaling", "standard"))
    )
    chance = short.find_chance(whole)
    assert chance is not None
    np.testing.assert_array_equal(long.find_chance(whole), chance)
    assert long.count_kept(whole, chance) == long.count_kept(whole)


def fit_all(*, standardize: bool) -> PcaModel:
    values = np.array([row.split(",") for row in WIDE.decode().splitlines()], dtype=float)
    return fit(values, standardize=standardize)


def test_options_that_name_no_model_find_none() -> None:
    assert methods.find_model(Shelf(), PlotOptions(title="Leaves")) is None
    assert methods.find_model(Shelf(), TransformOptions(k=1)) is None


def test_options_that_name_a_model_leave_the_rest_to_it() -> None:
    shelf = Shelf()
    model = fit(np.eye(3), k=2)
    name = shelf.put(encode_model(model))
    found = methods.find_model(shelf, TransformOptions(fit=name))
    assert found is not None
    np.testing.assert_array_equal(found.components, model.components)
    with pytest.raises(InvalidOption, match="got k and seed as well"):
        methods.find_model(shelf, TransformOptions(fit=name, k=1, seed=2))
    shelf.delete(name)
    with pytest.raises(FitNotFound, match=name):
        methods.find_model(shelf, TransformOptions(fit=name))
