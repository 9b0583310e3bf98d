"""The lens of a chain: one model finds things, another answers each of them, cut out."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from meshlens.classify.errors import InvalidImage, InvalidTensor
from meshlens.classify.formats.card import ChainPart
from meshlens.classify.tasks.chain.answer import (
    AnsweredBox,
    ChainAnswer,
    ChainDescription,
    CropAnswer,
    FailedCrop,
    MemberAnswer,
    Role,
)
from meshlens.classify.tasks.classification.classifier import Classifier, ClassifyOptions
from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.detector import DetectOptions, Detector
from meshlens.classify.tasks.images.pixels import Image, Picture, decode_picture
from meshlens.classify.tasks.lens import ImageError, Lens, Payload

# Does something with each of several things, and returns the results in their order.
Spread: TypeAlias = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]

# What can be wrong with one box while the others are answered, and the status of all of these.
_FAULTS = (InvalidImage, InvalidTensor)
_CODE = "INVALID_ARGUMENT"


def one_by_one(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Return `work` of each item."""
    return [work(item) for item in items]


@dataclass(frozen=True, slots=True)
class Member:
    """A model that a chain asks, kept loaded for the whole call.

    Attributes:
        model: its name.
        version: its number.
        sha256: of its file.
        lens: asks it.
        using: a context for each call of it, which notes if its engine dies.
    """

    model: str
    version: str
    sha256: str
    lens: "Detector | Classifier | Chain"
    using: Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Members:
    """The models that a chain joins.

    Attributes:
        detect: a detector, or another chain.
        classify: a classifier.
        spread: asks the classifier about the boxes.
    """

    detect: Member
    classify: Member
    spread: Spread


class Chain(Lens[DetectOptions, ChainAnswer]):
    """Two models as one that detects.

    Args:
        part: what the card says.
        members: what it joins; None in a chain that is described, and not called.
    """

    does = "detects, and classifies what it finds"
    method = Detector.method
    takes_images = True
    options = DetectOptions
    refusal = Detector.refusal

    def __init__(self, part: ChainPart, members: Members | None = None) -> None:
        self._part, self._joined = part, members

    @property
    def _members(self) -> Members:
        assert self._joined is not None, "a lease is of what is joined"  # noqa: S101 - for the type checker
        return self._joined

    @property
    def _detector(self) -> "Detector | Chain":
        lens = self._members.detect.lens
        assert not isinstance(lens, Classifier), "`joining` has checked it"  # noqa: S101 - likewise
        return lens

    @property
    def _classifier(self) -> Classifier:
        lens = self._members.classify.lens
        assert isinstance(lens, Classifier), "`joining` has checked it"  # noqa: S101 - likewise
        return lens

    def warm_up(self) -> None:
        """Do nothing: its members have been warmed up."""

    def see(self, payload: Payload) -> Image:
        """Return the image in `payload` as the detector sees it."""
        return self._detector.see(payload)

    def answer(self, payload: Payload, options: DetectOptions) -> ChainAnswer:
        """Return the boxes in the image in `payload`, and what is in each.

        The image is decoded once, with all its pixels.
        """
        picture = decode_picture(payload.data, max_pixels=payload.max_pixels)
        return self.answer_picture(picture, options)

    def answer_picture(self, picture: Picture, options: DetectOptions) -> ChainAnswer:
        """Return the boxes in a picture, and what is in each; raises as `answer` does."""
        detect, limit = self._members.detect, self._part.limit
        if options.threshold is None:
            options = options.model_copy(update={"threshold": self._part.threshold})
        with detect.using():
            found = self._detector.answer_picture(picture, options)
        boxes = self._members.spread(partial(self._answer, picture), found.boxes[:limit])
        beyond = len(found.boxes) - len(boxes)
        return ChainAnswer(
            width=found.width,
            height=found.height,
            count=len(boxes),
            boxes=boxes,
            read=found.read,
            left_out=beyond + (found.left_out if isinstance(found, ChainAnswer) else 0),
            members=self.list_members(),
        )

    def _answer(self, picture: Picture, box: Box) -> AnsweredBox:
        """Return a box with what the classifier says of it, or why it says nothing."""
        member = self._members.classify
        answer: CropAnswer | FailedCrop
        try:
            crop = picture.cut(*self._widen(box))
            with member.using():
                said = self._classifier.answer_picture(crop, ClassifyOptions())
            answer = CropAnswer(model=member.model, labels=said.labels, verdict=said.verdict)
        except _FAULTS as fault:
            error = ImageError(code=_CODE, reason=fault.reason, message=str(fault))
            answer = FailedCrop(model=member.model, error=error)
        if isinstance(box, AnsweredBox):
            return replace(box, answers=(*box.answers, answer))
        return AnsweredBox(box.label, box.score, box.x1, box.y1, box.x2, box.y2, (answer,))

    def _widen(self, box: Box) -> tuple[float, float, float, float]:
        across = (box.x2 - box.x1) * self._part.margin
        down = (box.y2 - box.y1) * self._part.margin
        return box.x1 - across, box.y1 - down, box.x2 + across, box.y2 + down

    def list_members(self) -> list[MemberAnswer]:
        """Return the models in the order in which they are asked, a chain before its own."""
        detect, classify = self._members.detect, self._members.classify
        inner = detect.lens.list_members() if isinstance(detect.lens, Chain) else []
        return [_name(Role.DETECT, detect), *inner, _name(Role.CLASSIFY, classify)]

    def describe(self) -> ChainDescription:
        """Return what it joins."""
        members = self.list_members() if self._joined else []
        return ChainDescription(signatures={}, chain=self._part, members=members)


def _name(role: Role, member: Member) -> MemberAnswer:
    return MemberAnswer(role=role, model=member.model, version=member.version, sha256=member.sha256)
