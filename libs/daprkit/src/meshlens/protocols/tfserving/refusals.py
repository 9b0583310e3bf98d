"""Refusals in the words of TensorFlow Serving."""

from collections.abc import Iterable

from meshlens.daprkit.application.status import Refused, Status

# What that server does to a text before it answers it by gRPC.
LONGEST_TEXT = 1024
CUT = "...TRUNCATED"


def refuse(status: Status, text: str) -> Refused:
    """Return a refusal; its text is cut at 1,024 bytes."""
    encoded = text.encode(errors="replace")
    if len(encoded) > LONGEST_TEXT:
        text = encoded[:LONGEST_TEXT].decode(errors="ignore") + CUT
    return Refused(status, text)


def invalid(text: str) -> Refused:
    """Return a refusal of a wrong argument."""
    return refuse(Status.INVALID_ARGUMENT, text)


def name_all(names: Iterable[str]) -> str:
    """Return names as the texts list them, each once and sorted."""
    return ",".join(sorted(set(names)))
