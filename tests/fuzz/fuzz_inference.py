"""Fuzzes the gRPC encoding of V2, guided by coverage: any bytes are answered or refused.

    python tests/fuzz/fuzz_inference.py -max_total_time=60 tests/fuzz/corpus/inference

Anything but a Refused, or an answer that is not what was sent, ends the run and leaves the input in
a file `crash-...`. The model returns its input, whatever its shape; it is called by its type.
"""

import sys

import atheris

with atheris.instrument_imports(include=["meshlens"]):
    from meshlens.daprkit.application.status import Refused, Status
    from meshlens.protocols.inference.datatypes import find_dtype
    from meshlens.protocols.inference.rpc.messages import (
        find_id,
        make_response,
        parse_request,
        read_request,
    )
    from meshlens.protocols.inference.server import InferenceServer
    from meshlens.protocols.wire import inference_pb2 as pb

from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from unit.protocols.fake_models import FakeModels, identity

TYPES = ("BOOL", "UINT8", "INT16", "UINT32", "INT64", "FP16", "FP32", "FP64", "BYTES")
SERVER = InferenceServer(
    FakeModels(*(identity(name, None, find_dtype(name)) for name in TYPES)),
    name="toy",
    version="1",
    ready=lambda: True,
)
ALLOWED = (Status.INVALID_ARGUMENT, Status.NOT_FOUND, Status.RESOURCE_EXHAUSTED)


def read(data: bytes) -> None:
    """Answer a request."""
    find_id(data)
    try:
        message = parse_request(data)
        answer = SERVER.infer(read_request(message))
    except Refused as refusal:
        if refusal.status not in ALLOWED:
            raise AssertionError(f"{refusal.status} is no fault of the caller") from refusal
        if len(str(refusal)) > 3000 + len(data):
            raise AssertionError("a message repeats the input") from refusal
        return
    response = pb.ModelInferResponse.FromString(make_response(answer).SerializeToString())
    if len(response.outputs) != len(response.raw_output_contents):
        raise AssertionError("an output without its contents")
    sent, returned = message.raw_input_contents, response.raw_output_contents
    # Texts of classes are other bytes, by intent.
    same = sent and response.outputs[0].datatype == message.inputs[0].datatype != "BYTES"
    if same and returned[0] != sent[0]:
        raise AssertionError("other numbers than were sent")


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
