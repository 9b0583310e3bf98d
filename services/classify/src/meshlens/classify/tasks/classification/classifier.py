"""The lens of a classifier: its options, its answer, and the model behind them."""

import html
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from meshlens.classify.engines.engine import Tensor
from meshlens.classify.errors import InvalidModel, InvalidTensor
from meshlens.classify.formats.card import Scores
from meshlens.classify.formats.labels import Label, name_classes
from meshlens.classify.tasks.classification.description import (
    ClassifierDescription,
    ImagesDescription,
    ScoresDescription,
)
from meshlens.classify.tasks.classification.names import shorten_labels
from meshlens.classify.tasks.classification.probes import make_probes
from meshlens.classify.tasks.classification.scores import ScoreOutput
from meshlens.classify.tasks.classification.verdicts import Verdict, judge
from meshlens.classify.tasks.descriptions import describe_signatures
from meshlens.classify.tasks.images.input import ImageInput
from meshlens.classify.tasks.images.pixels import Image, gray_image
from meshlens.classify.tasks.images.reading import Reading
from meshlens.classify.tasks.lens import (
    JSON,
    Answer,
    OpenedModel,
    Payload,
    PictureLens,
    choose_tensor,
)
from meshlens.classify.tasks.options import ModelOptions
from meshlens.timing import Phase, note

# How many labels are answered unless card or caller say.
TOP_K = 5

_CHANNELS = (1, 3, 4)


class ClassifyOptions(ModelOptions):
    """Options of `classify`."""

    top_k: int | None = Field(
        default=None, ge=1, title="Labels shown", description="how many labels to answer"
    )


class ClassificationAnswer(Answer):
    """What an image shows."""

    media_types: ClassVar = (JSON, "text/plain", "text/html")

    labels: list[Label] = Field(description="the most probable first")
    verdict: Verdict = Field(description="the first label in the words of a person")
    read: Reading = Field(
        default_factory=Reading,
        description="how the image was read; left out if there was nothing to decide",
    )

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        if not fields["read"]:
            del fields["read"]
        return fields

    def pack(self) -> bytes:
        """Return the bytes of which `unpack` makes an equal answer, HTML included."""
        packed = _PackedClassification(answer=self, html=self.verdict.html)
        return packed.model_dump_json().encode()

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the answer that was packed.

        Raises:
            ValidationError: `data` is nothing that `pack` returns.
        """
        packed = _PackedClassification.model_validate_json(data)
        verdict = replace(packed.answer.verdict, html=packed.html)
        return cls(**{**dict(packed.answer), "verdict": verdict})

    def render(self, media_type: str, payload: Payload) -> bytes:
        """Return the verdict as a sentence, or as a paragraph of HTML; then how it was read."""
        read = self.read.describe()
        match media_type:
            case "text/plain":
                lines = (self.verdict.sentence, read) if read else (self.verdict.sentence,)
                return "".join(f"{line}\n" for line in lines).encode()
            case "text/html":
                note = f"<p><small>{html.escape(read)}</small></p>\n" if read else ""
                return f"<p>{self.verdict.html}</p>\n{note}".encode()
            case _:
                return super().render(media_type, payload)


class _PackedClassification(BaseModel):
    """An answer with what its JSON leaves out."""

    answer: ClassificationAnswer
    html: str


class Classifier(PictureLens[ClassifyOptions, ClassificationAnswer]):
    """A model that says what an image shows.

    One output, the first unless the card names another, has a number for each class; `ScoreOutput`
    says when it is a probability.

    Args:
        model: has one input, an image.

    Raises:
        InvalidModel: its tensors are not those of a classifier of images, or the
            labels do not fit.

    Attributes:
        labels: the name of each class.
        subject: what the images should show, in one word.
    """

    does = "classifies pictures"
    method = "classify"
    names_classes = True
    options = ClassifyOptions
    answers = ClassificationAnswer
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
                remedy="say task: tensor or detect in its card",
            )
        self._input = ImageInput(
            choose_tensor(inputs, card.input.name, "input"),
            card.input,
            model.file.normalization,
            channels=_CHANNELS,
            by_card=card.normalization is not None,
        )
        self._output = ScoreOutput(
            choose_tensor(self._signature.outputs, card.output.name, "output"),
            batch=self._input.batch,
            labels=len(model.labels),
            stated=_state_scores(model),
        )
        self._assumed: tuple[str, ...] = ()
        self._top_k = card.output.top or TOP_K
        self.frame = self._input.frame
        self.labels = name_classes(model.labels, self._output.classes)
        self._names = shorten_labels(self.labels)
        self.subject = model.subject

    def warm_up(self) -> None:
        """Classify a gray image, and others if what the model's numbers are is not known.

        Raises:
            InvalidModel: they are none of a classifier.
        """
        with suppress(InvalidTensor):  # it need not have an answer to an image that shows nothing
            self.classify(gray_image(self.frame).pixels, top_k=1)
        if not self._output.settled:
            probes = make_probes(self.frame)
            self._output.settle([self._run(pixels) for pixels in probes])
        self._assumed = tuple(filter(None, (self._input.assumed, self._output.assumed)))

    def answer_image(self, image: Image, options: ClassifyOptions) -> ClassificationAnswer:
        """Return the most probable labels of an image, and the verdict on it."""
        top_k = options.top_k or self._top_k
        labels = self.classify(image.pixels, top_k=top_k)
        top = replace(labels[0], label=self._names[labels[0].index])
        return ClassificationAnswer(
            labels=list(labels),
            verdict=judge(top, self.subject),
            read=image.reading.model_copy(update={"assumed": self._assumed})
            if self._assumed
            else image.reading,
        )

    def describe(self) -> ClassifierDescription:
        """Return how many classes there are, and what the images are."""
        frame = self.frame
        return ClassifierDescription(
            signatures=describe_signatures(self._engine),
            classes=len(self.labels),
            subject=self.subject,
            input=ImagesDescription(
                width=frame.width,
                height=frame.height,
                channels=frame.channels,
                layout=self._input.layout,
                resize=frame.resize,
                resampling=frame.resampling,
                numbers=self._input.numbers,
                assumed=self._input.assumed,
            ),
            output=ScoresDescription(
                name=self._output.spec.name,
                type=self._output.scores,
                assumed=self._output.assumed,
            ),
        )

    def classify(self, pixels: NDArray[np.uint8], *, top_k: int) -> tuple[Label, ...]:
        """Return the `top_k` most probable labels, the first of equals first.

        Args:
            pixels: (height, width, channels) of `frame`.
            top_k: how many labels; all if there are fewer.

        Raises:
            InvalidTensor: the model answers NaN.
            InvalidModel: its numbers are not what they are taken for.
        """
        probabilities = self._output.read(self._run(pixels))
        best = np.argsort(-probabilities, kind="stable")[:top_k]
        return tuple(
            Label(int(index), self.labels[index], float(probabilities[index])) for index in best
        )

    def encode(self, pixels: NDArray[np.uint8]) -> dict[str, Tensor]:
        """Return what the model gets for pixels, (height, width, channels) of `frame`, by name."""
        return {self._input.spec.name: self._input.encode(pixels)}

    def _run(self, pixels: NDArray[np.uint8]) -> Tensor:
        inputs = self.encode(pixels)
        with note(Phase.COMPUTE):
            outputs = self._signature.run(inputs)
        return outputs[self._output.spec.name]


def _state_scores(model: OpenedModel) -> Scores | None:
    """Return what the card says that the numbers are, None if it does not."""
    match model.file.probabilities:
        case None:
            return None
        case True:
            return Scores.PROBABILITIES
        case False:
            return Scores.LOGITS
