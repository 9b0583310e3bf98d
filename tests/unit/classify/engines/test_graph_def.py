"""What a TensorFlow model's numbers are is read from its graph, and no call remembers another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from installed import need_module

from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.engines.tensorflow import (
    import_tensorflow,
    open_frozen_graph,
    open_saved_model,
)
from meshlens.classify.formats.producers import Numbers
from meshlens.classify.formats.tflite_graph import read_graphs

pytestmark = pytest.mark.slow

Build = Callable[[Any, Any], Any]
BUILDS: dict[str, tuple[Build, Numbers]] = {
    "softmax": (lambda tf, x: tf.nn.softmax(x), Numbers.DISTRIBUTION),
    "softmax in a function": (
        lambda tf, x: tf.function(tf.nn.softmax)(tf.identity(x)),
        Numbers.DISTRIBUTION,
    ),
    "exp of log_softmax": (lambda tf, x: tf.exp(tf.nn.log_softmax(x)), Numbers.DISTRIBUTION),
    "slice of a softmax": (lambda tf, x: tf.nn.softmax(x)[:, :2], Numbers.PROBABILITIES),
    "mean of two": (
        lambda tf, x: (tf.nn.softmax(x) + tf.nn.softmax(2 * x)) / 2,
        Numbers.PROBABILITIES,
    ),
    "clip": (lambda tf, x: tf.clip_by_value(tf.sigmoid(x), 0.0, 1.0), Numbers.PROBABILITIES),
    "logits": (lambda tf, x: tf.matmul(x, tf.ones((3, 3))) + 1.0, Numbers.REALS),
    "argmax": (lambda tf, x: tf.cast(tf.argmax(x, -1), tf.float32), Numbers.INDICES),
    "top-k": (lambda tf, x: tf.math.top_k(tf.nn.softmax(x), 2).values, Numbers.SORTED),
    "classes of a top-k": (lambda tf, x: tf.math.top_k(x, 2).indices, Numbers.INDICES),
    "hidden": (lambda tf, x: tf.nn.relu(x), Numbers.UNKNOWN),
}


@pytest.fixture(scope="module")
def tf() -> Any:  # noqa: ANN401 - TensorFlow ships no types
    need_module("tensorflow", "uv sync --group train")
    return import_tensorflow(1)


@pytest.fixture(scope="module")
def saved(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ANN401 - as above
    """A SavedModel that computes all of them."""
    folder = tmp_path_factory.mktemp("numbers")
    model = tf.Module()
    model.all = tf.function(
        lambda x: {name: build(tf, x) for name, (build, _) in BUILDS.items()},
        input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")],
    )
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.all})
    return folder


def test_each_output_of_a_saved_model_is_judged_by_its_operators(saved: Path) -> None:
    (signature,) = open_saved_model(saved, workers=1).signatures.values()
    found = {spec.name: spec.numbers for spec in signature.outputs}
    assert found == {name: expected for name, (_, expected) in BUILDS.items()}


@pytest.mark.parametrize("name", [name for name in BUILDS if "function" not in name])
def test_the_output_of_a_frozen_graph_is_judged_by_its_operators(tf: Any, name: str) -> None:  # noqa: ANN401 - as above
    build, expected = BUILDS[name]
    with tf.Graph().as_default() as graph:
        tf.identity(build(tf, tf.compat.v1.placeholder(tf.float32, (None, 3), "x")), "y")
    data = graph.as_graph_def().SerializeToString()
    engine = open_frozen_graph(data, workers=1, outputs=["y"])
    (signature,) = engine.signatures.values()
    assert [spec.numbers for spec in signature.outputs] == [expected]


@pytest.fixture(scope="module")
def counting(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ANN401 - as above
    """A SavedModel that adds what it gets to what it got before."""
    folder = tmp_path_factory.mktemp("counting")
    model = tf.Module()
    model.total, model.factor = tf.Variable([1.0]), tf.Variable([10.0])

    def add(x: Any) -> Any:  # noqa: ANN401 - as above
        model.total.assign_add(x)
        return {"y": model.total * model.factor}

    model.add = tf.function(add, input_signature=[tf.TensorSpec([1], tf.float32, name="x")])
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.add})
    return folder


def test_a_saved_model_that_assigns_variables_starts_each_call_from_rest(counting: Path) -> None:
    (signature,) = open_saved_model(counting, workers=2).signatures.values()
    inputs = [{"x": np.array([level], np.float32)} for level in range(20)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(signature.run, inputs))
    assert [answer["y"].item() for answer in answers] == [10.0 * (1 + level) for level in range(20)]


def test_a_tflite_file_that_assigns_variables_starts_each_call_from_rest(
    tf: Any,  # noqa: ANN401 - as above
    counting: Path,
) -> None:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(counting))
    converter.experimental_enable_resource_variables = True
    data = converter.convert()
    assert read_graphs(data).assigns
    (signature,) = LiteRtEngine(data, workers=1).signatures.values()
    for _ in range(3):
        (answer,) = signature.run({"x": np.array([1], np.float32)}).values()
        assert answer.item() == 20
