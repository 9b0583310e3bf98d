"""The answer to an inference as JSON, with tensors within it or behind it."""

from collections.abc import Mapping

from pydantic_core import to_json

from meshlens.protocols.inference.elements import encode_raw
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.rest.body import HEADER
from meshlens.protocols.inference.rest.request import RestRequest
from meshlens.protocols.inference.rest.text.data import write_array
from meshlens.protocols.inference.tensors import InferAnswer, OutputTensor

JSON = "application/json"
OCTETS = "application/octet-stream"


def write_answer(answer: InferAnswer, request: RestRequest) -> tuple[bytes, str, Mapping[str, str]]:
    """Return the body of an answer, its media type and its headers.

    Raises:
        Refused: JSON cannot hold an output.
    """
    known = {"id": answer.id} if answer.id else {}
    head = {**known, "model_name": answer.model, "model_version": answer.version}
    outputs, behind = [], []
    for output in answer.outputs:
        if request.wants_binary(output.name):
            raw = encode_raw(output.array)
            behind.append(raw)
            outputs.append(_write(output, b'"parameters":{"binary_data_size":%d}' % len(raw)))
        else:
            outputs.append(_write(output, b'"data":' + _write_data(output)))
    text = to_json(head)[:-1] + b',"outputs":[' + b",".join(outputs) + b"]}"
    if not behind:
        return text, JSON, {}
    return b"".join([text, *behind]), OCTETS, {HEADER: str(len(text))}


def _write(output: OutputTensor, data: bytes) -> bytes:
    fields = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
    return to_json(fields)[:-1] + b"," + data + b"}"


def _write_data(output: OutputTensor) -> bytes:
    if output.datatype in ("FP16", "BF16"):
        raise invalid(
            f"sending {output.datatype} data via JSON is not supported. Please use the binary data"
            " format for output"
        )
    try:
        return write_array(output.array)
    except UnicodeDecodeError as error:
        raise invalid(
            f"expected UTF-8 in output '{output.name}' for JSON, got {error.reason};"
            " request it with binary_data"
        ) from None
