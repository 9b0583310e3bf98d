"""Bodies in JSON: text as it is, anything else in base64."""

import base64
import binascii
import re

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.gateway.http import HttpAnswer
from meshlens.daprkit.parsing.media_types import parse_charset, parse_media_type

_TEXTS = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/x-ndjson",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/yaml",
    }
)
_TEXT_SUFFIXES = ("+json", "+xml", "+yaml")
_UTF8 = ("", "utf-8", "utf8", "us-ascii")
# What a platform makes of a byte that is not UTF-8. Pictures and other files begin with such bytes.
_BROKEN_START = re.compile(".{0,3}\ufffd", re.DOTALL)


def decode_body(text: str | None, *, encoded: bool) -> bytes:
    """Return the bytes of an event's body.

    Args:
        text: the body as it is in the event.
        encoded: whether it is base64.

    Raises:
        InvalidRequest: it is not base64, or the platform has spoilt its bytes.
    """
    if not text:
        return b""
    if not encoded:
        if _BROKEN_START.match(text):
            raise InvalidRequest(
                "a body that is no text must be in base64",
                got="a text that begins with the sign for bytes which are no UTF-8",
                remedy="make the platform pass such bodies on as base64: in Amazon's REST APIs by"
                " the binary media type */*, in Tencent's API Gateway by its base64 setting",
            )
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(
            "the body must be base64, as the event says",
            got=f"{text[:20]!r} ({error})",
            remedy="encode it, or say isBase64Encoded: false",
        ) from None


def encode_body(answer: HttpAnswer) -> tuple[str, bool]:
    """Return the body of an answer, and whether it is base64, which it is unless it is text."""
    if _is_text(answer):
        try:
            return answer.body.decode(), False
        except UnicodeDecodeError:
            pass  # whatever its type says, base64 keeps its bytes
    return base64.b64encode(answer.body).decode(), True


def _is_text(answer: HttpAnswer) -> bool:
    if answer.headers.get("content-encoding", "identity") != "identity":
        return False
    content_type = answer.headers.get("content-type", "")
    media_type = parse_media_type(content_type)
    named = media_type in _TEXTS or media_type.startswith("text/")
    is_text = named or media_type.endswith(_TEXT_SUFFIXES) or not answer.body
    return is_text and parse_charset(content_type) in _UTF8
