"""Bodies of requests -> the bytes of an image, and answers -> JSON."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meshlens.classify.errors import InvalidBody
from meshlens.classify.tasks.lens import JSON
from meshlens.classify.tasks.options import explain
from meshlens.faults import Place

# Types that reveal nothing: none, the usual default, and curl's default for --data-binary.
_OPAQUE_TYPES = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})
_FROM_URL_SAFE = str.maketrans("-_", "+/")

# Shared, because json.dumps makes a new encoder for each call with non-default settings.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


class ImageBody(BaseModel):
    """An image in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: str = Field(description="base64, or a data URL with base64")


def encode_json(answer: Mapping[str, Any]) -> bytes:
    """Return `answer` as JSON for people and programs: UTF-8, one line."""
    return _ENCODER.encode(answer).encode() + b"\n"


def decode_body(content_type: str, body: bytes) -> bytes:
    """Return the bytes of the image in `body`.

    Raises:
        InvalidBody: the content type is not an image's, or the JSON is no `ImageBody`.
    """
    if content_type == JSON:
        return _decode_json(body)
    if content_type in _OPAQUE_TYPES or content_type.startswith("image/"):
        return body
    raise InvalidBody(
        f"expected content type image/*, application/octet-stream, multipart/form-data or {JSON}",
        got=repr(content_type),
        remedy="send the picture as one of these",
    )


def _decode_json(body: bytes) -> bytes:
    try:
        text = ImageBody.model_validate_json(body).image
    except ValidationError as error:
        raise InvalidBody(
            'expected JSON {"image": "<base64 or data URL>"}',
            got=explain(error),
            remedy="send a picture's own bytes with a content type image/*",
            places=[Place(field="image")],
        ) from None
    return decode_base64(text)


def decode_base64(text: str) -> bytes:
    """Return the bytes in base64, or in a data URL with base64.

    Raises:
        InvalidBody: it is neither.
    """
    head, comma, rest = text.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        text = rest
    try:
        # Some encoders wrap lines, and those for URLs use - and _.
        return base64.b64decode("".join(text.split()).translate(_FROM_URL_SAFE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidBody(
            "image must be base64 or a data URL with base64",
            got=f"{text[:20]!r} ({error})",
            remedy="encode the bytes of the file",
            places=[Place(field="image")],
        ) from None
