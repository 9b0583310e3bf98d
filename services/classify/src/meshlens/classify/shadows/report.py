"""The report of a shadow, as callers and events get it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from meshlens.classify.serving.rollout import Shadow
from meshlens.classify.shadows.tally import BOUNDS, Seconds, Tally
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.detection.detector import DetectionAnswer
from meshlens.classify.tasks.lens import Answer

# Labels that only one version has, of which the report names so many.
_MOST_NAMED = 20


class Took(BaseModel):
    """Seconds that answers have taken."""

    mean: float = Field(description="seconds")
    longest: float = Field(description="seconds")

    @classmethod
    def of(cls, seconds: Seconds, count: int) -> Self:
        """Return the seconds of `count` answers."""
        return cls(mean=round(seconds.total / count, 6), longest=round(seconds.longest, 6))


class Share(BaseModel):
    """How often a label was answered."""

    seen: int = Field(description="how often the version that answers said it")
    agreed: int = Field(description="how often the shadow agreed")


class Distances(BaseModel):
    """How far apart both were.

    Of labels it is the total variation of the probabilities, 0 to 1, where labels that the answer
    does not list count as one; the largest difference of a probability if they do not add up to 1.
    Of boxes it is 1 less the share that match, and of tensors the largest difference of two
    numbers.
    """

    mean: float | None = Field(description="of those that can be measured; null if none can")
    largest: float | None = Field(description="likewise")
    counts: Sequence[int] = Field(
        description=f"how many are up to {', '.join(map(str, BOUNDS))}, and beyond; those that"
        " cannot be measured, as of tensors of other shapes, are among the last"
    )


class BoxCounts(BaseModel):
    """How many boxes were in both answers: of one label, overlapping by half or more."""

    matched: int = Field(description="boxes that both have")
    missing: int = Field(description="boxes that the shadow has not")
    additional: int = Field(description="boxes that only the shadow has")
    overlap: float = Field(description="intersection over union of those that match, on average")


class WorstInput(BaseModel):
    """An input on which both differ most."""

    sha256: str = Field(description="of its bytes")
    distance: float | None = Field(description="null if it cannot be measured")
    answer: str = Field(description="first label of the answer, or how many boxes it has")
    shadow: str = Field(description="likewise, of the shadow")


class VersionContent(BaseModel):
    """A version, and what it consisted of."""

    version: str = Field(description="its number")
    content: str = Field(description="`content` of models/<name>: of its file, card and labels")


class UnlikeLabels(BaseModel):
    """Labels that only one of both has; at most twenty are named."""

    version: Sequence[str] = Field(description="of the version that answers")
    shadow: Sequence[str] = Field(description="of the shadow")
    count: int = Field(description="how many there are")

    @classmethod
    def of(cls, version: Sequence[str], shadow: Sequence[str]) -> Self | None:
        """Return those of two lists, None if both have the same."""
        ours, theirs = set(version) - set(shadow), set(shadow) - set(version)
        if not ours and not theirs:
            return None
        return cls(
            version=sorted(ours)[:_MOST_NAMED],
            shadow=sorted(theirs)[:_MOST_NAMED],
            count=len(ours) + len(theirs),
        )


class Counts(BaseModel):
    """What became of the inputs that were drawn for a shadow.

    `offered` is the sum of `compared`, `dropped`, `failed` and what waits.
    """

    since: datetime = Field(description="when the first input was drawn")
    offered: int = Field(description="inputs that were drawn for the shadow")
    compared: int = Field(description="inputs that both have answered")
    agreed: int = Field(
        description="of these, same first label; same boxes; or numbers that are the same but for"
        " 0.001 of them"
    )
    dropped: Mapping[str, int] = Field(
        description="inputs the shadow never saw: QUEUE_FULL, LOAD (requests waited, or no worker"
        " was free), MEMORY (it paused for what it had taken for an input before), STOPPED"
    )
    failed: Mapping[str, int] = Field(
        description="inputs that it did not answer, by the reason, such as MODEL_TOO_SLOW"
    )


class Agreement(Counts):
    """How far a shadow agrees with one version that answers, in short."""

    version: str = Field(description="the version that answered")


class Report(Counts):
    """How far a shadow agrees with one version that answers.

    `offered` is the sum of `compared`, `dropped`, `failed` and what waits.
    """

    model: str = Field(description="the model")
    answering: VersionContent = Field(description="the version that answered")
    shadow: VersionContent = Field(description="the version that was compared with it")
    until: datetime = Field(description="when this was counted")
    among_first_five: int | None = Field(
        description="of those compared, first label among the shadow's first five; null without"
        " labels"
    )
    distance: Distances | None = Field(description="null before anything was compared")
    boxes: BoxCounts | None = Field(description="null for models that do not detect")
    seconds: Mapping[str, Took] = Field(
        description="that both took for what was compared: `answering` and `shadow`"
    )
    classes: Mapping[str, Share] = Field(
        description="by label of the answers; at most a thousand, the others under the empty one"
    )
    worst: Sequence[WorstInput] = Field(
        description="the ten with the largest distances, those first"
    )
    labels: UnlikeLabels | None = Field(description="null if both have the same labels, or none")


class Reports(BaseModel):
    """The shadow of a model, and what is known of it."""

    model: str = Field(description="the model")
    shadow: Shadow | None = Field(description="as the rollout has it; null if there is none now")
    reports: Sequence[Report] = Field(description="one for each version that has answered")


@dataclass(slots=True)
class Book:
    """What is counted of one version that answers and its shadow.

    Attributes:
        model: the model.
        version: that answers.
        content: of that.
        shadow: the version of the shadow.
        shadow_content: of the shadow; empty until it is known.
        labels: those that only one has; None if both have the same.
        names: of the classes of the version that answers; None if it does not classify.
        kind: the type of the answers; None before anything was compared.
        since: when this began.
        tally: the counts since then.
        fresh: the counts since the last event.
        fresh_since: when that was.
    """

    model: str
    version: str
    content: str
    shadow: str
    shadow_content: str = ""
    labels: UnlikeLabels | None = None
    names: tuple[str, ...] | None = None
    kind: type[Answer] | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    tally: Tally = field(default_factory=Tally)
    fresh: Tally = field(default_factory=Tally)
    fresh_since: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def tallies(self) -> tuple[Tally, Tally]:
        """Both counts, each of which counts everything."""
        return self.tally, self.fresh

    def report(self) -> Report:
        """Return all that has been counted."""
        return self._report(self.tally, self.since)

    def sum_up(self) -> Agreement:
        """Return all that has been counted, in short."""
        return Agreement(version=self.version, **_count(self.tally, self.since))

    def take_fresh(self) -> Report | None:
        """Return what has been counted since the last time, None if nothing was."""
        fresh = self.fresh
        if not (fresh.offered or fresh.compared or fresh.dropped or fresh.failed):
            return None
        report = self._report(self.fresh, self.fresh_since)
        self.fresh, self.fresh_since = Tally(), report.until
        return report

    def _report(self, tally: Tally, since: datetime) -> Report:
        classifies, detects = self.kind is ClassificationAnswer, self.kind is DetectionAnswer
        compared = tally.compared
        seconds = {"answering": tally.answering, "shadow": tally.shadowing} if compared else {}
        return Report(
            model=self.model,
            answering=VersionContent(version=self.version, content=self.content),
            shadow=VersionContent(version=self.shadow, content=self.shadow_content),
            **_count(tally, since),
            until=datetime.now(UTC),
            among_first_five=tally.among if classifies else None,
            distance=Distances(
                mean=round(tally.mean, 6) if tally.finite else None,
                largest=round(tally.largest, 6) if tally.finite else None,
                counts=tuple(tally.distances),
            )
            if compared
            else None,
            boxes=BoxCounts(
                matched=tally.matched,
                missing=tally.missing,
                additional=tally.additional,
                overlap=round(tally.overlap / max(tally.matched, 1), 6),
            )
            if detects
            else None,
            seconds={name: Took.of(each, compared) for name, each in seconds.items()},
            classes={
                label: Share(seen=seen, agreed=tally.same[label])
                for label, seen in tally.seen.most_common()
            },
            worst=[
                WorstInput(
                    sha256=each.sha256,
                    distance=round(each.distance, 6) if math.isfinite(each.distance) else None,
                    answer=each.answer,
                    shadow=each.shadow,
                )
                for each in sorted(tally.worst, reverse=True)
            ],
            labels=self.labels,
        )


def _count(tally: Tally, since: datetime) -> dict[str, Any]:
    """Return the fields of `Counts`."""
    return {
        "since": since,
        "offered": tally.offered,
        "compared": tally.compared,
        "agreed": tally.agreed,
        "dropped": dict(tally.dropped),
        "failed": dict(tally.failed),
    }
