"""What a job is: stages of parts, whose pieces are merged in a fixed tree.

Parts are cut by the input alone and merged in a tree that depends on their number alone, so that
the answer is the same to the byte with every engine, every number of workers and after every kill.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from meshlens.batch.objects import Objects

# What JSON can say.
Json: TypeAlias = Any
Fields: TypeAlias = Mapping[str, Json]
# Raises Cancelled if the job has been cancelled: a part calls it every second or so.
GoOn: TypeAlias = Callable[[], None]

# As many pieces become one at a time.
ARITY = 16

# Shared, because json.dumps makes a new encoder for each call with such settings.
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
)


@dataclass(frozen=True)
class Stage:
    """Some parts that can be worked on in any order, and what they have in common.

    Attributes:
        job: kind and version of the job, such as pca-fit-1; another behaviour has another one.
        name: of the stage, such as moments.
        inputs: what every part needs to know; the options of the job among it.
        parts: what each part needs to know, such as a file and its row groups; at least one.
    """

    job: str
    name: str
    inputs: Fields
    parts: Sequence[Fields]

    @cached_property
    def document(self) -> bytes:
        """The stage as canonical JSON."""
        fields = {"job": self.job, "name": self.name, "inputs": self.inputs, "parts": self.parts}
        return encode(fields)

    @cached_property
    def digest(self) -> str:
        """The sha256 of the document, in hexadecimal: equal stages have equal pieces."""
        return hashlib.sha256(self.document).hexdigest()

    @classmethod
    def of(cls, document: bytes) -> "Stage":
        """Return the stage that has this document."""
        fields = json.loads(document)
        return cls(fields["job"], fields["name"], fields["inputs"], fields["parts"])


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that was left out.

    Attributes:
        number: of the part in its stage, from 0.
        part: where it is in the input, for people: a file and its rows.
        reason: why it could not be worked on.
    """

    number: int
    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """How a job ended.

    Attributes:
        summary: what to say of it, at most a kilobyte as JSON.
        objects: names of the objects that hold the answer, the main one first.
    """

    summary: Fields
    objects: Sequence[str] = field(default=())


class Job(Protocol):
    """One kind of job: functions of a stage and of objects, without state of their own.

    Each may be called again after a kill, and twice at the same time; the same arguments must give
    the same bytes. An object that a function puts has a name that follows from its arguments.
    """

    @property
    def kind(self) -> str:
        """Kind and version, such as pca-fit-1."""

    def identify(self, options: Fields) -> Fields:
        """Return the options in full, with defaults, and what the input is now.

        Equal answers mean the same job: files are named with their sizes and the times of their
        last change, or tags.

        Raises:
            Fault: an option is wrong, or there is no such input.
        """

    def plan(self, identity: Fields, objects: Objects) -> Stage:
        """Return the first stage.

        Raises:
            Fault: the input cannot be read.
            InputChanged: it is no longer what `identify` has seen.
        """

    def locate(self, stage: Stage, number: int) -> str:
        """Return where a part is in the input, for people: its file and rows."""

    def count_rows(self, stage: Stage, number: int) -> int:
        """Return how many rows a part has, as far as its plan says."""

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Return the piece of one part, numbered from 0.

        Raises:
            PartFailed: it cannot be worked on, however often it is tried.
            InputChanged: the input is no longer what the plan has seen.
            Cancelled: by `go_on`.
        """

    def merge(self, stage: Stage, pieces: Sequence[bytes]) -> bytes:
        """Return the piece of neighbouring pieces together, two at least, in their order."""

    def finish(
        self, stage: Stage, piece: bytes | None, failures: Sequence[Failure], objects: Objects
    ) -> Stage | Result:
        """Return what follows once the pieces of all parts are one: another stage, or the end.

        Args:
            stage: the one that is done.
            piece: of all its parts but those that have failed; None if all have.
            failures: the parts of this stage that were left out. What a later stage, or the
                answer, needs to know of them goes into the inputs of the stage that is returned.
            objects: where the answer goes.

        Raises:
            Fault: there is no answer, for instance because the numbers do not vary.
        """


def encode(fields: Json) -> bytes:
    """Return canonical JSON: equal values give equal bytes."""
    return _ENCODER.encode(fields).encode()


def digest(fields: Json) -> str:
    """Return the sha256 of canonical JSON, in hexadecimal."""
    return hashlib.sha256(encode(fields)).hexdigest()


def count_levels(parts: int) -> int:
    """Return how many times pieces are merged until one is left."""
    levels = 0
    while parts > 1:
        parts = count_nodes(parts, 1)
        levels += 1
    return levels


def count_nodes(parts: int, level: int) -> int:
    """Return how many pieces there are at a level of the tree; level 0 has those of the parts."""
    for _ in range(level):
        parts = -(-parts // ARITY)
    return parts
