"""The methods that callers in the mesh invoke, and which status each error becomes."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from daprkit.routing import Reply, Request, Route, Subscription
from daprkit.status import Status
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classify.errors import (
    ImageTooLarge,
    InvalidBody,
    InvalidImage,
    InvalidOption,
    ModelFailed,
    ModelNotFound,
    ModelNotReady,
)
from classify.image import decode_image
from classify.phrases import encode_result, judge
from classify.repository import Repository, Servable

STATUS: Mapping[type[Exception], Status] = {
    InvalidImage: Status.INVALID_ARGUMENT,
    ImageTooLarge: Status.RESOURCE_EXHAUSTED,
    InvalidBody: Status.INVALID_ARGUMENT,
    InvalidOption: Status.INVALID_ARGUMENT,
    ModelNotFound: Status.NOT_FOUND,
    ModelNotReady: Status.UNAVAILABLE,
    ModelFailed: Status.FAILED_PRECONDITION,
}

_JSON = "application/json"
_OFFERS = (_JSON, "text/plain", "text/html")
# What says nothing about the bytes: none, the usual default, and curl's for --data-binary.
_OPAQUE_TYPES = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})


class NoOptions(BaseModel):
    """Options of a method that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassifyOptions(NoOptions):
    """Options of `classify`."""

    model: str = Field(default="", description="name or name@version")
    top_k: int = Field(default=5, ge=1, description="how many labels to answer")


class ImageBody(BaseModel):
    """The JSON body of `classify`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: str = Field(description="base64, or a data URL with base64")


Options = TypeVar("Options", bound=NoOptions)


class Service:
    """Answers the methods from a repository.

    Args:
        repository: the models.
        max_pixels: largest picture that is decoded.
    """

    def __init__(self, repository: Repository, *, max_pixels: int) -> None:
        self._repository = repository
        self._max_pixels = max_pixels

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        return (
            Route("classify", self.classify, works=True),
            Route("models", self.list_models, verbs=("GET",)),
            Route("models/<name>", self.describe_model, verbs=("GET",)),
        )

    def subscriptions(self) -> Sequence[Subscription]:
        """Return which method answers the events of which topic."""
        options = tuple(ClassifyOptions.model_fields)
        return (Subscription("images", self.classify, options, dead_letter="images-dead"),)

    def classify(self, request: Request) -> Reply:
        """Say what a picture shows: as JSON, a sentence, or a sentence with a link."""
        options = parse_options(ClassifyOptions, request.query)
        name, _, version = options.model.partition("@")
        source, classifier = self._repository.get(name, version)
        picture = decode_body(request.content_type, request.body)
        pixels = decode_image(picture, classifier.frame, max_pixels=self._max_pixels)
        labels = classifier.classify(pixels, top_k=options.top_k)
        verdict = judge(labels[0], classifier.subject)
        result = encode_result(labels, verdict)
        match request.preferred(_OFFERS):
            case "text/html":
                body, kind = f"<p>{verdict.html}</p>\n".encode(), "text/html; charset=utf-8"
            case "text/plain":
                body, kind = f"{verdict.sentence}\n".encode(), "text/plain; charset=utf-8"
            case _:
                answer = {"model": source.model, "version": source.version, **result}
                body, kind = encode_json(answer), _JSON
        return Reply(body, kind, result=result, model=source.model, version=source.version)

    def list_models(self, request: Request) -> Reply:
        """List what is loaded and what is not."""
        parse_options(NoOptions, request.query)
        cards = [self._card(servable) for servable in self._repository.servables()]
        return Reply(encode_json({"models": cards}), _JSON)

    def describe_model(self, request: Request) -> Reply:
        """Say what one model is and where it is in its life."""
        parse_options(NoOptions, request.query)
        servable = self._repository.describe(request.parameters["name"])
        return Reply(encode_json(self._card(servable)), _JSON)

    def _card(self, servable: Servable) -> dict[str, Any]:
        source, classifier = servable.source, servable.classifier
        card: dict[str, Any] = {
            "model": source.model,
            "version": source.version,
            "state": servable.state,
            "default": source.model == self._repository.default,
        }
        if servable.error:
            card["error"] = servable.error
        if classifier is not None:
            frame = classifier.frame
            card["classes"] = len(classifier.labels)
            card["subject"] = classifier.subject
            card["input"] = {
                "width": frame.width,
                "height": frame.height,
                "channels": frame.channels,
            }
        return card


def encode_json(answer: Mapping[str, Any]) -> bytes:
    """Return `answer` as JSON for people and programs: UTF-8, one line."""
    return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def parse_options(kind: type[Options], query: Mapping[str, str]) -> Options:
    """Return the options in `query`.

    Raises:
        InvalidOption: an unknown one, or a value out of its range.
    """
    try:
        return kind.model_validate(query)
    except ValidationError as error:
        known = ", ".join(kind.model_fields) or "none"
        raise InvalidOption(f"{_explain(error)}; the options are: {known}") from None


def decode_body(content_type: str, body: bytes) -> bytes:
    """Return the bytes of the picture in `body`.

    Raises:
        InvalidBody: the content type is none of a picture, or the JSON is not as it should be.
    """
    if content_type == _JSON:
        return _decode_json(body)
    if content_type in _OPAQUE_TYPES or content_type.startswith("image/"):
        return body
    raise InvalidBody(
        f"expected content type image/*, application/octet-stream or {_JSON},"
        f" got {content_type!r}; send the picture as one of these"
    )


def _decode_json(body: bytes) -> bytes:
    try:
        text = ImageBody.model_validate_json(body).image
    except ValidationError as error:
        raise InvalidBody(
            f'expected JSON {{"image": "<base64 or data URL>"}}, got {_explain(error)};'
            " send a picture's own bytes with a content type image/*"
        ) from None
    head, comma, rest = text.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        text = rest
    try:
        # Encoders wrap lines.
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidBody(
            f"image must be base64 or a data URL with base64, got {text[:20]!r} ({error});"
            " encode the bytes of the file"
        ) from None


def _explain(error: ValidationError) -> str:
    """Return what pydantic says, in one line and without its links."""
    return "; ".join(
        f"{'.'.join(map(str, mistake['loc'])) or 'body'}: {mistake['msg']}"
        + (f", got {mistake['input']!r:.60}" if mistake["loc"] else "")
        for mistake in error.errors(include_url=False)
    )
