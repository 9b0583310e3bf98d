"""The rollouts that hold: read from the state store and from a file, and changed by calls.

Every replica reads the state store twice a second: one small value. A broadcast would not do
without that, since a broker gives each event to one replica of an app.
"""

import logging
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from meshlens.classify.errors import InvalidRollout, RolloutChanged, RolloutFixed
from meshlens.classify.rollouts.documents import (
    FILE,
    LARGEST_FILE,
    Kept,
    Ruled,
    parse_file,
    parse_kept,
)
from meshlens.classify.serving.rollout import Rollout
from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.sidecar.state import Written

KEY = "rollouts"
SECONDS = 0.5
# A file that is being written changes within these seconds.
_SETTLE = 0.1
_TRIES = 16

_log = logging.getLogger(__name__)


class Store(Protocol):
    """A state store, such as daprkit's StateStore."""

    def read(self, key: str, *, within: float | None = None) -> Written:
        """Return a value."""

    def replace(self, key: str, read: Written, value: bytes, *, within: float) -> bool:
        """Write a value unless another has been written since; return whether it is."""


# Shares out requests by rollouts; None while they are not known.
Apply = Callable[[Mapping[str, Rollout] | None], None]
# Returns the next rollout of a model from the one there is.
Decide = Callable[[Rollout | None], Rollout | None]


@dataclass(frozen=True, slots=True)
class _Files:
    """What the file says, None if that was never known, and the state in which it was read."""

    rollouts: Mapping[str, Rollout] | None
    state: tuple[int, int, int] | None = None
    error: str = ""


