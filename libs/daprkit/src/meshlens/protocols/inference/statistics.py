"""What has been computed since the start: counts and durations of each version."""

import copy
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from meshlens.protocols.models import Lookup

# Sizes of batches that are counted apart; callers choose them.
_MOST_SIZES = 128
# Versions that are known at once; where callers make models, there is no end of them.
_MOST_VERSIONS = 1000


@dataclass(slots=True)
class Duration:
    """How often something took place, and how many nanoseconds it took in total."""

    count: int = 0
    ns: int = 0

    def add(self, ns: int) -> None:
        """Count it once more."""
        self.count += 1
        self.ns += ns


@dataclass(slots=True)
class BatchStatistics:
    """What requests of one size of batch took."""

    compute_input: Duration = field(default_factory=Duration)
    compute_infer: Duration = field(default_factory=Duration)
    compute_output: Duration = field(default_factory=Duration)


@dataclass(slots=True)
class ModelStatistics:
    """The requests of one version.

    Attributes:
        name: of the model.
        version: its number.
        last_inference: when it last began to compute, in milliseconds since 1970; 0 for never.
        inference_count: elements of batches that were computed.
        execution_count: runs of the model.
        success: requests that were answered.
        fail: requests that were not.
        queue: how long they waited.
        compute_input: how long reading their inputs took.
        compute_infer: how long the model computed.
        compute_output: how long making their outputs took.
        cache_hit: how long it took to find outputs that were kept.
        cache_miss: how long it took to look for others in vain, and to keep them.
        batches: the same by size of batch, for the first sizes that came.
    """

    name: str
    version: str
    last_inference: int = 0
    inference_count: int = 0
    execution_count: int = 0
    success: Duration = field(default_factory=Duration)
    fail: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    compute_input: Duration = field(default_factory=Duration)
    compute_infer: Duration = field(default_factory=Duration)
    compute_output: Duration = field(default_factory=Duration)
    cache_hit: Duration = field(default_factory=Duration)
    cache_miss: Duration = field(default_factory=Duration)
    batches: dict[int, BatchStatistics] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timing:
    """What one request took, in nanoseconds.

    Attributes:
        queue: until it began.
        read: to read its inputs.
        run: to run the model, and to look for outputs that are kept.
        made: to make its outputs.
        batch: elements of its batch; 1 for a model without one.
        lookup: for outputs that are kept; None if there was none.
    """

    queue: int
    read: int
    run: int
    made: int
    batch: int
    lookup: Lookup | None = None


class Statistics:
    """Counts requests by version; safe to use from any number of threads.

    Args:
        most: versions that are known at once. Another makes those of the one forgotten whose last
            request is the longest ago.
    """

    def __init__(self, *, most: int = _MOST_VERSIONS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._versions: OrderedDict[tuple[str, str], ModelStatistics] = OrderedDict()

    def succeeded(self, model: str, version: str, timing: Timing) -> None:
        """Count a request that was answered; as computed only if its outputs were not kept."""
        now = time.time_ns() // 1_000_000
        lookup = timing.lookup
        with self._lock:
            known = self._find(model, version)
            known.success.add(timing.queue + timing.read + timing.run + timing.made)
            known.queue.add(timing.queue)
            if lookup and lookup.found:
                known.cache_hit.add(lookup.ns)
                return
            run = timing.run
            if lookup:
                known.cache_miss.add(lookup.ns)
                run -= lookup.ns
            known.last_inference = now
            known.inference_count += timing.batch
            known.execution_count += 1
            known.compute_input.add(timing.read)
            known.compute_infer.add(run)
            known.compute_output.add(timing.made)
            if timing.batch in known.batches or len(known.batches) < _MOST_SIZES:
                batch = known.batches.setdefault(timing.batch, BatchStatistics())
                batch.compute_input.add(timing.read)
                batch.compute_infer.add(run)
                batch.compute_output.add(timing.made)

    def failed(self, model: str, version: str, ns: int) -> None:
        """Count a request that was not answered, which took so long."""
        with self._lock:
            self._find(model, version).fail.add(ns)

    def read(self, model: str, version: str) -> ModelStatistics:
        """Return what is known of a version, zeros if it has had no request."""
        with self._lock:
            known = self._versions.get((model, version))
            return copy.deepcopy(known) if known else ModelStatistics(model, version)

    def _find(self, model: str, version: str) -> ModelStatistics:
        """Return what a request of a version is added to."""
        known = self._versions.setdefault((model, version), ModelStatistics(model, version))
        self._versions.move_to_end((model, version))
        if len(self._versions) > self._most:
            self._versions.popitem(last=False)
        return known
