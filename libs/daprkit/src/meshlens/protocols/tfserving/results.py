"""Classify and Regress: examples -> labels and scores, or numbers.

Which functions answer is told by their tensors, since what runs them does not keep the method of a
signature: strings called `inputs` in; `classes`, `scores` or both out, or `outputs`. What is beyond
the original: a function that takes pictures, and whose classes have labels, classifies examples
that hold encoded pictures.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from meshlens.daprkit.application.status import Status
from meshlens.protocols.models import Array, Function
from meshlens.protocols.texts import list_texts
from meshlens.protocols.tfserving.dtypes import find_dtype
from meshlens.protocols.tfserving.examples import find_picture
from meshlens.protocols.tfserving.prediction import write_shape
from meshlens.protocols.tfserving.refusals import invalid, refuse
from meshlens.protocols.wire.tfserving_pb2 import ClassificationResult, RegressionResult

INPUTS, OUTPUTS, CLASSES, SCORES = "inputs", "outputs", "classes", "scores"


class Method(StrEnum):
    """What a function is for."""

    PREDICT = "tensorflow/serving/predict"
    CLASSIFY = "tensorflow/serving/classify"
    REGRESS = "tensorflow/serving/regress"


def find_method(function: Function) -> Method:
    """Return what a function is for, by the names of its tensors."""
    inputs = [spec.name for spec in function.inputs if spec.dtype.kind == "O"]
    outputs = {spec.name for spec in function.outputs}
    if inputs != [INPUTS] or len(function.inputs) > 1:
        return Method.PREDICT
    if outputs and outputs <= {CLASSES, SCORES}:
        return Method.CLASSIFY
    return Method.REGRESS if outputs == {OUTPUTS} else Method.PREDICT


def classify(function: Function, examples: Sequence[bytes]) -> ClassificationResult:
    """Return the classes of each example, in the order of the model.

    Raises:
        Refused: INVALID_ARGUMENT: the function does not classify, or the outputs are no classes.
        Fault: the function cannot compute with the examples.
    """
    labelled = _find_labelled(function)
    if find_method(function) is Method.CLASSIFY:
        outputs = function.run({INPUTS: _stack(examples)})
        classes, scores = outputs.get(CLASSES), outputs.get(SCORES)
    elif labelled:
        classes, scores = _classify_pictures(function, labelled, examples)
    else:
        raise _wrong_method("classification", Method.CLASSIFY, function)
    if classes is not None:
        _check(classes, CLASSES, "string", len(examples))
    if scores is not None:
        _check(scores, SCORES, "float", len(examples))
    return _join(classes, scores)


def regress(function: Function, examples: Sequence[bytes]) -> RegressionResult:
    """Return the number of each example.

    Raises:
        Refused: INVALID_ARGUMENT: the function does not regress, or the output is no numbers.
        Fault: the function cannot compute with the examples.
    """
    if find_method(function) is not Method.REGRESS:
        raise _wrong_method("regression", Method.REGRESS, function)
    output = function.run({INPUTS: _stack(examples)})[OUTPUTS]
    shape = output.shape
    if not (output.ndim == 1 or (output.ndim == 2 and shape[1] == 1)):  # noqa: PLR2004 - axes
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got"
            f" {write_shape(shape)}"
        )
    if shape[0] != len(examples):
        raise invalid(
            f"Input batch size did not match output batch size: {len(examples)} vs. {shape[0]}"
        )
    if find_dtype(output.dtype).name != "float":
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {find_dtype(output.dtype).enum}")
    result = RegressionResult()
    for value in output.ravel().tolist():
        result.regressions.add().value = value
    return result


def _find_labelled(function: Function) -> str:
    """Return the output whose classes have labels, if pictures go in; else an empty name."""
    if not function.picture:
        return ""
    return next((spec.name for spec in function.outputs if function.labels(spec.name)), "")


def _wrong_method(kind: str, wanted: Method, function: Function) -> Exception:
    return invalid(
        f"Expected {kind} signature method_name to be {wanted}. Was: {find_method(function)}"
    )


def _stack(examples: Sequence[bytes]) -> Array:
    array = np.empty(len(examples), object)
    array[:] = examples
    return array


def _classify_pictures(
    function: Function, output: str, examples: Sequence[bytes]
) -> tuple[Array, Array]:
    """Return labels and scores of one picture after the other: many models take one at a time."""
    rows = [
        function.run({function.picture: function.read_picture(find_picture(example, function))})[
            output
        ]
        for example in examples
    ]
    scores = np.concatenate([row.reshape(1, -1) for row in rows])
    labels = [label.encode() for label in function.labels(output)]
    if len(labels) != scores.shape[1]:
        raise refuse(
            Status.FAILED_PRECONDITION,
            f"Expected {scores.shape[1]} labels, one for each class, got {len(labels)}",
        )
    return np.broadcast_to(_stack(labels), scores.shape), scores


def _check(array: Array, output: str, type_: str, examples: int) -> None:
    """Refuse an output that is not one row of values of a type for each example."""
    if array.ndim != 2:  # noqa: PLR2004 - axes
        raise invalid(
            f"Expected Tensor shape: [batch_size num_classes] but got {write_shape(array.shape)}"
        )
    got = find_dtype(array.dtype)
    if got.name != type_:
        raise invalid(f"Expected {output} Tensor of DT_{type_.upper()}. Got: {got.enum}")
    if array.shape[0] != examples:
        raise invalid(f"Expected {output} output batch size of {examples}. Got: {array.shape[0]}")


def _join(classes: Array | None, scores: Array | None) -> ClassificationResult:
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise invalid(
            "Tensors class and score should match in dim_size(1). Got"
            f" {classes.shape[1]} vs. {scores.shape[1]}"
        )
    result = ClassificationResult()
    known = classes if classes is not None else scores
    for row in range(0 if known is None else known.shape[0]):
        added = result.classifications.add()
        labels = [] if classes is None else list_texts(classes[row])
        values = [] if scores is None else scores[row].tolist()
        for place in range(max(len(labels), len(values))):
            each = added.classes.add()
            if labels:
                each.label = _decode(labels[place])
            if values:
                each.score = values[place]
    return result


def _decode(label: bytes) -> str:
    try:
        return label.decode()
    except UnicodeDecodeError:
        raise invalid("Expected classes of UTF-8, got other bytes; call Predict instead") from None
