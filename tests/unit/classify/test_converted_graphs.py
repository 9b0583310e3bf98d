"""Random small graphs by TensorFlow's converter: each is read rightly, or refused with a reason.

What is right is known from how a graph was made (which pixels it wants, which operator comes last)
and from what LiteRT's own interpreter makes of the same pixels.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from installed import need_module
from numpy.typing import NDArray
from PIL import Image
from unit.classify.pictures import LIMIT, encode

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.engines.tensorflow import import_tensorflow
from meshlens.classify.errors import ClassifyError
from meshlens.classify.formats.card import Task
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import Servable
from meshlens.classify.tasks.classification.classifier import Classifier, ClassifyOptions
from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.detector import DetectOptions, Detector
from meshlens.classify.tasks.lens import Payload

# On a busy machine TensorFlow's import alone may take the suite's usual two minutes.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # The converter asks for statistics that only models of TensorFlow 1 have.
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning"),
]

BATCHES, IN_EACH = 15, 20
# Which share of the classifiers and detectors must be read: a suite that refuses all is right, too.
READ = 0.6

PROBABILITIES = ("softmax", "slice", "reshape", "average", "clip", "sigmoid")
LOGITS = ("logits", "logit")
OTHER = ("argmax", "top_k", "mask", "two_inputs", "vector")
DETECTORS = ("ssd", "yolov8", "yolov5")
# Integers by their type: what the first and the last pixel are, and how the output is quantized.
RANGES = {"float32": (0, 255), "uint8": (0, 255), "int8": (-1, 1), "int16": (-1, 1)}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a graph is to be.

    Attributes:
        last: its last operator, or its kind.
        dtype: of input and output.
        shape: (h, w, channels).
        first: whether channels come before rows.
        classes: how many it has.
        labels: whether there is a label file.
        order: of several outputs.
    """

    last: str
    dtype: str
    shape: tuple[int, int, int]
    first: bool
    classes: int
    labels: bool
    order: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The labels."""
        single = self.last in ("sigmoid", "logit")
        return tuple(f"thing {number}" for number in range(2 if single else self.classes))


def draw(rng: np.random.Generator) -> Plan:
    """Return a random plan."""
    last = str(rng.choice([*PROBABILITIES, *LOGITS, *OTHER, *DETECTORS]))
    detects = last in DETECTORS
    quantized = last in ("softmax", "reshape", "logits", "sigmoid")
    dtype = str(rng.choice(["float32", "uint8", "int8", "int16"] if quantized else ["float32"]))
    side = (64, 96) if detects else (int(rng.integers(6, 20)), int(rng.integers(6, 20)))
    return Plan(
        last=last,
        dtype=dtype,
        shape=(*side, 3 if detects else int(rng.choice([1, 3]))),
        first=bool(rng.random() < 0.3) and not detects and dtype == "float32",
        classes=int(rng.integers(2, 9)),
        labels=bool(rng.random() < 0.5),
        order=tuple(int(place) for place in rng.permutation(4)),
    )


def scores_of(tf: Any, plan: Plan, rng: np.random.Generator) -> Callable[[Any], Any]:  # noqa: ANN401 - TensorFlow ships no types
    """Return what computes the classes' numbers from pixels."""
    low, high = RANGES[plan.dtype]
    count = 1 if plan.last in ("sigmoid", "logit") else plan.classes
    channels = plan.shape[2]
    weights = tf.constant(rng.normal(0, 24 / (high - low), (channels, count)).astype(np.float32))
    offset = tf.constant(rng.normal(0, 0.5, (1, count)).astype(np.float32))
    middle = (low + high) / 2

    def compute(image: Any) -> Any:  # noqa: ANN401 - as above
        means = tf.reduce_mean(image, [2, 3] if plan.first else [1, 2])
        return tf.matmul(means - middle, weights) + offset

    return compute


