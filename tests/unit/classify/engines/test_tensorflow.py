"""TensorFlow behind the engine's protocol: all signatures, named tensors, only our errors."""

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from installed import need_module
from PIL import Image

from meshlens.classify.engines.engine import Signature
from meshlens.classify.engines.tensorflow import (
    import_tensorflow,
    open_frozen_graph,
    open_saved_model,
)
from meshlens.classify.errors import InvalidModel, InvalidTensor, NotEnoughMemory
from meshlens.classify.formats.packing import pack

pytestmark = pytest.mark.slow

WORKERS = 2
# What a chopstick of 10 cm is: the numbers that TensorFlow's own session gives.
TEN = np.array([[3.98174306027e-11, 1.0, 1.83699980923e-18]], np.float32)


@pytest.fixture(scope="module")
def tf() -> Any:  # noqa: ANN401 - TensorFlow ships no types
    need_module("tensorflow", "uv sync --group train")
    return import_tensorflow(WORKERS)


@pytest.fixture(scope="module")
def sums(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ANN401 - as above
    """A SavedModel with two signatures; one of them has two inputs and two outputs."""

    def both(whole: Any, real: Any) -> Mapping[str, object]:  # noqa: ANN401 - as above
        return {"whole": whole + whole, "sum": tf.cast(whole, tf.float32) + real}

    def lengths(text: object) -> Mapping[str, object]:
        return {"lengths": tf.strings.length(text)}

    folder = tmp_path_factory.mktemp("sums")
    model = tf.Module()
    two = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)]
    model.both = tf.function(both, input_signature=two)
    model.lengths = tf.function(lengths, input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(
        model, str(folder), signatures={"both": model.both, "lengths": model.lengths}
    )
    return folder


def frozen(tf: Any, build: Any) -> bytes:  # noqa: ANN401 - TensorFlow ships no types
    """The bytes of the graph that `build` makes."""
    with tf.Graph().as_default() as graph:
        build()
    data: bytes = graph.as_graph_def().SerializeToString()
    return data


@pytest.mark.usefixtures("tf")
@pytest.mark.parametrize("packed", [False, True])
def test_a_chopsticks_class_is_what_it_was_when_it_was_trained(
    shared: Path, *, packed: bool
) -> None:
    folder = shared / "models/chopstick/1"
    engine = open_saved_model(pack(folder) if packed else folder, workers=WORKERS)
    signature = engine.signatures["serving_default"]
    answer = signature.run({"chopstick_length": np.array([[10.0]], np.float32)})
    np.testing.assert_array_equal(answer["classes_prob"], TEN)
    assert [(spec.name, spec.shape) for spec in signature.inputs] == [("chopstick_length", (-1, 1))]
    assert [(spec.name, spec.shape) for spec in signature.outputs] == [("classes_prob", (-1, 3))]


@pytest.mark.usefixtures("tf")
def test_a_frozen_graph_finds_the_faces_of_a_picture(shared: Path) -> None:
    data = (shared / "models/mtcnn/mtcnn.pb").read_bytes()
    engine = open_frozen_graph(data, workers=WORKERS, outputs=("prob", "box"))
    signature = engine.signatures["serving_default"]
    assert [spec.name for spec in signature.inputs] == ["input", "min_size", "thresholds", "factor"]
    with Image.open(shared / "images/solvay.jpg") as picture:
        pixels = np.asarray(picture.convert("RGB"), np.float32)[:, :, ::-1]
    answer = signature.run(
        {
            "input": pixels,
            "min_size": np.float32(20.0),  # type: ignore[dict-item] # a scalar is an array of no axes
            "thresholds": np.array([0.6, 0.7, 0.7], np.float32),
            "factor": np.float32(0.709),  # type: ignore[dict-item] # a scalar is an array of no axes
        }
    )
    assert {name: array.shape for name, array in answer.items()} == {"prob": (30,), "box": (30, 4)}


def test_every_signature_of_a_saved_model_can_be_called(sums: Path) -> None:
    signatures = open_saved_model(sums, workers=WORKERS).signatures
    assert list(signatures) == ["both", "lengths"]
    both = signatures["both"].run(
        {"whole": np.array([1, 2], np.int32), "real": np.array([0.5, 0.25], np.float32)}
    )
    assert both["whole"].tolist() == [2, 4]
    assert both["sum"].tolist() == [1.5, 2.25]
    lengths = signatures["lengths"].run({"text": np.array([b"a", b"abc"], object)})
    assert lengths["lengths"].tolist() == [1, 3]


def test_what_the_graph_cannot_compute_is_the_callers_fault(sums: Path) -> None:
    both = open_saved_model(sums, workers=WORKERS).signatures["both"]
    with pytest.raises(InvalidTensor, match="cannot compute with these inputs"):
        both.run({"whole": np.array([1, 2], np.int32), "real": np.zeros(3, np.float32)})


@pytest.fixture(scope="module")
def odd(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Signature]:  # noqa: ANN401 - as above
    """Functions with reasons of their own to refuse, and with unusual outputs."""

    def above(x: Any) -> Mapping[str, object]:  # noqa: ANN401 - as above
        check = tf.debugging.assert_greater(tf.reduce_sum(x), 0.0, message="weights must add up")
        with tf.control_dependencies([check]):
            return {"y": tf.identity(x)}

    functions: Mapping[str, Any] = {
        "above": above,
        "pick": lambda x: {"y": tf.gather(tf.constant([1, 2]), tf.cast(x, tf.int32))},
        "huge": lambda x: {"y": tf.zeros([tf.cast(x[0], tf.int32), 1 << 15, 1 << 15, 1 << 10])},
        "text": lambda x: {"y": tf.strings.as_string(tf.reduce_sum(x), precision=1)},
        "waves": lambda x: {"y": tf.complex(x, -x)},
    }
    folder, model = tmp_path_factory.mktemp("odd"), tf.Module()
    for name, function in functions.items():
        signature = [tf.TensorSpec([None], tf.float32, name="x")]
        setattr(model, name, tf.function(function, input_signature=signature))
    tf.saved_model.save(
        model, str(folder), signatures={name: getattr(model, name) for name in functions}
    )
    return open_saved_model(folder, workers=WORKERS).signatures


@pytest.mark.parametrize(
    ("function", "number", "reason"),
    [
        ("above", -1.0, r"inputs: assertion failed: \[weights must add up\]"),
        ("pick", 7.0, r"inputs: indices\[0\] = 7 is not in \[0, 2\)"),
    ],
)
def test_the_models_own_reason_reaches_the_caller(
    odd: Mapping[str, Signature], function: str, number: float, reason: str
) -> None:
    with pytest.raises(InvalidTensor, match=reason) as fault:
        odd[function].run({"x": np.array([number], np.float32)})
    told = str(fault.value)
    assert [noise for noise in ("Graph execution", "node", "[Op:", "\n") if noise in told] == []


def test_memory_that_there_is_not_is_no_fault_of_the_service(odd: Mapping[str, Signature]) -> None:
    with pytest.raises(NotEnoughMemory, match=r"OOM when allocating tensor with shape\[1000,"):
        odd["huge"].run({"x": np.array([1000], np.float32)})


def test_a_single_text_and_complex_numbers_are_arrays(odd: Mapping[str, Signature]) -> None:
    text = odd["text"].run({"x": np.array([1.5], np.float32)})["y"]
    assert (text.shape, text.dtype.kind, text.tolist()) == ((), "O", b"1.5")
    waves = odd["waves"].run({"x": np.array([1.5], np.float32)})["y"]
    assert waves.tolist() == [1.5 - 1.5j]


def test_threads_get_the_answers_that_one_thread_gets(sums: Path) -> None:
    both = open_saved_model(sums, workers=WORKERS).signatures["both"]

    def ask(number: int) -> float:
        tensors = {"whole": np.array([number], np.int32), "real": np.array([0.5], np.float32)}
        return float(both.run(tensors)["sum"][0])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(200))) == [number + 0.5 for number in range(200)]


