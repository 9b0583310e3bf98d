"""Opens a model with the engine for its format."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

from meshlens.classify.engines.engine import Engine
from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.engines.worker_client import WorkerClient
from meshlens.classify.formats.card import Kind

OpenEngine: TypeAlias = Callable[[Kind, bytes, Sequence[str], Sequence[str]], Engine]


def open_engine(
    kind: Kind, data: bytes, inputs: Sequence[str], outputs: Sequence[str], *, workers: int
) -> Engine:
    """Return the engine that runs the model in `data`.

    Args:
        kind: its format.
        data: the bytes of its file; for a SavedModel, its folder packed by `packing.pack`.
        inputs: names of a frozen graph's inputs, if not all.
        outputs: names of its outputs, if not all.
        workers: threads that call it.

    Raises:
        InvalidModel: it cannot be run.
    """
    match kind:
        case Kind.TFLITE:
            return LiteRtEngine(data, workers=workers)
        case Kind.FROZEN_GRAPH | Kind.SAVED_MODEL:
            return _tensorflow_worker(workers).open(kind, data, inputs, outputs)


@cache
def _tensorflow_worker(workers: int) -> WorkerClient:
    """Return the worker that all TensorFlow models share."""
    return WorkerClient(workers)
