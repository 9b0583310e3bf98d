"""Numbers and nested lists in JSON."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from meshlens.daprkit.application.status import Refused
from meshlens.protocols.models import Array
from meshlens.protocols.tfserving.dtypes import DATA_TYPES, DataType, find_dtype
from meshlens.protocols.tfserving.rest.answers import write_predictions
from meshlens.protocols.tfserving.rest.inputs import Format
from meshlens.protocols.tfserving.rest.numbers import write_floats
from meshlens.protocols.tfserving.rest.values import JSON_TYPES, read_tensor

IN_JSON = [each for each in DATA_TYPES if each.name in JSON_TYPES and each.name != "string"]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
TYPE = {each.name: each for each in DATA_TYPES}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=3)
    | st.just({"b64": "aGk="}),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


@given(st.sampled_from(IN_JSON).flatmap(lambda each: arrays.arrays(each.dtype, SHAPES)))
def test_what_is_written_is_read_as_the_same_array(array: Array) -> None:
    written = json.loads(write_predictions({"x": array}, Format.COLUMN))["outputs"]
    again = read_tensor(written, find_dtype(array.dtype))
    assert again.dtype == array.dtype
    if array.size:
        np.testing.assert_array_equal(again, array)
    else:  # the axes behind an empty one are not in the lists
        assert again.shape == array.shape[: again.ndim]


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (0.1, "f4", "0.1"),
        (1 / 3, "f4", "0.333333343"),
        (1 / 3, "f8", "0.33333333333333331"),
        (2.0, "f4", "2.0"),
        (-0.0, "f4", "-0.0"),
        (9e6, "f4", "9e+06"),
        (3e-5, "f8", "3e-05"),
        (123456.0, "f8", "123456.0"),
        (1234567.0, "f4", "1234567.0"),
        (3.4028235e38, "f4", "3.40282347e+38"),
        (math.nan, "f4", "NaN"),
        (math.inf, "f8", "Infinity"),
        (-math.inf, "f4", "-Infinity"),
    ],
)
def test_floats_have_the_digits_of_the_original(value: float, dtype: str, text: str) -> None:
    assert write_floats(np.array([value], dtype)) == [text]


@given(JUNK, st.sampled_from(DATA_TYPES))
def test_any_value_is_an_array_or_refused(value: object, type_: DataType) -> None:
    try:
        array = read_tensor(value, type_)
    except Refused:
        return
    assert array.dtype == type_.dtype


@given(arrays.arrays(np.int16, SHAPES))
def test_an_array_with_one_wrong_value_is_refused(array: Array) -> None:
    if not array.size:
        return
    nested = json.loads(json.dumps(array.tolist()))
    for wrong in (True, 1.0, None, "1", 2**15):
        with pytest.raises(Refused):
            read_tensor(_replace_last(nested, wrong), TYPE["int16"])


def _replace_last(nested: object, value: object) -> object:
    if not isinstance(nested, list):
        return value
    return [*nested[:-1], _replace_last(nested[-1], value)]
