"""A stored model is the model, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from meshlens.pca.errors import FitNotFound, NoVariance
from meshlens.pca.models import decode_model, encode_model
from meshlens.pca.numbers.decomposition import fit


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
