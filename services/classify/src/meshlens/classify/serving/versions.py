"""One version of a model, and the transitions of its life.

START -> LOADING -> AVAILABLE -> UNLOADING -> END
`--> END with an error; tried again after a while

`docs/lifecycle.md` describes them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from meshlens.classify.errors import ModelFailed, ModelNotReady
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.serving.stages import FOLLOWING, LEAVING, LOADING, Stage
from meshlens.classify.serving.steps import (
    Admit,
    Close,
    Evict,
    Forget,
    Key,
    Load,
    Refuse,
    Snapshot,
    Step,
    Unload,
)
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.lens import Lens

# Seconds until a failed version is tried again: doubled with each failure, up to the last.
FIRST_RETRY, LAST_RETRY = 5.0, 300.0
_COUNTED_FAILURES = 10


class State(StrEnum):
    """Where a version of a model is in its life, by the names of TensorFlow Serving."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True, slots=True)
class Servable:
    """One version of a model at one moment.

    Attributes:
        source: where it comes from.
        state: where it is in its life.
        error: why loading it failed, empty if it did not.
        loaded: answers while the state is AVAILABLE.
        replacement: what its files have changed to, while this content still answers.
    """

    source: Source
    state: State = State.START
    error: str = ""
    loaded: Loaded | None = None
    replacement: "Servable | None" = None

    @property
    def lens(self) -> Lens[Any, Any] | None:
        """What the model is used for, None unless it is AVAILABLE."""
        return self.loaded.lens if self.loaded else None


class IllegalTransition(RuntimeError):
    """A version cannot go from its stage to that one: a fault of this program."""


