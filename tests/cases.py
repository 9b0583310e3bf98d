"""The cases of the matrix of clients: what is called, and what classify answers to it.

`...` in a text stands for any text.
"""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from statuses import BROKEN, COMING, MODEL, UNKNOWN, Statuses

INPUT, OUTPUT = "picture", "Identity"
SHAPE = (1, 32, 32, 1)


@dataclass(frozen=True)
class Case:
    """A call of the model and what comes of it.

    Attributes:
        model: its name.
        shape: of the tensor that is sent.
        code: of gRPC.
        by_invoke: what a sidecar makes of the code for callers by HTTP.
        exact: what the service itself answers by HTTP.
        inference: the text by the Open Inference Protocol, which is Triton's.
        serving: the text by TensorFlow Serving's.
        provoked: the block of `Statuses` in which it is so; none if it always is.
    """

    model: str
    shape: tuple[int, ...]
    code: str
    by_invoke: int
    exact: int
    inference: str = ""
    serving: str = ""
    provoked: str = ""

    def provoke(self, statuses: Statuses) -> AbstractContextManager[None]:
        """Return the block in which a call comes out like this."""
        block: AbstractContextManager[None] = (
            getattr(statuses, self.provoked)() if self.provoked else nullcontext()
        )
        return block


LARGE = "body must have at most 65536 bytes, got ...; send less or raise MAX_BODY, ..."
FULL = "the queue is full (1 requests waiting or running); retry after ... s"
WITHHELD = "pub/sub 'pubsub' must accept the event of a result within 5 s, got ..."
CASES: Mapping[str, Case] = {
    "ok": Case(MODEL, SHAPE, "OK", 200, 200),
    "400": Case(
        *(MODEL, (1, 32, 3, 1), "INVALID_ARGUMENT", 400, 400),
        "[request id: ...] unexpected shape for input 'picture' for model 'digits'."
        " Expected [1,32,32,1], got [1,32,3,1]. ",
        "input tensor shape does not match signature: picture expects [1,32,32,1] but got"
        " [1,32,3,1]",
    ),
    "404": Case(
        *(UNKNOWN, SHAPE, "NOT_FOUND", 404, 404),
        "Request for unknown model: 'nobody' is not found",
        "Servable not found for request: Latest(nobody)",
    ),
    "404 failed": Case(
        *(BROKEN, SHAPE, "NOT_FOUND", 404, 404),
        "Request for unknown model: 'broken' has no available versions",
        "Servable not found for request: Latest(broken)",
    ),
    "413": Case(MODEL, (1, 32, 32, 20), "RESOURCE_EXHAUSTED", 429, 413, LARGE, LARGE),
    "429": Case(MODEL, SHAPE, "RESOURCE_EXHAUSTED", 429, 429, FULL, FULL, "full"),
    "503": Case(
        *(COMING, SHAPE, "UNAVAILABLE", 503, 503),
        "Request for unknown model: 'coming' version 1 is not at ready state",
        "Servable not found for request: Latest(coming): version 1 is LOADING; try again in a"
        " moment",
        "loading",
    ),
    "503 withheld": Case(
        *(MODEL, SHAPE, "UNAVAILABLE", 503, 503), WITHHELD, WITHHELD, "unconfirmed"
    ),
}


def matches(text: str, expected: str) -> bool:
    """Return whether a text is the expected one."""
    return (
        re.fullmatch(".*".join(map(re.escape, expected.split("..."))), text, re.DOTALL) is not None
    )
