"""What a chain answers, and how it is described."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from meshlens.classify.formats.card import ChainPart
from meshlens.classify.formats.labels import Label
from meshlens.classify.tasks.classification.verdicts import Verdict
from meshlens.classify.tasks.descriptions import Description
from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.detector import DetectionAnswer
from meshlens.classify.tasks.lens import ImageError


class Role(StrEnum):
    """What a member does in its chain."""

    DETECT = "detect"
    CLASSIFY = "classify"


class CropAnswer(BaseModel):
    """What the part of an image in a box shows, as one model says."""

    model_config = ConfigDict(frozen=True)

    model: str = Field(description="its name")
    labels: list[Label] = Field(description="the most probable first")
    verdict: Verdict = Field(description="the first label in the words of a person")


class FailedCrop(BaseModel):
    """A box that one model has not answered."""

    model_config = ConfigDict(frozen=True)

    model: str = Field(description="its name")
    error: ImageError = Field(description="why it has not")


@dataclass(frozen=True, slots=True)
class AnsweredBox(Box):
    """A box, and what is in it.

    Attributes:
        label: what is in it, as the detector says.
        score: how sure the detector is, on its own scale.
        x1: its left side.
        y1: its upper side.
        x2: its right side.
        y2: its lower side.
        answers: of each model that classifies: one, or several where a chain joins another chain.
    """

    answers: tuple[CropAnswer | FailedCrop, ...]

    @property
    def caption(self) -> str:
        """What is written beside it: the detector's label, and the first of each answer."""
        firsts = [
            f"{it.labels[0].label} {it.labels[0].probability:.2f}"
            for it in self.answers
            if isinstance(it, CropAnswer)
        ]
        return ", ".join([f"{self.label} {self.score:.2f}", *firsts])


class MemberAnswer(BaseModel):
    """A model that a chain has asked, or another chain."""

    model_config = ConfigDict(frozen=True)

    role: Role = Field(description="what it does in the chain")
    model: str = Field(description="its name")
    version: str = Field(description="its number")
    sha256: str = Field(description="of its file; of a chain, of its card")


class ChainAnswer(DetectionAnswer):
    """Where things are in an image, and what each shows."""

    boxes: Sequence[AnsweredBox] = Field(description="the highest score first")
    left_out: int = Field(
        default=0,
        description="boxes beyond the limit of the chain, which are not listed; left out if none",
    )
    members: Sequence[MemberAnswer] = Field(description="the models that it joins")

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        for name in ("read", "left_out"):
            if not fields[name]:
                del fields[name]
        return fields


class ChainDescription(Description):
    """What a chain joins."""

    chain: ChainPart = Field(description="as its card says")
    members: Sequence[MemberAnswer] = Field(
        description="the models that a call would ask; none if it would be refused, see warnings"
    )