@dataclass(slots=True, eq=False)
class Version:
    """A version in the course of its life; hold `Registry.changed` to read or to change it.

    Only the methods change its stage. Requests write `users`, `used` and `wished`, the operator
    writes `override` and `wished`.

    Attributes:
        source: where it comes from.
        stage: what it is doing.
        error: why the last attempt to load it failed, empty if it did not.
        loaded: what answers.
        data: its bytes while it waits for room.
        size: bytes of its file; 0 until they are fetched, and of a chain.
        known_size: the same, as far as it is known when they are not in memory.
        users: how many requests use it now.
        used: when the last request for it came, by the monotonic clock.
        failures: how often loading it has failed in a row.
        retry_at: when it is tried again, by the monotonic clock.
        evicted: whether it was, or is being, unloaded to make room.
        override: what the operator wants regardless of the policy: loaded, unloaded, or None.
        wished: since when a request or the operator has waited for it, None if none does.
        gone: whether its files have been removed, or others have replaced them.
        content: how often its files have been replaced while they were in use.
    """

    source: Source
    stage: Stage = Stage.START
    error: str = ""
    loaded: Loaded | None = None
    data: bytes = b""
    size: int = 0
    known_size: int = 0
    users: int = 0
    used: float = 0.0
    failures: int = 0
    retry_at: float = 0.0
    evicted: bool = False
    override: bool | None = None
    wished: float | None = None
    gone: bool = False
    content: int = 0

    @property
    def key(self) -> Key:
        """Its model, number and content."""
        return Key(self.source.model, self.source.version, self.content)

    @property
    def state(self) -> State:
        """Where it is in its life, as callers see it."""
        if self.stage in LOADING:
            # A failed version that is being retried counts as failed until it succeeds.
            return State.END if self.error else State.LOADING
        if self.stage in LEAVING:
            return State.UNLOADING
        if self.stage is Stage.END and self.wished is not None and not self.error:
            return State.START
        return State(self.stage)

    @property
    def on_its_way(self) -> bool:
        """Whether waiting for it to become AVAILABLE makes sense."""
        return self.state in (State.START, State.LOADING) or (
            self.stage in LEAVING and self.wished is not None
        )

    @property
    def coming(self) -> bool:
        """Whether it will answer if it is wanted, though no request asks for it."""
        stays_away = self.gone or bool(self.error) or self.override is False
        return not (self.available or stays_away or (self.evicted and not self.on_its_way))

    @property
    def available(self) -> bool:
        """Whether it answers."""
        return self.stage is Stage.AVAILABLE

    def now(self) -> Servable:
        """Return it as callers see it at this moment."""
        return Servable(self.source, self.state, self.error, self.loaded)

    def snapshot(self) -> Snapshot:
        """Return what decisions depend on at this moment."""
        return Snapshot(
            key=self.key,
            stage=self.stage,
            size=self.size,
            users=self.users,
            used=self.used,
            failed=bool(self.error),
            retry_at=self.retry_at,
            override=self.override,
            evicted=self.evicted,
            wished=self.wished,
            gone=self.gone,
            # One that replaces another is tried: until it answers, that one does.
            unusable=bool(self.source.error) and not self.content,
        )

    # What requests and the operator write

    def request(self, now: float) -> None:
        """Record a request for it, which causes an evicted version to be reloaded."""
        self.used = now
        if self.evicted and self.wished is None:
            self.wished = now

    def check(self) -> None:
        """Check that it answers.

        Raises:
            ModelNotReady: it will.
            ModelFailed: it will not by waiting.
        """
        if self.available:
            return
        if self.on_its_way:
            raise ModelNotReady(self.source.model, self.state)
        raise ModelFailed(self.source.model, self.state, self.error or "it was unloaded")

    def call_up(self, now: float) -> None:
        """Note that the operator wants it loaded, at once even if it has failed before."""
        self.override, self.failures = True, 0
        if self.stage not in LOADING and not self.available:
            self.wished = now

    def call_down(self) -> None:
        """Note that the operator wants it unloaded."""
        self.override, self.wished = False, None

    # Transitions

    def take(self, step: Step, now: float) -> None:
        """Make the transition that a step of the policy begins with.

        Raises:
            IllegalTransition: it cannot follow the stage of this version.
        """
        match step:
            case Load():
                self.begin_load()
            case Admit():
                self.begin_open()
            case Refuse(reason=""):
                self.ended()
            case Refuse(reason=reason):
                self.failed(reason, now)
            case Unload():
                if self.available:
                    self.begin_unload()
                else:
                    self.ended()
            case Evict():
                self.begin_unload(evicted=True)
            case Close():
                self.begin_close()
            case Forget():
                self._enter(Stage.END)

    def begin_load(self) -> None:
        """START or END -> FETCHING."""
        self._enter(Stage.FETCHING)
        self.wished = None

    def fetched(self, data: bytes) -> None:
        """FETCHING -> FETCHED."""
        self._enter(Stage.FETCHED)
        # A chain joins what is in memory already.
        self.data, self.size = data, 0 if self.source.card.chain else len(data)
        self.known_size = self.size

    def begin_open(self) -> None:
        """FETCHED -> OPENING."""
        self._enter(Stage.OPENING)

    def take_data(self) -> bytes:
        """Return its bytes and let them go, so that they are in memory once."""
        data, self.data = self.data, b""
        return data

    def opened(self, loaded: Loaded) -> None:
        """OPENING -> AVAILABLE."""
        self._enter(Stage.AVAILABLE)
        self.loaded, self.error, self.failures, self.evicted = loaded, "", 0, False

    def failed(self, reason: str, now: float) -> None:
        """FETCHING, FETCHED or OPENING -> END with an error, to be tried again later."""
        self._enter(Stage.END)
        self._let_go()
        self.error, self.evicted = reason, False
        self.retry_at = now + min(FIRST_RETRY * 2**self.failures, LAST_RETRY)
        self.failures = min(self.failures + 1, _COUNTED_FAILURES)

    def begin_unload(self, *, evicted: bool = False) -> None:
        """AVAILABLE -> DRAINING."""
        self._enter(Stage.DRAINING)
        self.evicted = evicted

    def begin_close(self) -> None:
        """DRAINING -> CLOSING."""
        if self.users:
            raise IllegalTransition(f"{self.key} is in use by {self.users} requests")
        self._enter(Stage.CLOSING)

    def take_loaded(self) -> Loaded | None:
        """Return the loaded model and drop the reference, so that closing it frees its memory."""
        loaded, self.loaded = self.loaded, None
        return loaded

    def ended(self) -> None:
        """CLOSING -> END; or START, FETCHED or END -> END: it is no longer wanted."""
        closed = self.stage is Stage.CLOSING
        self._enter(Stage.END)
        self._let_go()
        self.error, self.evicted = "", closed and self.evicted
        if not closed:
            self.wished = None

    def lost(self) -> None:
        """AVAILABLE -> START: its engine has died."""
        self._enter(Stage.START)
        self._let_go()

    def renew(self, source: Source) -> None:
        """START or END -> START: its files or its card have changed."""
        self._enter(Stage.START)
        self.source, self.error, self.failures, self.evicted = source, "", 0, False
        self.known_size = 0

    def reject(self) -> None:
        """START -> END with an error: its source says why it cannot be loaded."""
        self._enter(Stage.END)
        self.error = self.source.error

    def replace(self, source: Source) -> "Version":
        """Return the version that takes its place when it answers: its files have changed."""
        self.gone = True
        return Version(source, override=self.override, content=self.content + 1)

    def _let_go(self) -> None:
        self.loaded, self.data, self.size = None, b"", 0

    def _enter(self, stage: Stage) -> None:
        if stage not in FOLLOWING[self.stage]:
            raise IllegalTransition(f"{self.key} is {self.stage}, it cannot become {stage}")
        self.stage = stage
