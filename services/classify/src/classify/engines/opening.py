"""Which engine runs which kind of model."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from classify.cards import Kind
from classify.engines.engine import Engine
from classify.engines.litert import LiteRtEngine
from classify.engines.tensorflow import open_frozen_graph, open_saved_model

OpenEngine: TypeAlias = Callable[[Kind, bytes, Sequence[str], Sequence[str]], Engine]


def open_engine(
    kind: Kind, data: bytes, inputs: Sequence[str], outputs: Sequence[str], *, workers: int
) -> Engine:
    """Return the engine that runs the model in `data`.

    Args:
        kind: of the model.
        data: the bytes of its file; of a SavedModel what `packing.pack` makes of its folder.
        inputs: names of the inputs of a frozen graph, if not all.
        outputs: names of its outputs, if not all.
        workers: threads that call it.

    Raises:
        InvalidModel: it cannot be run.
    """
    match kind:
        case Kind.TFLITE:
            return LiteRtEngine(data, workers=workers)
        case Kind.FROZEN_GRAPH:
            return open_frozen_graph(data, workers=workers, inputs=inputs, outputs=outputs)
        case Kind.SAVED_MODEL:
            return open_saved_model(data, workers=workers)
