"""Opens a model with the engine for its format."""

import logging
from collections.abc import Sequence
from functools import cache

from meshlens.classify.engines.bounds import NO_BOUNDS, Bounds
from meshlens.classify.engines.engine import Engine
from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.engines.worker_client import WorkerClient
from meshlens.classify.formats.card import Kind
from meshlens.classify.formats.tflite_risks import find_risk

# Bytes of a .tflite file. LiteRT holds the GIL while it opens one, for about a millisecond a MiB,
# in which nothing else is answered; a call of one of these takes longer than what a process adds.
LARGEST_HERE = 16 << 20

_log = logging.getLogger(__name__)


def open_engine(
    kind: Kind,
    data: bytes,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    workers: int,
    bounds: Bounds = NO_BOUNDS,
) -> Engine:
    """Return the engine that runs the model in `data`.

    A .tflite model runs in this process, unless something in it may end or exhaust the process that
    runs it, or opening it would keep others waiting; then, as TensorFlow's models do, in another
    one.

    Args:
        kind: its format.
        data: the bytes of its file; for a SavedModel, its folder packed by `packing.pack`.
        inputs: names of a frozen graph's inputs, if not all.
        outputs: names of its outputs, if not all.
        workers: threads that call it.
        bounds: what the calls of models in one worker process may take.

    Raises:
        InvalidModel: it cannot be run.
    """
    match kind:
        case Kind.TFLITE:
            large = f"more than {LARGEST_HERE >> 20} MiB" if len(data) > LARGEST_HERE else ""
            reason = find_risk(data) or large
            if not reason:
                return LiteRtEngine(data, workers=workers)
            _log.info("a model runs in a process of its own: it has %s", reason)
        case Kind.FROZEN_GRAPH | Kind.SAVED_MODEL:
            pass
    return _worker_client(workers, bounds).open(kind, data, inputs, outputs)


@cache
def _worker_client(workers: int, bounds: Bounds) -> WorkerClient:
    """Return what has the process that all TensorFlow models share."""
    return WorkerClient(workers, bounds)
