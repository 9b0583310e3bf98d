"""Answers by HTTP -> what they say."""

import json
from http import HTTPStatus
from typing import Any

import numpy as np

from meshlens.command.traffic.answers.reading import (
    Message,
    Reading,
    Tensor,
    find_type,
    read_elements,
)
from meshlens.command.traffic.exchange import Answer
from meshlens.command.traffic.headers import find_header
from meshlens.daprkit.errors import BodyTooLarge
from meshlens.protocols.inference.elements import as_texts
from meshlens.protocols.unpacking import DEFLATE, GZIP, unpack

_LENGTH = "inference-header-content-length"
_WINDOWS = {"gzip": GZIP, "deflate": DEFLATE}
# Where servers put the text of an error: V2 and TensorFlow Serving, a sidecar, KServe's framework.
_TEXTS = ("error", "message", "detail")


def read_http(answer: Answer, *, largest: int) -> Reading:
    """Return what an answer says; a body in no known form stays as its bytes.

    Args:
        answer: as it came.
        largest: bytes that its body may unpack to; a packed one of more is compared as it is.
    """
    body = _unpack(
        b"".join(answer.bodies), find_header(answer.headers, "content-encoding"), largest
    )
    length = find_header(answer.headers, _LENGTH)
    head, data = (body[: int(length)], body[int(length) :]) if length.isdecimal() else (body, b"")
    try:
        document = json.loads(head)
    except (ValueError, RecursionError):
        document = None
    if not answer.status.isdecimal() or int(answer.status) >= HTTPStatus.BAD_REQUEST:
        return Reading(answer.status, answer.text or _find_text(document, body), [])
    if document is None:
        return Reading(answer.status, "", [Message(rest=body)])
    return Reading(answer.status, "", [_read_document(document, data)])


def _unpack(body: bytes, encoding: str, largest: int) -> bytes:
    window = _WINDOWS.get(encoding.lower())
    if window is None:
        return body
    try:
        return unpack(body, window, limit=largest)
    except (BodyTooLarge, ValueError):
        return body


def _find_text(document: object, body: bytes) -> str:
    """Return the text of an error, which a sidecar puts elsewhere than the server does."""
    if isinstance(document, dict):
        for key in _TEXTS:
            if isinstance(document.get(key), str):
                return str(document[key])
    return body.decode(errors="replace")


def _read_document(document: object, data: bytes) -> Message:
    """Return the outputs of V2's answer as tensors; any other document stays a tree."""
    if not isinstance(document, dict) or not isinstance(document.get("outputs"), list):
        return Message(rest=document)
    try:
        tensors = _read_outputs(document["outputs"], data)
    except (ArithmeticError, KeyError, TypeError, ValueError):
        # The columns of TensorFlow Serving are called outputs, too.
        return Message(rest=[document, data] if data else document)
    return Message(tensors, {key: value for key, value in document.items() if key != "outputs"})


def _read_outputs(outputs: list[dict[str, Any]], data: bytes) -> dict[str, Tensor]:
    tensors = {}
    for output in outputs:
        datatype, shape = output["datatype"], output["shape"]
        size = output.get("parameters", {}).get("binary_data_size")
        if size is not None:
            tensors[output["name"]] = read_elements(data[:size], datatype, shape)
            data = data[size:]
            continue
        elements = np.array(output["data"], object).ravel()
        if datatype == "BYTES":
            array = as_texts([str(text).encode() for text in elements])
        else:
            array = elements.astype(find_type(datatype))
        tensors[output["name"]] = Tensor(datatype, array.reshape(tuple(shape)))
    return tensors
