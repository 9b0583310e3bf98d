"""Opens a model with the engine for its format."""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from meshlens.classify.engines.bounds import NO_BOUNDS, Bounds
from meshlens.classify.engines.engine import Engine
from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.formats.card import Kind
from meshlens.classify.formats.tflite_risks import find_risk

if TYPE_CHECKING:
    from meshlens.classify.engines.worker_client import WorkerClient

_log = logging.getLogger(__name__)

OpenEngine: TypeAlias = Callable[[Kind, bytes, Sequence[str], Sequence[str]], Engine]


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
    runs it; then, as TensorFlow's models do, in another one.

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
            risk = find_risk(data)
            if not risk:
                return LiteRtEngine(data, workers=workers)
            _log.info("a model runs in a process of its own: it has %s", risk)
        case Kind.FROZEN_GRAPH | Kind.SAVED_MODEL:
            pass
    return _worker_client(workers, bounds).open(kind, data, inputs, outputs)


def open_apart(
    kind: Kind,
    data: bytes,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    bounds: Bounds = NO_BOUNDS,
) -> Engine:
    """Return the engine that runs the model in `data`, in a process that nothing else uses.

    The process computes only while nothing else wants to.

    Args:
        kind: its format.
        data: the bytes of its file or folder.
        inputs: names of a frozen graph's inputs, if not all.
        outputs: names of its outputs, if not all.
        bounds: what its calls may take.

    Raises:
        InvalidModel: it cannot be run.
    """
    return _make_worker_client(1, bounds, last=True).open(kind, data, inputs, outputs)


@cache
def _worker_client(workers: int, bounds: Bounds) -> "WorkerClient":
    """Return what has the process that all TensorFlow models share."""
    return _make_worker_client(workers, bounds)


def _make_worker_client(workers: int, bounds: Bounds, *, last: bool = False) -> "WorkerClient":
    from meshlens.classify.engines.worker_client import (  # noqa: PLC0415 - multiprocessing is 2 MiB, which most models do without
        WorkerClient,
    )

    return WorkerClient(workers, bounds, last=last)
