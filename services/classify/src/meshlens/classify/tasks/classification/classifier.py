"""The lens of a classifier: its options, its answer, and the model behind them."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from meshlens.classify.engines.engine import TensorSpec
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.labels import Label, name_classes
from meshlens.classify.tasks.classification.verdicts import Verdict, judge
from meshlens.classify.tasks.descriptions import Description, FrameDescription, describe_signatures
from meshlens.classify.tasks.images.encoding import dequantize
from meshlens.classify.tasks.images.input import ImageInput
from meshlens.classify.tasks.images.pixels import Image, decode_image, gray_image
from meshlens.classify.tasks.lens import (
    JSON,
    Answer,
    Lens,
    OpenedModel,
    Payload,
    choose_tensor,
)
from meshlens.classify.tasks.options import ModelOptions
from meshlens.faults import Place

# How many labels are answered unless card or caller say.
TOP_K = 5

_CHANNELS = (1, 3)


class ClassifyOptions(ModelOptions):
    """Options of `classify`."""

    top_k: int | None = Field(default=None, ge=1, description="how many labels to answer")


class ClassificationAnswer(Answer):
    """What an image shows."""

    media_types: ClassVar = (JSON, "text/plain", "text/html")

    labels: list[Label] = Field(description="the most probable first")
    verdict: Verdict

    def render(self, media_type: str, payload: Payload) -> bytes:
        """Return the verdict as a sentence, or as a paragraph of HTML."""
        match media_type:
            case "text/plain":
                return f"{self.verdict.sentence}\n".encode()
            case "text/html":
                return f"<p>{self.verdict.html}</p>\n".encode()
            case _:
                return super().render(media_type, payload)


class ClassifierDescription(Description):
    """What a classifier takes and answers."""

    classes: int
    subject: str
    input: FrameDescription


class Classifier(Lens[ClassifyOptions, ClassificationAnswer]):
    """A model that says what an image shows.

    The first output is one number for each class. It is taken for probabilities if the model's
    graph ends in a softmax or logistic operator, and goes through a softmax otherwise.

    Args:
        model: has one input, an image.

    Raises:
        InvalidModel: its tensors are not those of a classifier of images, or the
            labels do not fit.

    Attributes:
        frame: what the model wants its images to be.
        labels: the name of each class.
        subject: what the images should show, in one word.
    """

    does = "classifies pictures"
    method = "classify"
    takes_images = True
    names_classes = True
    options = ClassifyOptions
    refusal = (
        "expected a model that classifies pictures, got {model}, which {does};"
        " ask {method}, or another model"
    )

    def __init__(self, model: OpenedModel) -> None:
        self._engine, self._signature = model.engine, model.signature
        inputs, card = self._signature.inputs, model.card
        if len(inputs) != 1:
            raise InvalidModel(
                "expected a model with one input",
                got=f"{len(inputs)}",
                remedy="say task: tensors or detect in its card",
            )
        self._input = ImageInput(
            choose_tensor(inputs, card.input.name, "input"),
            card.input,
            model.file.normalization,
            channels=_CHANNELS,
        )
        self._output = choose_tensor(self._signature.outputs, card.output.name, "output")
        self._probabilities = model.file.probabilities
        self._top_k = card.output.top or TOP_K
        self.frame = self._input.frame
        self.labels = name_classes(model.labels, _count_classes(self._output))
        self.subject = model.subject

    def warm_up(self) -> None:
        """Classify a gray image."""
        self.classify(gray_image(self.frame).pixels, top_k=1)

    def see(self, payload: Payload) -> Image:
        """Return the image in `payload` as the model sees it."""
        return decode_image(payload.data, self.frame, max_pixels=payload.max_pixels)

    def answer(self, payload: Payload, options: ClassifyOptions) -> ClassificationAnswer:
        """Return the most probable labels of the image in `payload`, and the verdict on it."""
        top_k = options.top_k or self._top_k
        labels = self.classify(self.see(payload).pixels, top_k=top_k)
        return ClassificationAnswer(labels=list(labels), verdict=judge(labels[0], self.subject))

    def describe(self) -> ClassifierDescription:
        """Return how many classes there are, and what the images are."""
        frame = self.frame
        return ClassifierDescription(
            signatures=describe_signatures(self._engine),
            classes=len(self.labels),
            subject=self.subject,
            input=FrameDescription(width=frame.width, height=frame.height, channels=frame.channels),
        )

    def classify(self, pixels: NDArray[np.uint8], *, top_k: int) -> tuple[Label, ...]:
        """Return the `top_k` most probable labels, the first of equals first.

        Args:
            pixels: (height, width, channels) of `frame`.
            top_k: how many labels; all if there are fewer.
        """
        outputs = self._signature.run({self._input.spec.name: self._input.encode(pixels)})
        probabilities = self._to_probabilities(outputs[self._output.name].ravel())
        best = np.argsort(-probabilities, kind="stable")[:top_k]
        return tuple(
            Label(int(index), self.labels[index], float(probabilities[index])) for index in best
        )

    def _to_probabilities(self, output: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the probability of each class, (n,) -> (n,)."""
        real = dequantize(output, self._output)
        if self._probabilities:
            return real
        powers = np.exp(real - real.max())
        probabilities: NDArray[np.float64] = powers / powers.sum()
        return probabilities


def _count_classes(tensor: TensorSpec) -> int:
    """Return the classes of an output of shape (1, ..., 1, n)."""
    *others, classes = tensor.shape or (0,)
    if classes < 1 or any(size not in (1, -1) for size in others):
        raise InvalidModel(
            "expected an output of shape (1, classes)",
            got=f"{tensor.name} of shape {tensor.shape}",
            remedy="is this a classifier?",
            places=[Place(field=tensor.name)],
        )
    return classes
