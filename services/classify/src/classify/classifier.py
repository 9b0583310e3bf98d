"""Pixels -> Engine -> labels with probabilities."""

import numpy as np
from numpy.typing import NDArray

from classify.encoding import plan_encoding
from classify.engines.engine import Signature, TensorSpec
from classify.errors import InvalidModel
from classify.image import Frame
from classify.labels import Label, name_classes
from classify.tflite import ModelFile

_DEFAULT_SUBJECT = "object"
_CHANNELS = (1, 3)


class Classifier:
    """A model that says what a picture shows.

    The first output is one number for each class. It is taken for probabilities if the model's
    graph ends in a softmax or logistic operator, and goes through a softmax otherwise.

    Args:
        signature: runs the model; it has one input, a picture.
        file: what the model says about itself.
        labels: names of the classes, for a file that has none.
        subject: what the pictures should show, for a file that does not say.

    Raises:
        InvalidModel: its tensors are not those of a classifier of pictures, or the
            labels do not fit.

    Attributes:
        frame: what the model wants its pictures to be.
        labels: the name of each class.
        subject: what the pictures should show, in one word.
    """

    def __init__(
        self, signature: Signature, file: ModelFile, labels: tuple[str, ...] = (), subject: str = ""
    ) -> None:
        if len(signature.inputs) != 1:
            raise InvalidModel(f"expected a model with one input, got {len(signature.inputs)}")
        self._signature = signature
        self._input, self._output = signature.inputs[0], signature.outputs[0]
        self._probabilities = file.probabilities
        self.frame = _frame(self._input)
        self.labels = name_classes(file.labels or labels, _count_classes(self._output))
        self.subject = file.subject or subject or _DEFAULT_SUBJECT
        self._encoding = plan_encoding(
            self._input, file.normalization, channels=self.frame.channels
        )
        self._shape = tuple(1 if size == -1 else size for size in self._input.shape or ())

    def classify(self, pixels: NDArray[np.uint8], *, top_k: int) -> tuple[Label, ...]:
        """Return the `top_k` most probable labels, the first of equals first.

        Args:
            pixels: (height, width, channels) of `frame`.
            top_k: how many labels; all if there are fewer.
        """
        tensor = self._encoding.encode(pixels).reshape(self._shape)
        output = self._signature.run({self._input.name: tensor})[self._output.name]
        probabilities = self._to_probabilities(output.ravel())
        best = np.argsort(-probabilities, kind="stable")[:top_k]
        return tuple(
            Label(int(index), self.labels[index], float(probabilities[index])) for index in best
        )

    def warm_up(self) -> None:
        """Classify a gray picture, so that the first caller does not wait for first-time work."""
        frame = self.frame
        self.classify(
            np.full((frame.height, frame.width, frame.channels), 127, dtype=np.uint8), top_k=1
        )

    def _to_probabilities(self, output: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the probability of each class, (n,) -> (n,)."""
        real = output.astype(np.float64)
        if quantization := self._output.quantization:
            real = (real - quantization.zero_point) * quantization.scale
        if self._probabilities:
            return real
        powers = np.exp(real - real.max())
        probabilities: NDArray[np.float64] = powers / powers.sum()
        return probabilities


def _frame(tensor: TensorSpec) -> Frame:
    """Return the frame of an input of shape (1, h, w, 1), (1, h, w, 3) or (1, h, w)."""
    match tensor.shape:
        case (1 | -1, height, width, channels) if channels in _CHANNELS and min(height, width) > 0:
            return Frame(width, height, channels)
        case (1 | -1, height, width) if min(height, width) > 0:
            return Frame(width, height, 1)
    raise InvalidModel(
        "expected an input of shape (1, height, width, 1 or 3),"
        f" got {tensor.name} of shape {tensor.shape}; is this a classifier of pictures?"
    )


def _count_classes(tensor: TensorSpec) -> int:
    """Return the classes of an output of shape (1, ..., 1, n)."""
    *others, classes = tensor.shape or (0,)
    if classes < 1 or any(size not in (1, -1) for size in others):
        raise InvalidModel(
            f"expected an output of shape (1, classes), got {tensor.name} of shape"
            f" {tensor.shape}; is this a classifier?"
        )
    return classes
