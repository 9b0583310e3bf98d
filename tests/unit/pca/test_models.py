"""A stored model is the model, to the last bit."""

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from unit.pca.numbers.data import normal

from meshlens.pca.errors import FitNotFound, NoVariance
from meshlens.pca.models import decode_model, encode_model
from meshlens.pca.numbers.decomposition import fit, project
from meshlens.pca.numbers.rotation import rotate
from meshlens.pca.numbers.scaling import Divisor, Log, Scaling


@given(
    arrays(np.float64, (5, 3), elements=st.floats(-1e100, 1e100)),
    st.booleans(),
    st.lists(st.text(max_size=5), min_size=3, max_size=3),
)
def test_decoding_gives_back_what_was_encoded(
    values: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    standardize: bool,  # noqa: FBT001 - hypothesis passes it by position
    names: list[str],
) -> None:
    try:
        model = fit(values, names=names, standardize=standardize)
    except NoVariance:
        return
    again = decode_model(encode_model(model))
    assert (again.names, again.n) == (model.names, model.n)
    assert (again.residual, again.solver) == (model.residual, model.solver)
    for name in (
        "mean",
        "scale",
        "components",
        "explained_variance",
        "explained_variance_ratio",
        "variance",
    ):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    assert encode_model(again) == encode_model(model)


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"\xff", b'{"n": 1}'])
def test_other_bytes_are_no_model(data: bytes) -> None:
    with pytest.raises(FitNotFound):
        decode_model(data)


@pytest.mark.parametrize(("scaling", "divisor"), [*product(Scaling, Divisor)])
def test_a_stored_model_knows_how_its_variables_were_scaled(
    scaling: Scaling, divisor: Divisor
) -> None:
    values = np.exp(normal(1, 30, 5))
    values[:, 3] = 2.0
    model = rotate(fit(values, k=3, scaling=scaling, divisor=divisor, log=Log.TEN))
    again = decode_model(encode_model(model))
    assert (again.scaling, again.log, again.constant) == (scaling, Log.TEN, ("x4",))
    assert (again.freedom, again.component_names) == (model.freedom, ("RC1", "RC2", "RC3"))
    np.testing.assert_array_equal(again.loadings, model.loadings)
    np.testing.assert_array_equal(project(again, values), project(model, values))
    assert encode_model(again) == encode_model(model)


@pytest.mark.parametrize(
    ("scaling", "divisor", "said"),
    [
        (Scaling.STANDARD, Divisor.SCIKIT_LEARN, ("n-1", "n")),
        (Scaling.STANDARD, Divisor.ONE_LESS, ("n-1", "n-1")),
        (Scaling.STANDARD, Divisor.N, ("n", "n")),
        (Scaling.PARETO, Divisor.SCIKIT_LEARN, ("n-1", "n-1")),
        (Scaling.RANGE, Divisor.N, ("n", None)),
        (Scaling.NONE, Divisor.SCIKIT_LEARN, ("n-1", None)),
    ],
)
def test_a_document_says_its_divisors(
    scaling: Scaling, divisor: Divisor, said: tuple[str, str | None]
) -> None:
    document = json.loads(encode_model(fit(normal(2, 9, 3), scaling=scaling, divisor=divisor)))
    assert (document["divisor"], document["scale_divisor"]) == said


@pytest.mark.slow
def test_what_follows_from_many_numbers_is_left_out() -> None:
    values = normal(3, 4, 50_001)
    long, short = (json.loads(encode_model(fit(values, k=k))) for k in (3, 2))
    assert len(long["components"]) == 3
    for name in ("loadings", "correlations", "contributions", "cos2"):
        assert long[name] is None
        assert np.shape(short[name]) == (2, 50_001)
    assert (long["left_out"], short["left_out"]) == (1, 2)
    assert decode_model(json.dumps(long).encode()).loadings.shape == (3, 50_001)


OF_FORMAT_1 = b"""{"components":[[0.7071067811865476,0.7071067811865476]],
"contributions":[[0.5000000000000001,0.5000000000000001]],"cos2":[[0.96,0.96]],
"explained_variance":[2.88],"explained_variance_ratio":[0.96],"format":1,
"loadings":[[1.2,1.2]],"mean":[2.5,5.0],"n":4,"names":["a","b"],"p":2,
"residual":[0.12,0.0144,0.001728],"scale":[%s],"solver":"svd","variance":[1.5,1.5]}"""


@pytest.mark.parametrize(
    ("scale", "scaling"), [("1.25,2.0", Scaling.STANDARD), ("1.0,1.0", Scaling.NONE)]
)
def test_models_of_format_1_are_still_models(scale: str, scaling: Scaling) -> None:
    model = decode_model(OF_FORMAT_1 % scale.encode())
    assert (model.scaling, model.divisor) == (scaling, Divisor.SCIKIT_LEARN)
    assert (model.log, model.constant, model.rotation) == (Log.NONE, (), None)
    scores = project(model, np.array([[2.5, 5.0], [5.0, 9.0]]))
    assert scores[0, 0] == 0.0
    assert scores[1, 0] == pytest.approx((4 if scaling is Scaling.STANDARD else 6.5) / np.sqrt(2))
    assert decode_model(encode_model(model)).scaling is scaling
