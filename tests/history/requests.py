"""Requests, each with a body of its own, and what an answer and its event must both say."""

import hashlib
import io
import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

# So many requests of ten are wrong on purpose: their failure is promised an event, too.
_WRONG = 0.15
_EDGE = 16
_BITS = 64


@dataclass(frozen=True, slots=True)
class Request:
    """What to send to a service, and how it must end.

    Attributes:
        service: the app id.
        method: its method.
        body: no other request has it.
        code: the status code of its answer.
    """

    service: str
    method: str
    body: bytes
    code: str

    @property
    def digest(self) -> str:
        """That by which its event names it."""
        return hashlib.sha256(self.body).hexdigest()


class Requests:
    """Makes requests; for threads."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def make(self, service: str, chance: random.Random) -> Request:
        """Return the next request to a service."""
        number = next(self._numbers)
        method, write = _KINDS[service]
        if chance.random() < _WRONG:
            return Request(service, method, f"request {number}".encode(), "INVALID_ARGUMENT")
        return Request(service, method, write(number), "OK")


def _write_points(number: int) -> bytes:
    return f"1,2,3,4,5,{number}".encode()


def _write_picture(number: int) -> bytes:
    pixels = np.zeros((_EDGE, _EDGE), np.uint8)
    # The number, in bits.
    pixels.flat[:_BITS] = [255 * int(bit) for bit in f"{number:0{_BITS}b}"]
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


_KINDS: Mapping[str, tuple[str, Callable[[int], bytes]]] = {
    "pca": ("transform", _write_points),
    "classify": ("classify", _write_picture),
}


def read_answer(service: str, body: bytes) -> str:
    """Return what an answer says that its event must say, too."""
    answer = json.loads(body)
    if service == "classify":
        return _describe_label(answer)
    # All components are kept, so that their shares follow from the scores.
    scores = np.array(answer["scores"])
    variances = (scores**2).sum(axis=0)
    return _describe_shares(answer["n"], variances / variances.sum())


def read_event(data: Mapping[str, Any]) -> str:
    """Return the same of an event's data; empty if it is that of a failure."""
    if data["outcome"] != "OK":
        return ""
    result = data["result"]
    if data["service"] == "classify":
        return _describe_label(result)
    return _describe_shares(result["n"], result["explained_variance_ratio"])


def _describe_label(result: Mapping[str, Any]) -> str:
    first = result["labels"][0]
    return f"{first['label']} {first['probability']:.6f}"


def _describe_shares(count: int, shares: Any) -> str:  # noqa: ANN401 - numbers of an array or of JSON
    return f"{count} rows, {' '.join(f'{share:.6f}' for share in shares)}"
