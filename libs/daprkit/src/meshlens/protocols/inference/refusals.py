"""Refusals in the words of Triton, whose clients may compare them."""

from collections.abc import Sequence

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.inference.elements import MOST_TEXTS

# Axes that a refusal shows.
_SHOWN = 64


def invalid(text: str) -> Refused:
    """Return the refusal of a request that is wrong."""
    return Refused(Status.INVALID_ARGUMENT, text)


def invalid_request(request_id: str, text: str) -> Refused:
    """Return the refusal of a wrong request for which Triton names the request."""
    return invalid(f"[request id: {request_id or '<id_unknown>'}] {text}")


def too_many_texts(name: str, model: str) -> Refused:
    """Return the refusal of an input of more texts than are read."""
    return Refused(
        Status.RESOURCE_EXHAUSTED,
        f"expected at most {MOST_TEXTS} string elements for inference input '{name}' for model"
        f" '{model}', got more; send fewer at once",
    )


def show_shape(shape: Sequence[int]) -> str:
    """Return a shape as text, such as [-1,3]."""
    more = ",..." if len(shape) > _SHOWN else ""
    return f"[{','.join(str(size) for size in shape[:_SHOWN])}{more}]"
