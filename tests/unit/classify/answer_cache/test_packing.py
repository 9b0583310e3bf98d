"""Answers that are packed and unpacked are equal, to the last byte of their JSON."""

import numpy as np
import pytest
from numpy.typing import NDArray

from meshlens.classify.requests.bodies import encode_json
from meshlens.classify.tasks.tensors.nested_lists import encode_tensors
from meshlens.classify.tasks.tensors.pictures import PictureDescription
from meshlens.classify.tasks.tensors.predictor import TensorsAnswer

TENSORS = {
    "not finite": np.array([np.nan, np.inf, -np.inf, -0.0], np.float32),
    "small and large": np.array([5e-324, 1.7976931348623157e308, 0.1, 1e22, 1.0]),
    "half": np.array([0.1, 65504.0], np.float16),
    "unsigned": np.array([2**64 - 1, 0], np.uint64),
    "signed": np.array([-(2**63), 2**63 - 1], np.int64),
    "truth": np.array([[True], [False]]),
    "texts": np.array(["é\u2028\0", "", '"\\'], object),
    "bytes": np.array([b"\xff\xfe", b"plain", b""], object),
    "complex": np.array([1 + 2j, complex(np.nan, -0.0)], np.complex64),
    "empty": np.zeros((2, 0, 3), np.float32),
    "scalar": np.array(3.5, np.float32),
}


@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS)
def test_tensors_of_all_types_come_back(tensor: NDArray[np.generic]) -> None:
    answer = TensorsAnswer(
        outputs=encode_tensors({"y": tensor}),
        picture=PictureDescription(input="x", width=3, height=2, channels=1),
        shapes={"y": list(tensor.shape)},
    )
    back = TensorsAnswer.unpack(answer.pack())
    assert back == answer
    assert encode_json(back.to_fields()) == encode_json(answer.to_fields())
    assert back.to_event({}) == answer.to_event({})
