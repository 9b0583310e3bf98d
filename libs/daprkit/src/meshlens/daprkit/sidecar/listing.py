"""The names of what is kept in a state store, which has no list of its keys itself.

Several replicas add names at once. One value, the index, holds the newest names; a replica that
finds it changed since it has read it reads it again. Each name has besides a mark: a value of its
own, written and removed with what it stands for, which expires when that does. A name is listed
as long as it is in the index and its mark is there.
"""

import json
import random
import time
from collections.abc import Sequence
from threading import Lock
from typing import Protocol

import structlog

from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.state import Written

# An index of as many digests has 34 kB, which each addition reads and writes.
MOST = 500
# What adding a name may take of the time of a request, however often it has to begin again.
_SECONDS = 1.0
# Before another try: replicas that have collided should not do so again.
_LONGEST_PAUSE = 0.02
_MARK = b"1"

_log = structlog.get_logger(__name__)


class State(Protocol):
    """What of a `state.StateStore` is used here."""

    def find(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that have a value."""

    def save(self, key: str, value: bytes, *, within: float | None = None) -> None:
        """Write a value, whatever was there."""

    def remove(self, key: str) -> None:
        """Remove a value, if there is one."""

    def read(self, key: str, *, within: float | None = None) -> Written:
        """Return a value that `replace` may replace."""

    def replace(self, key: str, read: Written, value: bytes, *, within: float) -> bool:
        """Write a value unless another has been written since `read`; return whether it is."""


class Listing:
    """A bounded list of names in a state store, the oldest of which are dropped.

    Args:
        state: the store.
        key: of the index; the marks have it as prefix.
        most: how many names there are at most, those counted that have been removed since.
    """

    def __init__(self, state: State, *, key: str, most: int = MOST) -> None:
        self._state = state
        self._key = key
        self._most = most
        # Requests of one replica wait for each other instead of colliding in the store.
        self._turn = Lock()

    def add(self, name: str) -> bool:
        """List a name as the newest, and return whether it is listed; the log says why if not.

        It takes a second at most, and raises nothing: what has the name is kept in any case.
        """
        end = time.monotonic() + _SECONDS
        try:
            self._state.save(self._mark(name), _MARK, within=_SECONDS)
            listed = self._enter(name, end)
        except StoreUnavailable as error:
            _log.warning("not listed", name=name, key=self._key, reason=str(error))
            return False
        if not listed:
            _log.warning(
                "not listed", name=name, key=self._key, reason="others were always first to write"
            )
        return listed

    def remove(self, name: str) -> None:
        """List a name no more.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        self._state.remove(self._mark(name))

    def names(self) -> Sequence[str]:
        """Return the names, the newest first.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        names = self._decode(self._state.read(self._key).value)
        marks = self._state.find([self._mark(name) for name in names]) if names else set()
        return [name for name in names if self._mark(name) in marks]

    def _enter(self, name: str, end: float) -> bool:
        """Put a name in front of the index before `end`; return whether the index has it."""
        if not self._turn.acquire(timeout=max(0.0, end - time.monotonic())):
            return False
        try:
            while (left := end - time.monotonic()) > 0:
                read = self._state.read(self._key, within=left)
                names = self._decode(read.value)
                newest = [name, *(other for other in names if other != name)][: self._most]
                value = json.dumps(newest, separators=(",", ":")).encode()
                left = max(0.001, end - time.monotonic())
                # Whoever has just written it has kept a name that was in it.
                if self._state.replace(self._key, read, value, within=left) or name in names:
                    return True
                time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - no secret
            return False
        finally:
            self._turn.release()

    def _decode(self, value: bytes) -> list[str]:
        """Return the names in an index; none if it is none, as the next addition replaces it."""
        try:
            names = json.loads(value or b"[]")
        except ValueError:
            names = None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return names[: self._most]
        _log.warning("damaged list", key=self._key)
        return []

    def _mark(self, name: str) -> str:
        return f"{self._key}-{name}"


class ListedBlobs:
    """A blob store that says which blobs it keeps.

    Args:
        blobs: keeps them.
        listing: of their names.
    """

    def __init__(self, blobs: BlobStore, listing: Listing) -> None:
        self._blobs = blobs
        self._listing = listing

    def put(self, data: bytes) -> str:
        """Keep `data` and return its sha256; that it cannot be listed is no failure.

        Raises:
            StoreUnavailable: the state store does not take it.
        """
        name = self._blobs.put(data)
        self._listing.add(name)
        return name

    def get(self, name: str) -> bytes | None:
        """Return the bytes called `name`, or None if they are absent or damaged.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        return self._blobs.get(name)

    def has(self, name: str) -> bool:
        """Return whether there are bytes called `name`.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        return self._blobs.has(name)

    def delete(self, name: str) -> None:
        """Delete the bytes called `name`, if present.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        self._listing.remove(name)
        self._blobs.delete(name)

    def names(self) -> Sequence[str]:
        """Return the names of the blobs that are listed, the newest first.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        return self._listing.names()