class Board:
    """Knows the rollouts, and tells of each change.

    A rollout of the file holds before one of the state store. What cannot be read changes
    nothing, but at the start: until the state store has been read once, no rollout is known.

    Args:
        apply: called with the rollouts that hold, in the order of their changes.
        folder: the models, among which the file is; None for no file.
        store: where calls keep them; None if none may.
        seconds: that an operation of the store may take.
        announce: called with each change that this replica has made.
    """

    def __init__(
        self,
        apply: Apply,
        *,
        folder: Path | None = None,
        store: Store | None = None,
        seconds: float = 5.0,
        announce: Callable[[str, Ruled], None] = lambda _model, _ruled: None,
    ) -> None:
        self._announce = announce
        self._store = store
        self._path = folder and folder / FILE
        self._apply = apply
        self._seconds = seconds
        self._lock = threading.Lock()
        # What is read is never older than what this replica has written.
        self._storing = threading.Lock()
        self._kept: Kept | None = None if store else Kept()
        self._files = _Files(None if folder else {})
        self._held: Mapping[str, Rollout] | None = {}
        self._unread = ""
        self._stopped = threading.Event()

    def find(self, model: str) -> tuple[Ruled, str]:
        """Return the rollout of a model, and where it is from: file, store or empty for none."""
        with self._lock:
            in_file = (self._files.rollouts or {}).get(model)
            if in_file:
                return Ruled(rollout=in_file), "file"
            ruled = self._kept.models.get(model, Ruled()) if self._kept else Ruled()
            return ruled, "store" if ruled.rollout else ""

    def warnings(self) -> list[str]:
        """Return why what holds is not what was last said."""
        with self._lock:
            return [reason for reason in (self._files.error, self._unread) if reason]

    def check(self, model: str) -> None:
        """Let pass who wants to change the rollout of a model.

        Raises:
            RolloutFixed: none may.
        """
        if self._store is None:
            raise RolloutFixed(
                "expected MODEL_ROLLOUTS=true for rollouts that calls set",
                got="MODEL_ROLLOUTS=false",
                remedy=f"set it, or write the rollout into {FILE} among the models",
            )
        if model in (self._files.rollouts or {}):
            raise RolloutFixed(
                f"expected a rollout of {model} that {FILE} does not hold",
                got="one that it holds",
                remedy="change it there",
            )

    def held(self) -> Mapping[str, Rollout]:
        """Return the rollouts that hold, by model; none while they are not known."""
        with self._lock:
            return self._held or {}

    def change(
        self, model: str, decide: Decide, revision: int | None = None, *, reason: str = ""
    ) -> Ruled:
        """Give a model another rollout, or none, and return it.

        Args:
            model: its name.
            decide: returns the new one, None to end it, from what there is; it may refuse by
                raising an error, and is asked again if that has changed meanwhile.
            revision: of the one that it replaces; None for whatever there is.
            reason: why, if it goes back by itself.

        Raises:
            RolloutFixed: calls may not change it.
            RolloutChanged: another call has changed it.
            StoreUnavailable: the state store does not answer, or takes nothing.
            RolloutsDamaged: what is in the state store cannot be read.
        """
        self.check(model)
        for _ in range(_TRIES):
            with self._storing:
                changed = self._replace(model, decide, revision, reason)
            if changed:
                self._announce(model, changed.models[model])
                return changed.models[model]
        raise RolloutChanged(
            f"expected no other change while the rollout of {model} is written",
            got=f"others, {_TRIES} times",
            remedy="try again",
        )

    def _replace(
        self, model: str, decide: Decide, revision: int | None, reason: str
    ) -> Kept | None:
        """Write another rollout; return what is kept then, None if another was faster."""
        assert self._store, "checked"  # noqa: S101 - for the type checker
        read = self._store.read(KEY, within=self._seconds)
        kept = parse_kept(read.value)
        there = kept.models.get(model, Ruled())
        if revision is not None and revision != there.revision:
            raise RolloutChanged(
                f"expected the rollout of {model} at revision {revision}",
                got=f"revision {there.revision}",
                remedy="read it again, and decide anew",
            )
        changed = kept.change(model, decide(there.rollout), reason)
        value = changed.model_dump_json().encode()
        if self._store.replace(KEY, read, value, within=self._seconds):
            self._take(changed)
            return changed
        if self._store.read(KEY, within=self._seconds) == read:
            # Redis says the same of a write that it refuses as of one that comes second.
            raise StoreUnavailable(
                "expected a state store that takes what is written",
                got="no other value than before, which nobody has changed meanwhile",
                remedy="check that its component may write, and try again",
            )
        return None

    def start(self) -> None:
        """Follow what the store and the file say, in the background."""
        self._follow_file()
        self._renew()
        threading.Thread(target=self._follow, name="rollouts", daemon=True).start()

    def stop(self) -> None:
        """Follow no more; what holds holds on."""
        self._stopped.set()

    def _follow(self) -> None:
        while not self._stopped.is_set():
            self._follow_store()
            self._follow_file()
            self._renew()
            self._stopped.wait(SECONDS)

    def _follow_store(self) -> None:
        if self._store is None:
            return
        try:
            with self._storing:
                self._take(parse_kept(self._store.read(KEY, within=self._seconds).value))
        except (StoreUnavailable, InvalidRollout) as error:
            self._note_unread(f"the rollouts in the state store cannot be read: {error}")
        else:
            self._note_unread("")

    def _note_unread(self, reason: str) -> None:
        if reason and not self._unread:
            _log.warning("%s", reason)
        with self._lock:
            self._unread = reason

    def _follow_file(self) -> None:
        if self._path is None:
            return
        state = None
        try:
            state = _identify(self._path)
            if state == self._files.state:
                return
            self._stopped.wait(_SETTLE)
            with self._path.open("rb") as file:
                data = file.read(LARGEST_FILE + 1)
            if _identify(self._path) != state:
                return  # half of it may have been written; the next look sees more
            files = _Files(parse_file(data), state)
        except FileNotFoundError:
            files = _Files({})
        except (OSError, InvalidRollout) as error:
            # One that cannot be opened is tried again, one with mistakes once it is another one.
            state = state if isinstance(error, InvalidRollout) else None
            files = _Files(self._files.rollouts, state, f"{FILE} is not used: {error}")
            if files.error != self._files.error:
                _log.error("%s", files.error)
        with self._lock:
            self._files = files

    def _take(self, kept: Kept) -> None:
        with self._lock:
            self._kept = kept
        self._renew()

    def _renew(self) -> None:
        """Apply what holds now, if that has changed."""
        with self._lock:
            held = self._find_held()
            if held == self._held:
                return
            before, self._held = self._held or {}, held
            self._apply(held)
        for model in sorted(before.keys() | (held or {}).keys()):
            now = (held or {}).get(model)
            if now != before.get(model):
                said = now.model_dump_json(exclude_defaults=True) if now else "none"
                _log.info("rollout of model %s is now: %s", model, said)

    def _find_held(self) -> Mapping[str, Rollout] | None:
        """Return the rollouts that hold, None if the store or the file was never read."""
        if self._kept is None or self._files.rollouts is None:
            return None
        models = self._kept.models.items()
        stored = {model: ruled.rollout for model, ruled in models if ruled.rollout}
        return {**stored, **self._files.rollouts}


def _identify(path: Path) -> tuple[int, int, int]:
    """Return what is another if a file is.

    Raises:
        InvalidRollout: it is no file, such as a pipe, which nobody may ever write into.
        OSError: it cannot be looked at.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise InvalidRollout(
            f"expected {path.name} to be a file",
            got="something else, such as a folder",
            remedy="remove it, or put a file there",
        )
    return status.st_mtime_ns, status.st_size, status.st_ino
