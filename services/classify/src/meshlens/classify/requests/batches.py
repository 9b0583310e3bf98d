"""Several pictures in one request: an answer for each, and a bad one fails alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from meshlens.classify.errors import (
    ClassifyError,
    ImageTooLarge,
    InvalidBody,
    InvalidImage,
    InvalidTensor,
)
from meshlens.classify.requests.bodies import JSON, decode_base64, explain
from meshlens.daprkit.application.status import LONGEST_MESSAGE
from meshlens.daprkit.messages import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

# They are one piece of work, which others wait for.
MOST_PICTURES = 32

_MULTIPART = "multipart/form-data"
# The faults of one picture, and the names of their status codes.
_CODES: Mapping[type[ClassifyError], str] = {
    InvalidImage: "INVALID_ARGUMENT",
    InvalidBody: "INVALID_ARGUMENT",
    InvalidTensor: "INVALID_ARGUMENT",
    ImageTooLarge: "RESOURCE_EXHAUSTED",
}


class ImagesBody(BaseModel):
    """Several pictures in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: tuple[str, ...] = Field(
        min_length=1, max_length=MOST_PICTURES, description="base64, or data URLs with base64"
    )


def is_batch(request: Request) -> bool:
    """Return whether a request has a list of pictures, be it of one."""
    if request.content_type == JSON:
        # A single picture has the key `image`, and base64 has no quotes.
        return b'"images"' in request.body
    return request.content_type == _MULTIPART


def answer_each(request: Request, answer: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
    """Return `answer` of each picture, or its error, in the order of the request.

    Raises:
        InvalidBody: the list itself cannot be read, or has too many pictures.
        InvalidRequest: likewise, of a form.
    """
    answers: list[dict[str, Any]] = []
    for name, read in _split(request):
        told = {"name": name} if name else {}
        try:
            answers.append(told | answer(read()))
        except tuple(_CODES) as error:
            message = str(error)[:LONGEST_MESSAGE]
            answers.append(told | {"error": {"code": _CODES[type(error)], "message": message}})
    failed = sum("error" in told for told in answers)
    return {"count": len(answers), "failed": failed, "answers": answers}


def _split(request: Request) -> Sequence[tuple[str, Callable[[], bytes]]]:
    """Return the name of each picture and what reads its bytes."""
    if request.content_type == _MULTIPART:
        files = request.files(MOST_PICTURES)
        return [(file.name, lambda body=file.body: body) for file in files]  # type: ignore[misc] # mypy cannot infer a lambda with a default
    try:
        images = ImagesBody.model_validate_json(request.body).images
    except ValidationError as error:
        raise InvalidBody(
            f'expected JSON {{"images": [<1 to {MOST_PICTURES} times base64 or data URL>]}},'
            f" got {explain(error)}; send several requests if there are more"
        ) from None
    return [("", lambda text=text: decode_base64(text)) for text in images]  # type: ignore[misc] # as above
