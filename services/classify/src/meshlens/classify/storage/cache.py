"""Keeps models in the state store under their sha256, so that a new replica needs no origin.

Only a model whose card names its sha256 is stored. The store never decides whether a model can be
loaded: if the model is absent or damaged, or the store slow or down, the origin is used instead.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from meshlens.classify.memory import trim_memory
from meshlens.classify.storage.source import Fetch, Source
from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.settings import MIB

# After a failure the store is not used for this long, so that many models wait for it once.
_PAUSE = 30.0

_log = logging.getLogger(__name__)


class Blobs(Protocol):
    """A store of bytes under their sha256, such as daprkit's BlobStore."""

    def put(self, data: bytes) -> str:
        """Store bytes and return their name."""

    def get(self, name: str) -> bytes | None:
        """Return bytes, verified, or None if they are absent or damaged."""

    def delete(self, name: str) -> None:
        """Delete bytes."""


class ModelCache:
    """Fetches models from the state store, else from their origin.

    Args:
        blobs: the state store.
        origin: returns the bytes of a model from its origin, verified.
        seconds: how long a load waits for the store at most.

    Attributes:
        hits: models that the state store had.
        misses: models that it should have had, and had not.
    """

    def __init__(self, blobs: Blobs, origin: Fetch, *, seconds: float) -> None:
        self.hits = self.misses = 0
        self._blobs = blobs
        self._origin = origin
        self._seconds = seconds
        self._paused_until = 0.0
        self._kept: set[str] = set()
        self._storing = threading.Lock()

    def fetch(self, source: Source) -> bytes:
        """Return the bytes of a model.

        Raises:
            InvalidModel: neither the store nor the origin has them.
        """
        name = source.card.source.sha256
        if not name:
            return self._origin(source)
        data = self._look_up(name)
        if data is not None:
            _log.info("model %s version %s is in the state store", source.model, source.version)
            self.hits += 1
            self._kept.add(name)
            return data
        self.misses += 1
        data = self._origin(source)
        _log.info("model %s version %s is from its origin", source.model, source.version)
        self._in_background(lambda: self._keep(name, data))
        return data

    def collect(self, sources: Iterable[Source]) -> None:
        """Delete blobs that this replica has stored or used and no card names any more."""
        garbage = self._kept - {source.card.source.sha256 for source in sources}
        self._kept -= garbage
        for name in garbage:
            self._in_background(lambda name=name: self._blobs.delete(name))  # type: ignore[misc] # mypy cannot infer a lambda with a default

    def check(self) -> None:
        """Check in the background whether the store returns a mebibyte, and log the result."""
        self._in_background(self._round_trip, then=trim_memory)

    def _round_trip(self) -> None:
        data, began = os.urandom(MIB), time.perf_counter()
        name = self._blobs.put(data)
        back = self._blobs.get(name)
        self._blobs.delete(name)
        if back == data:
            elapsed = (time.perf_counter() - began) * 1000
            _log.info("the state store returns 1 MiB, in %.0f ms", elapsed)
        else:
            _log.warning("the state store does not return 1 MiB: models are not kept in it")

    def _look_up(self, name: str) -> bytes | None:
        """Return the bytes called `name`, None if the store does not return them in time."""
        if time.monotonic() < self._paused_until:
            return None
        found: list[bytes | None] = []
        thread = self._in_background(lambda: found.append(self._blobs.get(name)))
        thread.join(self._seconds)
        if found:
            return found[0]
        _log.warning("the state store has not answered: models come from their origin")
        self._paused_until = time.monotonic() + _PAUSE
        return None

    def _keep(self, name: str, data: bytes) -> None:
        with self._storing:  # one model at a time: each is already in memory once
            self._blobs.put(data)
        self._kept.add(name)

    def _in_background(
        self, work: Callable[[], object], then: Callable[[], None] = lambda: None
    ) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except StoreUnavailable as error:
                _log.warning("%s", error)
            then()

        thread = threading.Thread(target=run, name="cache", daemon=True)
        thread.start()
        return thread
