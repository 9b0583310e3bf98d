"""Lanes: how a request is handled, depending on what its method does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, TypeVar

from meshlens.daprkit.application.admission import Admission, Slots
from meshlens.daprkit.application.events import Events, NoEvents

T = TypeVar("T")

# Given a function to call once the caller has gone away; False if that has happened already.
OnCallerGone = Callable[[Callable[[], None]], bool]

LIGHT_SLOTS = 16
MANAGE_SLOTS = 16
WATCH_SLOTS = 32
RELAY_SLOTS = 16


class Lane(Enum):
    """What a method does, and so how its requests are treated.

    A request that finds its lane full is refused at once. Lanes share no slots: requests of one
    cannot starve those of another.
    """

    WORK = auto()
    """It computes. It waits for a worker in the order of arrival, within its time limit; at most
    WORKERS * QUEUE_PER_WORKER are admitted. Each outcome is published as an event."""
    LIGHT = auto()
    """It reads what is in memory, such as lists and pages, almost instantly. Begins at once."""
    MANAGE = auto()
    """It changes the service and may take long, such as loading a model. Begins at once."""
    WATCH = auto()
    """It waits for something to happen, and computes nothing. Begins at once."""
    RELAY = auto()
    """Its request holds a call of another method. It has a slot here while it reads that, and then
    one in the lane of that method instead."""


class Runner(Protocol):
    """Runs the endpoints of a lane."""

    def run(self, work: Callable[[], T], *, seconds: float, on_caller_gone: OnCallerGone) -> T:
        """Do `work` within `seconds`, or not at all if the caller goes away before."""


@dataclass(frozen=True, slots=True)
class LaneRule:
    """What a lane means.

    Attributes:
        slots: what a request holds from its admission until its event is published.
        runner: where the endpoint runs.
        events: where outcomes go.
    """

    slots: Slots
    runner: Runner
    events: Events


def rule_lanes(admission: Admission, events: Events) -> Mapping[Lane, LaneRule]:
    """Return what each lane means."""
    return {
        Lane.WORK: LaneRule(admission.slots, admission, events),
        Lane.LIGHT: LaneRule(Slots(LIGHT_SLOTS), _AtOnce(), NoEvents()),
        Lane.MANAGE: LaneRule(Slots(MANAGE_SLOTS), _AtOnce(), NoEvents()),
        Lane.WATCH: LaneRule(Slots(WATCH_SLOTS), _AtOnce(), NoEvents()),
        Lane.RELAY: LaneRule(Slots(RELAY_SLOTS), _AtOnce(), NoEvents()),
    }


class _AtOnce:
    """Runs work in the caller's thread, untimed: it cannot be interrupted there."""

    def run(self, work: Callable[[], T], *, seconds: float, on_caller_gone: OnCallerGone) -> T:  # noqa: ARG002 - the protocol's parameters
        return work()
