"""Models whose tensors are of types that few clients have: no call of them is a server error."""

from collections.abc import Mapping

import numpy as np
import pytest
from unit.protocols.tfserving.rest.calling import Rest
from unit.protocols.tfserving.served import Computation, Served, ServedModels, Spec, one

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.models import Array
from meshlens.protocols.tfserving.dtypes import find_dtype
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.prediction import predict
from meshlens.protocols.tfserving.rpc.tensors import write_tensor
from meshlens.protocols.wire.tensorflow_pb2 import TensorProto

UNKNOWN = np.dtype("M8[s]")


def echo(dtype: np.dtype[np.generic]) -> Computation:
    def answer(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
        return tensors

    return Computation([Spec("x", dtype)], [Spec("x", dtype)], answer)


def serve(function: Computation) -> Rest:
    return Rest(Offer(ServedModels([Served("m", "1", one(function))], {}, []), most_bytes=1000))


def test_a_model_of_bfloat16_is_described(bfloat16: np.dtype[np.generic]) -> None:
    metadata = serve(echo(bfloat16)).get("v1/models/m/metadata")["metadata"]
    (function,) = metadata["signature_def"]["signature_def"].values()
    assert function["inputs"]["x"]["dtype"] == function["outputs"]["x"]["dtype"] == "DT_BFLOAT16"


def test_bfloat16_is_answered_as_its_bits(bfloat16: np.dtype[np.generic]) -> None:
    proto = TensorProto()
    write_tensor(np.array([[1.5], [-2]], bfloat16), proto)
    sent = TensorProto.FromString(proto.SerializeToString())
    assert (sent.dtype, list(sent.half_val)) == (14, [0x3FC0, 0xC000])
    assert [dim.size for dim in sent.tensor_shape.dim] == [2, 1]


def test_json_stands_for_no_bfloat16(bfloat16: np.dtype[np.generic]) -> None:
    refusal = serve(echo(bfloat16)).refusal("POST", "v1/models/m:predict", '{"inputs": [1]}')
    assert refusal == (
        Status.UNIMPLEMENTED,
        "Conversion of JSON Value: 1 to type: bfloat16",
    )


def test_an_array_of_another_type_is_refused_by_name(bfloat16: np.dtype[np.generic]) -> None:
    sent = {"x": np.array([1], np.float32)}
    with pytest.raises(Refused, match=r"^Expects arg\[0\] to be bfloat16 but float is provided$"):
        predict(echo(bfloat16), sent, ["x"], most_bytes=1000)


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "v1/models/m/metadata", ""),
        ("POST", "v1/models/m:predict", '{"inputs": [1]}'),
        ("POST", "v1/models/m:predict", '{"instances": [1]}'),
    ],
)
def test_a_type_that_messages_cannot_hold_is_refused(verb: str, path: str, body: str) -> None:
    assert serve(echo(UNKNOWN)).refusal(verb, path, body) == (
        Status.UNIMPLEMENTED,
        "tensors of the type datetime64[s] cannot be sent by this protocol; cast them in the model",
    )
    with pytest.raises(Refused, match="cast them in the model"):
        find_dtype(UNKNOWN)
