"""The lens of a detector: its options, its answer, and the model behind them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.config import JsonDict

from meshlens.classify.engines.engine import Tensor
from meshlens.classify.errors import InvalidModel, InvalidTensor
from meshlens.classify.formats.card import Units
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.classify.tasks.descriptions import Description, FrameDescription, describe_signatures
from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.drawing import draw_boxes, overlay_boxes
from meshlens.classify.tasks.detection.parameters import Parameters
from meshlens.classify.tasks.detection.reading import plan_reading
from meshlens.classify.tasks.images.input import ImageInput
from meshlens.classify.tasks.images.pixels import Frame, Image, decode_image, gray_image
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

_CHANNELS = (3,)
_FROM_0_TO_1 = Normalization((0.0,), (255.0,))
# Unless the card says otherwise: the time of a model of any size grows with the pixels.
_LARGEST_SIDE = 1280
_WARM_UP = Frame(width=160, height=120, channels=3)
# A drawn image is to be looked at; one of a camera's full size would not fit into an answer.
_LARGEST_DRAWING = Frame(width=2048, height=2048, channels=3, fixed=False)

# Marks an option that only models with such an input have.
_INPUT: JsonDict = {"input": True}


def _split(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


Share = Annotated[float, Field(ge=0, le=1)]


class DetectOptions(ModelOptions):
    """Options of `detect`; those after `threshold` are for models that have such an input."""

    top_k: int | None = Field(
        default=None, ge=1, title="Boxes at most", description="how many boxes to answer at most"
    )
    threshold: float | None = Field(
        default=None, ge=0, le=1, title="Lowest score", description="lowest score to answer"
    )
    # Bounds of the work: a smaller face or a finer step means more passes over a larger image.
    min_size: float | None = Field(
        default=None,
        ge=10,
        le=10_000,
        title="Smallest size",
        description="pixels of the smallest thing to find",
        json_schema_extra=_INPUT,
    )
    thresholds: Annotated[tuple[Share, Share, Share] | None, BeforeValidator(_split)] = Field(
        default=None,
        title="Thresholds of the stages",
        description="three scores from 0 to 1 with commas between them",
        json_schema_extra=_INPUT,
    )
    factor: float | None = Field(
        default=None,
        ge=0.1,
        le=0.9,
        title="Scale step",
        description="between two scales of the image",
        json_schema_extra=_INPUT,
    )

    def parameters(self) -> dict[str, Sequence[float]]:
        """Return the inputs of the model that the caller has set."""
        given = {"min_size": self.min_size, "factor": self.factor}
        numbers = {name: (value,) for name, value in given.items() if value is not None}
        return numbers | ({"thresholds": self.thresholds} if self.thresholds else {})


class DetectionAnswer(Answer):
    """Where things are in an image."""

    media_types: ClassVar = (JSON, "image/jpeg", "image/png", "image/svg+xml")

    width: int = Field(description="of the whole image, upright, in pixels")
    height: int = Field(description="of the whole image, upright, in pixels")
    count: int = Field(description="how many boxes there are")
    boxes: Sequence[Box] = Field(description="the highest score first")
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

    def render(self, media_type: str, payload: Payload) -> bytes:
        """Return the image with the boxes drawn, or an overlay of the size of the whole image."""
        match media_type:
            case "image/svg+xml":
                return overlay_boxes(self.boxes, self.width, self.height).encode()
            case "image/jpeg" | "image/png":
                image = decode_image(payload.data, _LARGEST_DRAWING, max_pixels=payload.max_pixels)
                return draw_boxes(image, self.boxes, kind=media_type)
            case _:
                return super().render(media_type, payload)


class BoundsDescription(FrameDescription):
    """What the images of a detector are."""

    fixed: bool = Field(description="else of any size, made smaller if they are larger")
    assumed: str = Field(description="what of it neither the model nor its card says")


class OutputsDescription(BaseModel):
    """How a detector's outputs are read."""

    form: str = Field(description="which output holds what")
    units: Units | None = Field(
        description="of the sides; null: fractions in a picture none of whose sides is beyond 2"
    )
    labels: int = Field(description="how many classes have a name")
    first_class: int = Field(description="number of the class that the first label names")


class DetectorDescription(Description):
    """What a detector takes and answers."""

    subject: str = Field(description="what is in a box without a class, in one word")
    input: BoundsDescription = Field(description="the images")
    outputs: OutputsDescription = Field(description="how they are read")
    threshold: float = Field(description="lowest score that is answered unless the caller says")
    overlap: float = Field(
        description="largest intersection over union of two boxes of one class; 1 keeps all"
    )
    constants: dict[str, tuple[float, ...]] = Field(
        description="values of the further inputs unless the caller says"
    )


