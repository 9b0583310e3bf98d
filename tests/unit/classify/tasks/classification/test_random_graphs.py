"""Any small graph is answered as its interpreter and its labels say, or refused."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.classify.color_graphs import SIDE, Graph
from unit.classify.fake_engine import opened

from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import decode_card
from meshlens.classify.formats.tflite_metadata import Metadata, Normalization
from meshlens.classify.serving.opening import decode_file
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.classification.classifier import Classifier

COLORS = {"red": (200, 60, 60), "green": (60, 200, 60), "blue": (60, 60, 200)}
NAMES = tuple(COLORS)
Tail = Callable[[Graph, int], int]

# How the reals of an input become pixels from 0 to 255 again: a factor and an addend.
INPUTS: dict[str, tuple[str, tuple[float, int] | None, float, float]] = {
    "floats": ("float32", None, 1, 0),
    "bytes": ("uint8", (1.0, 0), 1, 0),
    "centred bytes": ("uint8", (1 / 128, 128), 128, 128),
    "signed bytes": ("int8", (1.0, -128), 1, 0),
    "centred signed bytes": ("int8", (1 / 128, 0), 128, 128),
    "16 bits": ("int16", (255 / 32767, 0), 1, 0),
    "centred 16 bits": ("int16", (1 / 32767, 0), 127.5, 127.5),
}
LAYOUTS = {
    "nhwc": (1, SIDE, SIDE, 3),
    "nchw": (1, 3, SIDE, SIDE),
    "hwc": (SIDE, SIDE, 3),
    "chw": (3, SIDE, SIDE),
}


def sliced(graph: Graph, logits: int) -> int:
    return graph.part(graph.softmax(logits), (0, 0), (1, 3))


def averaged(graph: Graph, logits: int) -> int:
    both = graph.apply("ADD", [graph.softmax(logits), graph.softmax(logits)], (1, 3))
    return graph.apply("MUL", [both, graph.constant(0.5)], (1, 3))


def clipped(graph: Graph, logits: int) -> int:
    return graph.apply("MAXIMUM", [graph.softmax(logits), graph.constant(1e-7)], (1, 3))


def joined(graph: Graph, logits: int) -> int:
    whole = graph.softmax(logits)
    parts = [graph.part(whole, (0, at), (1, size)) for at, size in ((0, 1), (1, 2))]
    return graph.apply("CONCATENATION", parts, (1, 3))


def by_hand(graph: Graph, logits: int) -> int:
    powers = graph.apply("EXP", [logits], (1, 3))
    total = graph.apply("SUM", [powers, graph.constant([1], "int32")], (1, 1))
    return graph.apply("DIV", [powers, total], (1, 3))


def quantized(graph: Graph, logits: int) -> int:
    return graph.apply(
        "QUANTIZE", [graph.softmax(logits)], (1, 3), "uint8", quantization=(1 / 256, 0)
    )


def argmax(graph: Graph, logits: int) -> int:
    best = graph.apply("ARG_MAX", [logits, graph.constant(1, "int32")], (1,), "int64")
    return graph.apply("RESHAPE", [best, graph.constant([1, 1], "int32")], (1, 1), "int64")


# What each answers: the three colors, whether it is red, or nothing that can be read.
COLOR_TAILS: dict[str, Tail] = {
    "softmax": Graph.softmax,
    "logits": lambda _, logits: logits,
    "log softmax": lambda graph, logits: graph.apply("LOG_SOFTMAX", [logits], (1, 3)),
    "sigmoids": lambda graph, logits: graph.apply("LOGISTIC", [logits], (1, 3)),
    "slice": sliced,
    "average": averaged,
    "clip": clipped,
    "joined": joined,
    "by hand": by_hand,
    "quantized": quantized,
}
RED_TAILS: dict[str, Tail] = {
    "logit": lambda graph, logits: graph.part(logits, (0, 0), (1, 1)),
    "sigmoid": lambda graph, logits: graph.apply(
        "LOGISTIC", [graph.part(logits, (0, 0), (1, 1))], (1, 1)
    ),
}
OTHER_TAILS: dict[str, Tail] = {
    "argmax": argmax,
    "embedding": lambda graph, logits: graph.apply("L2_NORMALIZATION", [logits], (1, 3)),
    "percents": lambda graph, logits: graph.apply(
        "MUL", [graph.softmax(logits), graph.constant(100)], (1, 3)
    ),
    "features": lambda graph, logits: graph.apply("RELU", [logits], (1, 3)),
}
TAILS = COLOR_TAILS | RED_TAILS | OTHER_TAILS


@dataclass(frozen=True, slots=True)
class Made:
    """A model, and what it is about."""

    input: str
    layout: str
    tail: str
    further: str
    named: bool
    labels: tuple[str, ...]
    normalization: Normalization | None

    def build(self) -> bytes:
        dtype, scale, factor, addend = INPUTS[self.input]
        graph = Graph(LAYOUTS[self.layout], dtype, scale)
        image, shape = graph.image, LAYOUTS[self.layout]
        if scale:
            image = graph.apply("DEQUANTIZE", [image], shape)
        image = graph.apply("MUL", [image, graph.constant(factor)], shape)
        image = graph.apply("ADD", [image, graph.constant(addend)], shape)
        if len(shape) < 4:
            shape = (1, *shape)
            image = graph.apply("RESHAPE", [image, graph.constant(shape, "int32")], shape)
        if self.layout in ("nchw", "chw"):
            order = graph.constant([0, 2, 3, 1], "int32")
            image = graph.apply("TRANSPOSE", [image, order], (1, SIDE, SIDE, 3))
        logits = graph.channels(image)
        outputs = [TAILS[tail](graph, logits) for tail in (self.tail, self.further) if tail]
        # The one that is meant comes last, and the card names it.
        ordered = outputs[::-1] if self.named else outputs
        metadata = Metadata(normalization=self.normalization) if self.normalization else None
        return graph.finish(*ordered, metadata=metadata)

    def open(self) -> Classifier:
        data = self.build()
        engine = LiteRtEngine(data, workers=1)
        (function,) = engine.signatures.values()
        card = f"output: {{name: {function.outputs[-1].name}}}" if self.named else "{}"
        content = decode_card(card.encode())
        file = decode_file(Source("made", "1", (Path("made.tflite"),), content), data)
        lens = Classifier(opened(engine, file, self.labels, card=content))
        lens.warm_up()
        return lens


MADE = st.builds(
    Made,
    input=st.sampled_from(sorted(INPUTS)),
    layout=st.sampled_from(sorted(LAYOUTS)),
    tail=st.sampled_from(sorted(TAILS)),
    further=st.sampled_from(["", *sorted(TAILS)]),
    named=st.booleans(),
    labels=st.sampled_from([(), NAMES, ("red",), ("not red", "red"), tuple("abcdefgh")]),
    # For bytes it means nothing; floats and 16 bits would be fed what it says.
    normalization=st.none(),
) | st.builds(
    Made,
    input=st.sampled_from(sorted(name for name in INPUTS if "bytes" in name)),
    layout=st.sampled_from(sorted(LAYOUTS)),
    tail=st.sampled_from(sorted(COLOR_TAILS)),
    further=st.just(""),
    named=st.just(False),  # noqa: FBT003 - of a strategy
    labels=st.just(NAMES),
    normalization=st.sampled_from(
        [Normalization((0.0,), (1.0,)), Normalization((127.5,), (127.5,))]
    ),
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(MADE)
def test_a_graph_is_answered_rightly_or_refused(made: Made) -> None:
    try:
        lens = made.open()
    except InvalidModel:
        assert made.tail in OTHER_TAILS or not fits(made)
        return
    assert made.tail not in OTHER_TAILS
    for name, color in COLORS.items():
        (label,) = lens.classify(np.full((SIDE, SIDE, 3), color, np.uint8), top_k=1)
        assert (label.label, label.probability) == pytest.approx(expected(made, name), abs=0.01)


def fits(made: Made) -> bool:
    """Whether the labels are those of the output."""
    if made.tail in RED_TAILS:
        return len(made.labels) in (0, 1, 2)
    if made.tail in ("logits", "log softmax"):
        return made.labels == NAMES
    return len(made.labels) in (0, 3)


def expected(made: Made, name: str) -> tuple[str, float]:
    if made.tail in RED_TAILS:
        if len(made.labels) == 1:
            return "red", float(name == "red")
        named = made.labels or ("0", "1")
        return named[name == "red"], 1.0
    return (name if made.labels else str(NAMES.index(name))), 1.0