def test_a_graphs_inputs_and_outputs_are_found_and_can_be_chosen(tf: Any) -> None:  # noqa: ANN401 - as above
    def build() -> None:
        v1 = tf.compat.v1
        doubled = tf.add(
            v1.placeholder(tf.int32, [None], name="a"), v1.placeholder(tf.int32, [None], name="b")
        )
        tf.identity(doubled, name="sum")
        tf.square(doubled, name="square")

    data = frozen(tf, build)
    whole = open_frozen_graph(data, workers=WORKERS).signatures["serving_default"]
    assert [spec.name for spec in whole.inputs] == ["a", "b"]
    assert [spec.name for spec in whole.outputs] == ["sum", "square"]
    assert whole.inputs[0].shape == (-1,)
    chosen = open_frozen_graph(data, workers=WORKERS, inputs=("b", "a"), outputs=("square:0",))
    answer = chosen.signatures["serving_default"].run(
        {"a": np.array([1], np.int32), "b": np.array([2], np.int32)}
    )
    assert {name: array.tolist() for name, array in answer.items()} == {"square:0": [9]}
    with pytest.raises(InvalidModel, match="nope"):
        open_frozen_graph(data, workers=WORKERS, outputs=("nope",))


def test_an_operation_that_nobody_knows_fails_by_its_name(tf: Any) -> None:  # noqa: ANN401 - as above
    definition = tf.compat.v1.GraphDef()
    definition.node.add(name="x", op="NoSuchOperation")
    with pytest.raises(InvalidModel, match="NoSuchOperation"):
        open_frozen_graph(definition.SerializeToString(), workers=WORKERS)


@pytest.mark.usefixtures("tf")
@pytest.mark.parametrize("data", [b"", b"no graph", bytes(100), b"\xff" * 40])
def test_bytes_that_are_no_graph_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidModel, match="frozen graph"):
        open_frozen_graph(data, workers=WORKERS)


@pytest.mark.usefixtures("tf")
def test_a_folder_that_is_no_saved_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="TensorFlow cannot load the SavedModel"):
        open_saved_model(tmp_path, workers=WORKERS)
    (tmp_path / "saved_model.pb").write_bytes(b"half a file")
    with pytest.raises(InvalidModel, match="TensorFlow cannot load the SavedModel"):
        open_saved_model(tmp_path, workers=WORKERS)


def test_a_missing_tensorflow_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(InvalidModel, match=r"install meshlens-classify\[tensorflow\]"):
        open_frozen_graph(b"", workers=WORKERS)


def test_the_service_does_not_import_tensorflow() -> None:
    program = (
        "import sys, meshlens.classify.server, meshlens.classify.cli;"
        "sys.exit(any(name.partition('.')[0] == 'tensorflow' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
