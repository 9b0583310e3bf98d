"""Several images in one request: an answer for each, and a bad one fails alone."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    model_serializer,
)

from meshlens.classify.errors import ImageTooLarge, InvalidBody, InvalidImage, InvalidTensor
from meshlens.classify.requests.bodies import decode_base64
from meshlens.classify.requests.forms import MULTIPART, Picture, read_form
from meshlens.classify.tasks.lens import JSON, Answer, ImageError
from meshlens.classify.tasks.options import explain
from meshlens.daprkit.application.spreading import spread
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.messages import Request
from meshlens.faults import Place

# A batch has one worker from its first image to its last, and other requests wait for that.
MOST_IMAGES = 32

# What can be wrong with one image while the others are answered.
_FAULTS = (InvalidImage, InvalidBody, InvalidTensor, ImageTooLarge)


class ImagesBody(BaseModel):
    """Several images in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: tuple[str, ...] = Field(
        min_length=1, max_length=MOST_IMAGES, description="base64, or data URLs with base64"
    )


class BatchItem(BaseModel):
    """What became of one image: its answer's fields, or the error; the name of its file first."""

    name: str = Field(default="", description="of the file in a form; left out if there is none")
    answer: SerializeAsAny[Answer] | None = Field(default=None, exclude=True)
    error: ImageError | None = Field(default=None, exclude=True)

    @model_serializer
    def _flatten(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"name": self.name} if self.name else {}
        if self.answer is not None:
            fields |= self.answer.to_fields()
        if self.error is not None:
            fields["error"] = self.error.model_dump()
        return fields


class BatchAnswer(Answer):
    """What became of each image, in the order of the request."""

    count: int = Field(description="how many images there were")
    failed: int = Field(description="how many of them have an error instead of an answer")
    answers: Sequence[BatchItem] = Field(description="one for each image")
    ignored_fields: list[str] = Field(
        default=[], description="of a form, with no meaning here; left out if there are none"
    )

    def to_fields(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        empty = set() if self.ignored_fields else {"ignored_fields"}
        return self.model_dump(mode="json", exclude=empty)

    def to_event(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the fields without what quotes the request: names of files, errors' messages.

        Names of a form's fields are its sender's, too.
        """
        answers = [_without_quotes(answer) for answer in fields["answers"]]
        kept = {name: value for name, value in fields.items() if name != "ignored_fields"}
        return {**kept, "answers": answers}


@dataclass(frozen=True, slots=True)
class Batch:
    """A list of images as sent.

    Attributes:
        pictures: the name of each, and what returns its bytes.
        options: those of the query, and those in fields of a form.
        ignored: names of a form's fields that mean nothing here.
    """

    pictures: Sequence[Picture]
    options: Mapping[str, str]
    ignored: tuple[str, ...] = ()


def is_batch(request: Request) -> bool:
    """Return whether a request has a list of images, even of one."""
    if request.content_type == JSON:
        # A single image has the key `image`, and base64 has no quotes.
        return b'"images"' in request.body
    return request.content_type == MULTIPART


def read_batch(request: Request, options: Collection[str]) -> Batch:
    """Return the images of a request.

    Args:
        request: the list.
        options: names of the method's options, which fields of a form may give.

    Raises:
        InvalidBody, InvalidOption: the list itself cannot be read, or has too many images.
        InvalidRequest: the same, for a form.
    """
    if request.content_type == MULTIPART:
        form = read_form(request, options, most=MOST_IMAGES)
        return Batch(form.pictures, form.options, form.ignored)
    try:
        images = ImagesBody.model_validate_json(request.body).images
    except ValidationError as error:
        raise InvalidBody(
            f'expected JSON {{"images": [<1 to {MOST_IMAGES} times base64 or data URL>]}}',
            got=explain(error),
            remedy="send several requests if there are more",
            places=[Place(field="images")],
        ) from None
    return Batch([("", partial(decode_base64, text)) for text in images], request.query)


def answer_each(
    batch: Batch,
    answer: Callable[[bytes], Answer],
    describe: Callable[[Exception], tuple[Status, str]],
    *,
    alone: bool = False,
) -> BatchAnswer:
    """Return `answer` of each image, or its error, in their order.

    Workers that are free help, an image at a time, unless it is to be done alone.

    Args:
        batch: the images.
        answer: answers the bytes of one image, in any thread.
        describe: returns the status code and message of an error.
        alone: whether one image is answered at a time.

    Raises:
        CallerGone, TimeLimitExceeded: nobody waits for the rest any more.
        Exception: what `answer` raises that is not the fault of one image.
    """

    def answer_one(picture: Picture) -> BatchItem:
        name, read = picture
        try:
            return BatchItem(name=name, answer=answer(read()))
        except _FAULTS as fault:
            status, message = describe(fault)
            error = ImageError(code=status.name, reason=fault.reason, message=message)
            return BatchItem(name=name, error=error)

    items = spread(answer_one, batch.pictures, alone=alone)
    failed = sum(item.error is not None for item in items)
    return BatchAnswer(
        count=len(items), failed=failed, answers=items, ignored_fields=list(batch.ignored)
    )


def _without_quotes(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {name: value for name, value in answer.items() if name != "name"}
    return kept | ({"error": {"code": kept["error"]["code"]}} if "error" in kept else {})