def build(tf: Any, plan: Plan, rng: np.random.Generator) -> bytes:  # noqa: ANN401 - as above
    """Return the .tflite file of a plan."""
    numbers = scores_of(tf, plan, rng)
    endings: Mapping[str, Callable[..., Any]] = {
        "softmax": lambda x: tf.nn.softmax(numbers(x)),
        "slice": lambda x: tf.nn.softmax(numbers(x))[0],
        "reshape": lambda x: tf.reshape(tf.nn.softmax(numbers(x)), (1, 1, 1, plan.classes)),
        "average": lambda x: (tf.nn.softmax(numbers(x)) + tf.nn.softmax(numbers(x) / 2)) / 2,
        "clip": lambda x: tf.clip_by_value(tf.nn.softmax(numbers(x)), 1e-7, 1.0),
        "sigmoid": lambda x: tf.sigmoid(numbers(x)),
        "logits": numbers,
        "logit": numbers,
        "argmax": lambda x: tf.argmax(numbers(x), -1),
        "top_k": lambda x: tf.nn.top_k(numbers(x), 2)[1],
        "mask": tf.nn.softmax,
        "vector": tf.nn.softmax,
        "ssd": lambda x: _answer_boxes(tf, plan, x),
        "yolov8": lambda x: _answer_yolo(tf, plan, x),
        "yolov5": lambda x: _answer_yolo(tf, plan, x),
    }
    height, width, channels = plan.shape
    picture = (1, channels, height, width) if plan.first else (1, height, width, channels)
    shape = (1, height) if plan.last == "vector" else picture
    specs = [tf.TensorSpec(shape, tf.float32, name="image")]
    function = endings.get(plan.last, lambda x, y: tf.nn.softmax(numbers(x) * y))
    if plan.last == "two_inputs":
        specs.append(tf.TensorSpec((1, 1), tf.float32, name="factor"))
    concrete = tf.function(function).get_concrete_function(*specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if plan.dtype != "float32":
        _quantize(tf, converter, plan, rng)
    data: bytes = converter.convert()
    return data


def _quantize(tf: Any, converter: Any, plan: Plan, rng: np.random.Generator) -> None:  # noqa: ANN401 - as above
    low, high = RANGES[plan.dtype]
    shape = (1, *plan.shape)

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for level in (low, high):
            yield [np.full(shape, level, np.float32)]
        for _ in range(20):
            yield [rng.uniform(low, high, shape).astype(np.float32)]

    sets = tf.lite.OpsSet
    wide = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [
        wide if plan.dtype == "int16" else sets.TFLITE_BUILTINS_INT8
    ]
    converter.inference_input_type = getattr(tf, plan.dtype)
    converter.inference_output_type = getattr(tf, plan.dtype)


# One box of each answer: y1, x1, y2, x2, its class and its score.
BOX, SCORE = (0.25, 0.125, 0.75, 0.5), 0.875


def _answer_boxes(tf: Any, plan: Plan, image: Any) -> list[Any]:  # noqa: ANN401 - as above
    """Return boxes, classes, scores and count in the plan's order."""
    zero = tf.reduce_sum(image) * 0
    answers = (
        tf.constant([[BOX, (0, 0, 1, 1), (0, 0, 0.5, 0.5)]]),
        tf.constant([[plan.classes - 1.0, 0.0, 0.0]]),
        tf.constant([[SCORE, 0.25, 0.0]]),
        tf.constant([2.0]),
    )
    return [answers[place] + zero for place in plan.order]


def _answer_yolo(tf: Any, plan: Plan, image: Any) -> Any:  # noqa: ANN401 - as above
    height, width, _ = plan.shape
    five = plan.last == "yolov5"
    places = sum(width // stride * (height // stride) for stride in (8, 16, 32))
    table = np.zeros((3 * places if five else places, (5 if five else 4) + plan.classes), "float32")
    top, left, bottom, right = BOX
    table[:, :4] = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    table[7, -1] = SCORE
    if five:
        table[7, 4] = 1
    flat = table if five else table.T
    return tf.constant(flat[np.newaxis]) + tf.reduce_sum(image) * 0


def expect(plan: Plan, data: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the probabilities that LiteRT and the plan give for an image."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    image = pixels.astype(np.float64)
    match plan.dtype:
        case "int8":
            image -= 128
        case "int16":
            low, high = RANGES[plan.dtype]
            scale, zero = given["quantization"]
            real = image / 255 * (high - low) + low
            image = np.rint(real / scale + zero).clip(-32768, 32767)
    if plan.first:
        image = image.transpose(2, 0, 1)
    interpreter.set_tensor(given["index"], image[np.newaxis].astype(given["dtype"]))
    interpreter.invoke()
    numbers = interpreter.get_tensor(answer["index"]).ravel().astype(np.float64)
    scale, zero = answer["quantization"]
    real = (numbers - zero) * scale if scale else numbers
    match plan.last:
        case "logits":
            powers = np.exp(real - real.max())
            return np.asarray(powers / powers.sum())
        case "logit":
            real = 1 / (1 + np.exp(-real))
    return np.array([1 - real[0], real[0]]) if plan.last in ("sigmoid", "logit") else real


def write(folder: Path, plan: Plan, data: bytes) -> None:
    """Put a model and perhaps its labels into a folder of their own."""
    folder.mkdir()
    (folder / "m.tflite").write_bytes(data)
    if plan.labels:
        (folder / "labels.txt").write_text("".join(f"{name}\n" for name in plan.names))


def check_classifier(plan: Plan, servable: Servable, data: bytes, rng: np.random.Generator) -> bool:
    """Return whether the model classifies; its answers must be the interpreter's."""
    lens = servable.lens
    if not isinstance(lens, Classifier):
        return False
    assert plan.last in PROBABILITIES + LOGITS
    names = plan.names if plan.labels else tuple(str(number) for number in range(len(plan.names)))
    for _ in range(3):
        pixels = rng.integers(0, 256, plan.shape, np.uint8)
        shown = Image.fromarray(pixels[:, :, 0] if plan.shape[2] == 1 else pixels)
        answer = lens.answer(Payload(encode(shown), LIMIT), ClassifyOptions(top_k=99))
        found = {label.label: label.probability for label in answer.labels}
        right = expect(plan, data, pixels)
        assert set(found) == set(names)
        np.testing.assert_allclose([found[name] for name in names], right, atol=2e-3)
    return True


def check_detector(plan: Plan, servable: Servable) -> bool:
    """Return whether the model detects; its surest box must be the plan's."""
    lens = servable.lens
    if not isinstance(lens, Detector):
        return False
    assert plan.last in DETECTORS
    shown = Image.new("RGB", (200, 100))
    options = DetectOptions(threshold=0.5)
    (box,) = lens.answer(Payload(encode(shown), LIMIT), options).boxes
    number = plan.classes - 1
    name = plan.names[number] if plan.labels else str(number)
    top, left, bottom, right = BOX
    assert box == Box(name, box.score, 200 * left, 100 * top, 200 * right, 100 * bottom)
    assert box.score == pytest.approx(SCORE, abs=1e-3)
    return True


def check(plan: Plan, servable: Servable, data: bytes, rng: np.random.Generator) -> bool:
    """Return whether the model is read as it was made; else it must say why not."""
    if servable.loaded is None:
        assert servable.error, plan
        return False
    chosen = servable.loaded.chosen
    assert chosen.reason or chosen.task is Task.CLASSIFY, plan
    try:
        return check_classifier(plan, servable, data, rng) or check_detector(plan, servable)
    except ClassifyError:  # refused
        return False
    except (AssertionError, ValueError) as error:
        raise AssertionError(f"{plan}: {error}") from error


@pytest.fixture(scope="module")
def tf() -> Any:  # noqa: ANN401 - as above
    need_module("tensorflow", "uv sync --group train")
    return import_tensorflow(1)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_random_graphs_are_read_as_they_were_made_or_refused(
    tf: Any,  # noqa: ANN401 - as above
    tmp_path: Path,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    plans = {f"m{number}": draw(rng) for number in range(IN_EACH)}
    files = {name: build(tf, plan, rng) for name, plan in plans.items()}
    for name, plan in plans.items():
        write(tmp_path / name, plan, files[name])
    repository = Repository(tmp_path, partial(open_engine, workers=1))
    read = {
        name: check(plan, repository.load(name), files[name], rng) for name, plan in plans.items()
    }
    known = [read[name] for name, plan in plans.items() if plan.last not in OTHER]
    assert np.mean(known) >= READ