class Detector(PictureLens[DetectOptions, DetectionAnswer]):
    """A model that says where things are in an image.

    Its image goes into an input of shape (h, w, 3) or (1, h, w, 3). A model that takes any size
    sees the image as it is, made smaller if it is larger than the card's `input.size`; one of
    a fixed size sees it stretched to that size.

    Args:
        model: its card says which inputs and outputs to use and how to read them.

    Raises:
        InvalidModel: its tensors are not those of a detector, or not those of the card.

    Attributes:
        subject: what is in a box without a class, in one word.
        threshold: lowest score of an answer, if the caller does not say.
        overlap: largest intersection over union of two boxes of one class; 1 keeps all.
    """

    does = "detects"
    method = "detect"
    options = DetectOptions
    answers = DetectionAnswer
    refusal = "expected a model that detects, got {model}; name one whose task is detect"

    def __init__(self, model: OpenedModel) -> None:
        card = model.card
        self._engine, self._signature = model.engine, model.signature
        inputs = self._signature.inputs
        self._input = self._plan_input(model, model.file.normalization)
        self._assumed = self._input.assumed
        if self._input.batch > 1:
            raise InvalidModel(
                "expected a detector that takes one picture at a time",
                got=f"{self._input.batch}",
                remedy="export it with a batch of 1, or say task: tensor in the card",
            )
        others = [spec for spec in inputs if spec is not self._input.spec]
        self._constants, self._parameters = card.constants, Parameters(others, card.constants)
        self.frame = self._input.frame
        reading = plan_reading(model, lambda: self._run(gray_image(self._gray_frame), {}))
        if reading.is_yolo and model.file.normalization is None:
            # Their exporters write no normalization, and all of them expect it.
            self._input = self._plan_input(model, _FROM_0_TO_1)
            self._assumed = "pixels from 0 to 1, as exporters of YOLO models expect"
        self._output = reading.output
        self.subject, self.threshold = model.subject, reading.threshold
        self.overlap = reading.output.overlap

    def _plan_input(self, model: OpenedModel, normalization: Normalization | None) -> ImageInput:
        card = model.card.input
        return ImageInput(
            choose_tensor(self._signature.inputs, card.name, "input"),
            card,
            normalization,
            channels=_CHANNELS,
            largest=_LARGEST_SIDE,
            by_card=model.card.normalization is not None,
        )

    @property
    def _gray_frame(self) -> Frame:
        return self.frame if self.frame.fixed else _WARM_UP

    def _run(self, image: Image, given: Mapping[str, Sequence[float]]) -> dict[str, Tensor]:
        inputs = self._parameters.fill(given)
        inputs[self._input.spec.name] = self._input.encode(image.pixels)
        with note(Phase.COMPUTE):
            return self._signature.run(inputs)

    def warm_up(self) -> None:
        """Look at a gray image.

        Raises:
            InvalidModel: the model cannot compute, or its outputs are none of boxes.
        """
        try:
            self.detect(gray_image(self._gray_frame))
        except InvalidTensor as error:
            raise InvalidModel(
                f"{error.expected} (in the card)",
                got=error.got,
                remedy=error.remedy,
                places=error.places,
            ) from error

    def answer_image(self, image: Image, options: DetectOptions) -> DetectionAnswer:
        """Return the boxes in an image."""
        boxes = self.detect(
            image,
            top_k=options.top_k,
            threshold=options.threshold,
            parameters=options.parameters(),
        )
        return DetectionAnswer(
            width=image.width,
            height=image.height,
            count=len(boxes),
            boxes=list(boxes),
            read=image.reading.model_copy(
                update={"assumed": (self._assumed,) if self._assumed else ()}
            ),
        )

    def describe(self) -> DetectorDescription:
        """Return how the model looks at images, and which boxes it answers."""
        frame, output = self.frame, self._output
        return DetectorDescription(
            signatures=describe_signatures(self._engine),
            subject=self.subject,
            input=BoundsDescription(
                width=frame.width,
                height=frame.height,
                channels=frame.channels,
                fixed=frame.fixed,
                assumed=self._assumed,
            ),
            outputs=OutputsDescription(
                form=output.reader.form,
                units=output.units,
                labels=len(output.names.labels),
                first_class=output.names.first,
            ),
            threshold=self.threshold,
            overlap=self.overlap,
            constants=self._constants,
        )

    def detect(
        self,
        image: Image,
        *,
        top_k: int | None = None,
        threshold: float | None = None,
        parameters: Mapping[str, Sequence[float]] | None = None,
    ) -> tuple[Box, ...]:
        """Return the boxes in the whole image, the highest score first.

        Args:
            image: its pixels as `frame` says.
            top_k: how many boxes at most; all of them if None.
            threshold: lowest score; the model's own if None.
            parameters: values of further inputs, instead of the card's.

        Returns:
            boxes, their sides to the hundredth of a pixel.

        Raises:
            InvalidOption: the model has no such input.
            InvalidTensor: it cannot compute with them.
        """
        outputs = self._run(image, parameters or {})
        lowest = self.threshold if threshold is None else threshold
        return self._output.decode(outputs, image, threshold=lowest, top_k=top_k)
