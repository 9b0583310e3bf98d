"""The elements of an input: in the list of its type, or among the raw contents."""

from collections.abc import Iterator

import numpy as np

from meshlens.protocols.inference.datatypes import find_dtype
from meshlens.protocols.inference.elements import MOST_TEXTS, as_texts
from meshlens.protocols.inference.refusals import invalid, too_many_texts
from meshlens.protocols.models import Array
from meshlens.protocols.wire import inference_pb2 as pb

_LISTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
# What Triton calls the type of a list; those of integers hold three types, of which it names one.
_TYPES = {
    "bool_contents": "BOOL",
    "int_contents": "INT32",
    "int64_contents": "INT64",
    "uint_contents": "UINT32",
    "uint64_contents": "UINT64",
    "fp32_contents": "FP32",
    "fp64_contents": "FP64",
    "bytes_contents": "BYTES",
}
_WIDE = {"int_contents": np.dtype(np.int32), "uint_contents": np.dtype(np.uint32)}


def read_contents(message: pb.ModelInferRequest) -> Iterator["bytes | Array"]:
    """Yield the elements of each input: raw bytes, or an array (n,) of its type.

    Raises:
        Refused: an input has none, or of another type, or in both forms, or out of range.
    """
    model, raw = message.model_name, message.raw_input_contents
    if not raw:
        for each in message.inputs:
            yield _read_list(each, model)
        return
    for each in message.inputs:
        if each.HasField("contents"):
            raise invalid(
                "contents field must not be specified when using raw_input_contents for"
                f" '{each.name}' for model '{model}'"
            )
    if len(raw) < len(message.inputs):
        raise _lacks_data(message.inputs[len(raw)].name, model)
    if len(raw) > len(message.inputs):
        raise invalid(
            f"the number of inputs ({len(message.inputs)}) does not match the expected number of"
            f" raw input contents ({len(raw)}) for model '{model}'."
        )
    yield from raw


def _read_list(sent: pb.ModelInferRequest.InferInputTensor, model: str) -> "bytes | Array":
    if not sent.HasField("contents"):
        raise _lacks_data(sent.name, model)
    wanted = _LISTS.get(sent.datatype, "")
    for field, _ in sent.contents.ListFields():
        if field.name != wanted:
            shown = sent.datatype if sent.datatype in _LISTS or _is_raw_only(sent) else "<invalid>"
            raise invalid(
                f"unexpected explicit tensor data for input tensor '{sent.name}' for model"
                f" '{model}' of type '{_TYPES[field.name]}', expected datatype '{shown}'"
            )
    dtype = find_dtype(sent.datatype)
    if dtype is None or not wanted:
        return b""  # every list is empty
    elements = getattr(sent.contents, wanted)
    if dtype.kind == "O":
        if len(elements) > MOST_TEXTS:
            raise too_many_texts(sent.name, model)
        return as_texts(list(elements))
    numbers: Array = np.fromiter(elements, _WIDE.get(wanted, dtype), len(elements))
    return _narrow(numbers, dtype, sent, model)


def _narrow(
    numbers: Array,
    dtype: np.dtype[np.generic],
    sent: pb.ModelInferRequest.InferInputTensor,
    model: str,
) -> Array:
    """Return integers in their own type, which may be narrower than their list's."""
    if numbers.dtype == dtype:
        return numbers
    narrow = numbers.astype(dtype)
    wrong = np.flatnonzero(narrow != numbers)
    if wrong.size:
        raise invalid(
            f"input '{sent.name}' for model '{model}' must hold numbers of type {sent.datatype},"
            f" got {numbers[wrong[0]]} in place {wrong[0]}"
        )
    return narrow


def _is_raw_only(sent: pb.ModelInferRequest.InferInputTensor) -> bool:
    return sent.datatype in ("FP16", "BF16")


def _lacks_data(name: str, model: str) -> Exception:
    return invalid(f"unable to find data for input tensor '{name}' for model '{model}' in request.")
