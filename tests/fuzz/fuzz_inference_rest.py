"""Fuzzes V2 over REST, guided by coverage: any body gives a request or a refusal.

The first byte says how many bytes of JSON the header names, 255 for no header; the second how the
body is packed. Run it for a minute:

    python tests/fuzz/fuzz_inference_rest.py -max_total_time=60 tests/fuzz/corpus/inference_rest

Anything but a Fault ends the run and leaves the input in a file `crash-...`. What is read is
compared with what Python's own parser reads, and written again.
"""

import json
import math
import sys
from typing import Any

import atheris

with atheris.instrument_imports(include=["meshlens"]):
    from meshlens.faults import Fault
    from meshlens.protocols.inference.datatypes import find_dtype
    from meshlens.protocols.inference.elements import decode_texts
    from meshlens.protocols.inference.rest.answer import write_answer
    from meshlens.protocols.inference.rest.body import HEADER, split_body
    from meshlens.protocols.inference.rest.compression import decompress
    from meshlens.protocols.inference.rest.request import RestRequest, read_request
    from meshlens.protocols.inference.tensors import InferAnswer, InputTensor, OutputTensor

import numpy as np

LIMIT = 1 << 20
NO_HEADER = 255


def read(data: bytes) -> None:
    """Read a body in the way that two bytes select, and write what it holds as an answer."""
    if len(data) < 2:
        return
    header = None if data[0] == NO_HEADER else str(data[0])
    try:
        body = decompress(data[2:], ("", "gzip", "deflate")[data[1] % 3], limit=LIMIT)
        text, behind = split_body(body, header)
        request = read_request(text, behind, model="m", version="")
    except Fault as error:
        if len(str(error)) > len(data) + 1000:
            raise AssertionError("a message repeats the input") from error
        return
    root = json.loads(text)
    for given, tensor in zip(root["inputs"], request.infer.inputs, strict=True):
        compare(given, tensor)
    write(request)


def compare(given: dict[str, Any], tensor: InputTensor) -> None:
    """Compare a tensor with the same as Python's parser reads it."""
    if not isinstance(tensor.data, np.ndarray):
        return
    if tensor.data.shape != (math.prod(tensor.shape),):
        raise AssertionError("a tensor must have as many elements as its shape says")
    if tensor.data.dtype != object:
        expected = np.array(given["data"]).reshape(-1)
        if not np.array_equal(expected.astype(tensor.data.dtype), tensor.data, equal_nan=True):
            raise AssertionError(f"expected {expected}, got {tensor.data}")


def write(request: RestRequest) -> None:
    """Write the inputs as outputs, whose JSON must be readable."""
    outputs = []
    for tensor in request.infer.inputs:
        array, dtype = tensor.data, find_dtype(tensor.datatype)
        if not isinstance(array, np.ndarray):
            try:
                texts = decode_texts(array) if dtype and dtype.hasobject else []
            except ValueError:
                return
            array = np.array([*texts, None], object)[:-1]
        outputs.append(OutputTensor(tensor.name, tensor.datatype, array))
    try:
        body, _, headers = write_answer(InferAnswer("m", "1", outputs, request.infer.id), request)
    except Fault:
        return
    size = int(headers.get(HEADER, len(body)))
    answer = json.loads(body[:size])
    binary = sum(it.get("parameters", {}).get("binary_data_size", 0) for it in answer["outputs"])
    if binary != len(body) - size:
        raise AssertionError("what is behind the JSON must be as long as it says")


if __name__ == "__main__":
    np.seterr(over="ignore", invalid="ignore")
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
