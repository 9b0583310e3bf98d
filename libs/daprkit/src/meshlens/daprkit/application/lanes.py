"""Lanes: how a request is handled, depending on what its method does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, TypeVar

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.callers import Administrators, OnCallerGone
from meshlens.daprkit.application.events import Events, NoEvents
from meshlens.daprkit.application.kept_answers import KeptAnswers
from meshlens.daprkit.application.queueing.slots import Slot, Slots

T = TypeVar("T")

_ANYONE = Administrators(everyone=True)
_NOBODY = Administrators()

LIGHT_SLOTS = 16
MANAGE_SLOTS = 16
ADMIN_SLOTS = 16
WATCH_SLOTS = 32
RELAY_SLOTS = 16


class Lane(Enum):
    """What a method does, and so how its requests are treated.

    A request that finds its lane full is refused at once. Lanes share no slots: requests of one
    cannot starve those of another.
    """

    WORK = auto()
    """It computes. It waits for a worker, within its time limit, in a queue that is fair between
    callers and between models; at most WORKERS * QUEUE_PER_WORKER are admitted. Each outcome is
    published as an event; a refusal because the queue is full is none."""
    LIGHT = auto()
    """It reads what is in memory, such as lists and pages, almost instantly. Begins at once."""
    MANAGE = auto()
    """It computes nothing but may take long, since it may load a model. Begins at once."""
    ADMIN = auto()
    """It changes what is served, such as unloading a model: for administrators. Begins at once."""
    WATCH = auto()
    """It waits for something to happen, and computes nothing. Begins at once."""
    RELAY = auto()
    """Its request holds a call of another method. It has a slot here while it reads that, and then
    one in the lane of that method instead."""


class Runner(Protocol):
    """Runs the endpoints of a lane."""

    def run(
        self,
        work: Callable[[], T],
        *,
        seconds: float,
        on_caller_gone: OnCallerGone,
        slot: Slot,
    ) -> T:
        """Do `work` within `seconds`, or not at all if the caller goes away before.

        `slot` is what its request holds.
        """


@dataclass(frozen=True, slots=True)
class LaneRule:
    """What a lane means.

    Attributes:
        slots: what a request holds from its admission until its event is published.
        runner: where the endpoint runs.
        events: where outcomes go.
        kept: its answers, for requests with a key; None if each is answered anew.
        administrators: who alone may call its methods.
    """

    slots: Slots
    runner: Runner
    events: Events
    kept: KeptAnswers | None = None
    administrators: Administrators = _ANYONE

    @property
    def waits(self) -> bool:
        """Whether its requests wait for a worker."""
        return not isinstance(self.runner, _AtOnce)


def rule_lanes(
    admission: Admission, events: Events, administrators: Administrators = _NOBODY
) -> Mapping[Lane, LaneRule]:
    """Return what each lane means."""
    return {
        Lane.WORK: LaneRule(admission.slots, admission, events, KeptAnswers()),
        Lane.LIGHT: LaneRule(Slots(LIGHT_SLOTS), _AtOnce(), NoEvents()),
        Lane.MANAGE: LaneRule(Slots(MANAGE_SLOTS), _AtOnce(), NoEvents()),
        Lane.ADMIN: LaneRule(
            Slots(ADMIN_SLOTS), _AtOnce(), NoEvents(), administrators=administrators
        ),
        Lane.WATCH: LaneRule(Slots(WATCH_SLOTS), _AtOnce(), NoEvents()),
        Lane.RELAY: LaneRule(Slots(RELAY_SLOTS), _AtOnce(), NoEvents()),
    }


class _AtOnce:
    """Runs work in the caller's thread, untimed: it cannot be interrupted there."""

    def run(
        self,
        work: Callable[[], T],
        *,
        seconds: float,  # noqa: ARG002 - the protocol's
        on_caller_gone: OnCallerGone,  # noqa: ARG002 - the protocol's
        slot: Slot,  # noqa: ARG002 - the protocol's
    ) -> T:
        return work()
