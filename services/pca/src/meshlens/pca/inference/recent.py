"""Fits in memory: those that were used last, as long as the store has them."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from meshlens.pca.errors import FitNotFound
from meshlens.pca.models import ModelStore, decode_model, is_id
from meshlens.pca.numbers.decomposition import PcaModel

# An id stands for one model for ever; what can change is whether the store still has it.
_TRUSTED_SECONDS = 1.0
_MOST_BYTES = 64 << 20
# Of a model besides its numbers.
_LEAST_BYTES = 4096


@dataclass(slots=True, eq=False)
class _Kept:
    """A model in memory.

    Attributes:
        model: the model.
        size: bytes that it counts for.
        seen: when it was last known to be in the store.
    """

    model: PcaModel
    size: int
    seen: float


class RecentFits:
    """Decoded models by their ids; safe to use from any number of threads.

    A model that was found in the store within the last second is returned as it is; later, the
    store is asked whether it still has it, but not for the whole of it.

    Args:
        store: has them all.
        most_bytes: of the documents of those in memory; the ones not used for longest go first.
        clock: seconds that never go back.

    Attributes:
        hits: how often a model was in memory.
        misses: how often it was not, and might have been in the store.
    """

    def __init__(
        self,
        store: ModelStore,
        *,
        most_bytes: int = _MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hits = self.misses = 0
        self._store = store
        self._most_bytes = most_bytes
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def find(self, model_id: str) -> PcaModel:
        """Return the model with an id.

        Raises:
            FitNotFound: there is none.
            StoreUnavailable: it is not in memory, or no longer known to be in the store, which
                does not answer.
        """
        # What can be no id never reaches the store.
        if not is_id(model_id):
            raise _not_found(model_id)
        now = self._clock()
        with self._lock:
            kept = self._kept.get(model_id)
            if kept:
                self._kept.move_to_end(model_id)
                self.hits += 1
            else:
                self.misses += 1
        if kept is None:
            return self._load(model_id, now)
        if now - kept.seen >= _TRUSTED_SECONDS:
            if not self._store.has(model_id):
                self.forget(model_id)
                raise _not_found(model_id)
            kept.seen = now
        return kept.model

    def forget(self, model_id: str) -> None:
        """Keep a model in memory no longer, if it is there."""
        with self._lock:
            kept = self._kept.pop(model_id, None)
            self._bytes -= kept.size if kept else 0

    def _load(self, model_id: str, now: float) -> PcaModel:
        data = self._store.get(model_id)
        if data is None:
            raise _not_found(model_id)
        kept = _Kept(decode_model(data), len(data) + _LEAST_BYTES, now)
        with self._lock:
            if model_id not in self._kept and kept.size <= self._most_bytes:
                self._kept[model_id] = kept
                self._bytes += kept.size
            while self._bytes > self._most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.size
        return kept.model


def _not_found(model_id: str) -> FitNotFound:
    return FitNotFound(
        "expected the id of a stored fit", got=repr(model_id), remedy="use an id that fit answered"
    )
