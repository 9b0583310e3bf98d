"""JSON objects of bounded complexity: a large one must be large by its texts."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from meshlens.daprkit.errors import InvalidRequest

# Objects made of what is between the texts take twenty times as much memory as it.
_LARGEST_FRAME = 64 * 1024
# One that does not end goes on to the end of the body, so that no byte is looked at twice.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


def parse_object(body: bytes, what: str) -> Mapping[str, Any]:
    """Return a JSON object.

    Args:
        body: the JSON.
        what: what messages call it.

    Raises:
        InvalidRequest: it is no JSON object, or has too much in it besides texts.
    """
    if len(body) > _LARGEST_FRAME and _is_intricate(body):
        raise InvalidRequest(
            f"{what} must have at most {_LARGEST_FRAME} bytes besides its texts",
            got="more",
            remedy="send what is large as text, as platforms send bodies",
        )
    try:
        document = from_json(body, cache_strings="none")
    except ValueError as error:
        raise InvalidRequest(
            f"{what} must be the HTTP event of a function platform in JSON",
            got=f"{body[:40]!r} ({error})",
            remedy="pass the event on as it is; without an event, call the method itself",
        ) from None
    if not isinstance(document, dict):
        raise InvalidRequest(
            f"{what} must be a JSON object",
            got=type(document).__name__,
            remedy="pass the event on as it is; several events need a call each",
        )
    return document


def _is_intricate(body: bytes) -> bool:
    """Return whether a body has more besides its texts, or more texts, than an event may have."""
    texts = 0
    for count, text in enumerate(_TEXT.finditer(body)):
        if max(count, text.start() - texts) > _LARGEST_FRAME:
            return True
        texts += text.end() - text.start()
    return len(body) - texts > _LARGEST_FRAME


def explain(error: ValidationError) -> str:
    """Return the first mistake and where it is."""
    mistake = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part)[:40] for part in mistake["loc"])
    return f"{place}: {mistake['msg']}"
