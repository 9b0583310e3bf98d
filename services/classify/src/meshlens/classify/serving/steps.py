"""What the policy sees of a version, and the steps that it can decide on."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from meshlens.classify.serving.stages import Stage


class Key(NamedTuple):
    """What identifies a version with the content that it has, or had before its files changed.

    Attributes:
        model: its name.
        version: its number.
        content: 0 for the first content, one more for each that has replaced another.
    """

    model: str
    version: str
    content: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that decisions about a version depend on, at one moment.

    Attributes:
        key: its name.
        stage: what it is doing.
        size: bytes of its file; 0 until it is FETCHED.
        users: how many requests use it.
        used: when the last request for it came, by the monotonic clock.
        failed: whether the last attempt to load it failed.
        retry_at: when it is loaded again after that, by the monotonic clock.
        override: True if the operator wants it loaded, False if unloaded, None to leave it to
            the version policy.
        evicted: whether it was, or is being, unloaded to make room.
        wished: since when a request or the operator waits for it to be loaded, else None.
        gone: whether its files have been removed, or others have replaced them.
        unusable: whether its source says why it cannot be loaded. It never takes the place of an
            older version, and only the operator has it tried.
    """

    key: Key
    stage: Stage = Stage.START
    size: int = 0
    users: int = 0
    used: float = 0.0
    failed: bool = False
    retry_at: float = 0.0
    override: bool | None = None
    evicted: bool = False
    wished: float | None = None
    gone: bool = False
    unusable: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """Begin to load `version` by fetching its bytes."""

    version: Key


@dataclass(frozen=True, slots=True)
class Admit:
    """Open the fetched `version`: there is room."""

    version: Key


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not open the fetched `version`; without a `reason` it is simply no longer wanted."""

    version: Key
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unload:
    """Stop serving `version`: it is no longer wanted."""

    version: Key


@dataclass(frozen=True, slots=True)
class Evict:
    """Stop serving `version` to make room for the version `for_`."""

    version: Key
    for_: Key


@dataclass(frozen=True, slots=True)
class Close:
    """Free the memory of `version`: no request uses it."""

    version: Key


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove `version` from the list: its files are gone and it is unloaded."""

    version: Key


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing is due before `time`, by the monotonic clock, unless something changes."""

    time: float


Step: TypeAlias = Load | Admit | Refuse | Unload | Evict | Close | Forget
Action: TypeAlias = Step | WaitUntil
