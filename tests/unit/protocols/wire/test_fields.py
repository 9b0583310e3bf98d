import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.protocols.wire import inference_pb2 as pb
from meshlens.protocols.wire import tfserving_pb2 as tf
from meshlens.protocols.wire.fields import find_first_text, has_more_fields


@given(inputs=st.integers(0, 50), most=st.integers(0, 60))
def test_fields_are_counted(inputs: int, most: int) -> None:
    message = pb.ModelInferRequest(model_name="m", raw_input_contents=[b"x" * 300])
    for _ in range(inputs):
        message.inputs.add()
    assert has_more_fields(message.SerializeToString(), most) is (inputs + 2 > most)


@given(data=st.binary(max_size=100), most=st.integers(0, 100))
def test_any_bytes_have_an_end(data: bytes, most: int) -> None:
    has_more_fields(data, most)
    assert not has_more_fields(data, len(data))
    for within in range(3):
        assert len(find_first_text(data, within=within)) <= len(data)


def test_the_first_text_is_found_before_a_message_is_parsed() -> None:
    infer = pb.ModelInferRequest(model_name="m\u00fcsli", id="7", raw_input_contents=[b"x" * 300])
    assert find_first_text(infer.SerializeToString()) == "m\u00fcsli"
    assert find_first_text(pb.ModelInferRequest(id="7").SerializeToString()) == ""
    assert find_first_text(b"") == ""
    spec = tf.PredictRequest(model_spec=tf.ModelSpec(name="digits", signature_name="s"))
    assert find_first_text(spec.SerializeToString(), within=1) == "digits"
    long = pb.ModelInferRequest(model_name="x" * 100_000)
    assert len(find_first_text(long.SerializeToString())) == 200


@pytest.mark.parametrize(
    "field", [b"\x08\x01", b"\x09" + bytes(8), b"\x0d" + bytes(4), b"\x0a\x01x"]
)
def test_every_kind_of_field_is_skipped(field: bytes) -> None:
    assert has_more_fields(field * 3, 2)
    assert not has_more_fields(field * 3, 3)
