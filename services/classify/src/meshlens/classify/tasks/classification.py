"""Pixels -> Engine -> labels with probabilities."""

from collections.abc import Sequence

import numpy as np
from meshlens.classify.engines.engine import Signature, TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import InputPart, ModelCard
from meshlens.classify.formats.labels import Label, name_classes
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.tasks.encoding import plan_encoding
from meshlens.classify.tasks.pixels import Frame
from numpy.typing import NDArray

_DEFAULT_SUBJECT = "object"
_CHANNELS = (1, 3)
_NO_CARD = ModelCard()


class Classifier:
    """A model that says what a picture shows.

    The first output is one number for each class. It is taken for probabilities if the model's
    graph ends in a softmax or logistic operator, and goes through a softmax otherwise.

    Args:
        signature: runs the model; it has one input, a picture.
        file: what the model says about itself.
        labels: names of the classes, for a file that has none.
        subject: what the pictures should show, for a file that does not say.
        card: which input and output to use, and what the pixels of the input are.

    Raises:
        InvalidModel: its tensors are not those of a classifier of pictures, or the
            labels do not fit.

    Attributes:
        frame: what the model wants its pictures to be.
        labels: the name of each class.
        subject: what the pictures should show, in one word.
    """

    def __init__(
        self,
        signature: Signature,
        file: ModelFile,
        labels: tuple[str, ...] = (),
        subject: str = "",
        card: ModelCard = _NO_CARD,
    ) -> None:
        if len(signature.inputs) != 1:
            raise InvalidModel(f"expected a model with one input, got {len(signature.inputs)}")
        self._signature = signature
        self._input = _choose(signature.inputs, card.input.name, "input")
        self._output = _choose(signature.outputs, card.output.name, "output")
        self._probabilities = file.probabilities
        self.frame = _frame(self._input, card.input)
        self._blue_first = card.input.type is not None and card.input.type.blue_first
        self.labels = name_classes(file.labels or labels, _count_classes(self._output))
        self.subject = file.subject or subject or _DEFAULT_SUBJECT
        self._encoding = plan_encoding(
            self._input, file.normalization, channels=self.frame.channels
        )
        self._shape = _shape(self._input, self.frame)

    def classify(self, pixels: NDArray[np.uint8], *, top_k: int) -> tuple[Label, ...]:
        """Return the `top_k` most probable labels, the first of equals first.

        Args:
            pixels: (height, width, channels) of `frame`.
            top_k: how many labels; all if there are fewer.
        """
        if self._blue_first:
            pixels = pixels[:, :, ::-1]
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


def _choose(specs: Sequence[TensorSpec], name: str, what: str) -> TensorSpec:
    """Return the tensor called `name`, the first one if it is empty."""
    for spec in specs:
        if name in ("", spec.name, spec.name.removesuffix(":0")):
            return spec
    known = ", ".join(spec.name for spec in specs)
    raise InvalidModel(f"expected an {what} of {known}, got {name!r}; correct the card")


def _frame(tensor: TensorSpec, wanted: InputPart) -> Frame:
    """Return the frame of an input of shape (1, h, w, 1), (1, h, w, 3), (h, w, 3) or (1, h, w)."""
    width, height = wanted.size or (-1, -1)
    channels = wanted.type.channels if wanted.type else -1
    match tensor.shape or ():
        case (1 | -1, own_height, own_width, own_channels):
            pass
        case (1, own_height, own_width):
            own_channels = 1
        case (own_height, own_width, 3 as own_channels):
            pass
        case (-1, own_height, own_width):
            own_channels = 1
        case _:
            own_height, own_width, own_channels = 0, 0, 0
    frame = Frame(
        *(
            have if have != -1 else want
            for have, want in (
                (own_width, width),
                (own_height, height),
                (own_channels, channels),
            )
        )
    )
    if frame.channels not in _CHANNELS or min(frame.width, frame.height) < 1:
        raise InvalidModel(
            "expected an input of shape (1, height, width, 1 or 3),"
            f" got {tensor.name} of shape {tensor.shape}; is this a classifier of pictures?"
            " If it takes any size, say input.size and input.type in a card"
        )
    if (width, height) not in ((-1, -1), (frame.width, frame.height)):
        raise InvalidModel(
            f"{tensor.name} takes pictures of {frame.width} x {frame.height} pixels,"
            f" the card says {width} x {height}; correct the card"
        )
    if wanted.type and (
        wanted.type.channels != frame.channels or wanted.type.floats != (tensor.dtype.kind == "f")
    ):
        raise InvalidModel(
            f"{tensor.name} takes {frame.channels} channels of {tensor.dtype},"
            f" the card says {wanted.type}; correct the card"
        )
    return frame


def _shape(tensor: TensorSpec, frame: Frame) -> tuple[int, ...]:
    """Return the shape of one picture in `tensor`."""
    if len(tensor.shape or ()) == 4:  # noqa: PLR2004 - axes of a batch of pictures
        return 1, frame.height, frame.width, frame.channels
    if frame.channels == 1:
        return 1, frame.height, frame.width
    return frame.height, frame.width, frame.channels


def _count_classes(tensor: TensorSpec) -> int:
    """Return the classes of an output of shape (1, ..., 1, n)."""
    *others, classes = tensor.shape or (0,)
    if classes < 1 or any(size not in (1, -1) for size in others):
        raise InvalidModel(
            f"expected an output of shape (1, classes), got {tensor.name} of shape"
            f" {tensor.shape}; is this a classifier?"
        )
    return classes
