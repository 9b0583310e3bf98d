"""The stages of a version's life, and which may follow which."""

from collections.abc import Mapping
from enum import StrEnum


class Stage(StrEnum):
    """What a version is doing; callers see the five states of `versions.State`."""

    START = "START"
    FETCHING = "FETCHING"
    FETCHED = "FETCHED"
    OPENING = "OPENING"
    AVAILABLE = "AVAILABLE"
    DRAINING = "DRAINING"
    CLOSING = "CLOSING"
    END = "END"


# Its size is known, and memory is reserved for it.
RESERVED = frozenset({Stage.OPENING, Stage.AVAILABLE, Stage.DRAINING, Stage.CLOSING})
LOADING = frozenset({Stage.FETCHING, Stage.FETCHED, Stage.OPENING})
LEAVING = frozenset({Stage.DRAINING, Stage.CLOSING})

FOLLOWING: Mapping[Stage, frozenset[Stage]] = {
    Stage.START: frozenset({Stage.FETCHING, Stage.END, Stage.START}),
    Stage.FETCHING: frozenset({Stage.FETCHED, Stage.END}),
    Stage.FETCHED: frozenset({Stage.OPENING, Stage.END}),
    Stage.OPENING: frozenset({Stage.AVAILABLE, Stage.END}),
    # Back to START when the process that runs its engine has died.
    Stage.AVAILABLE: frozenset({Stage.DRAINING, Stage.START}),
    Stage.DRAINING: frozenset({Stage.CLOSING}),
    Stage.CLOSING: frozenset({Stage.END}),
    # To END again when an evicted version is no longer wanted, to START when its source changes.
    Stage.END: frozenset({Stage.FETCHING, Stage.END, Stage.START}),
}
