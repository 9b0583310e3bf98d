"""What many answers come to: counted by part, and added up."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshlens.batch.job import Fields, encode
from meshlens.classify.formats.card import Task

# Failures of each kind that are named.
_NAMED = 5


@dataclass(slots=True)
class Failures:
    """The failures of one kind.

    Attributes:
        count: how many there are.
        first: the first of them, picture and message.
    """

    count: int = 0
    first: list[Fields] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """What the answers to some neighbouring pictures come to.

    Attributes:
        pictures: how many there are.
        size: bytes of all their files.
        labels: how often each was found: the most probable one of a picture, or one for each box.
        failures: by their reason.
    """

    pictures: int = 0
    size: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Failures] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many pictures have no answer."""
        return sum(failures.count for failures in self.failures.values())

    def add(self, task: Task, row: Fields, size: int) -> None:
        """Count the row of one picture of `size` bytes."""
        self.pictures += 1
        self.size += size
        if error := row.get("error"):
            first = {"picture": row["picture"], "message": error["message"]}
            self._add_failures(error["reason"], Failures(1, [first]))
        else:
            self.labels.update(_find_labels(task, row))

    def merge(self, later: "Tally") -> None:
        """Add what comes of the pictures that follow."""
        self.pictures += later.pictures
        self.size += later.size
        self.labels.update(later.labels)
        for reason, failures in later.failures.items():
            self._add_failures(reason, failures)

    def _add_failures(self, reason: str, later: Failures) -> None:
        known = self.failures.setdefault(reason, Failures())
        known.count += later.count
        known.first = (known.first + later.first)[:_NAMED]

    def to_fields(self) -> dict[str, Any]:
        """Return it as JSON values."""
        failures = {
            reason: {"count": failures.count, "first": failures.first}
            for reason, failures in self.failures.items()
        }
        return {
            "pictures": self.pictures,
            "bytes": self.size,
            "labels": dict(self.labels),
            "failures": failures,
        }

    def encode(self) -> bytes:
        """Return canonical JSON."""
        return encode(self.to_fields())

    @classmethod
    def decode(cls, data: bytes) -> "Tally":
        """Return the tally that has this JSON."""
        fields = json.loads(data)
        failures = {reason: Failures(**those) for reason, those in fields["failures"].items()}
        return cls(fields["pictures"], fields["bytes"], Counter(fields["labels"]), failures)


def merge(pieces: Iterable[bytes]) -> bytes:
    """Return the JSON of neighbouring tallies together."""
    total = Tally()
    for piece in pieces:
        total.merge(Tally.decode(piece))
    return total.encode()


def _find_labels(task: Task, row: Fields) -> Sequence[str]:
    match task:
        case Task.CLASSIFY:
            return [row["labels"][0]["label"]]
        case Task.DETECT:
            return [box["label"] for box in row["boxes"]]
        case Task.TENSOR:
            raise ValueError("expected a task with labels, got tensors")
