"""Model cards: the YAML file beside a model that describes it.

    model: {path: mobilenet.tflite, type: tflite}
    input: {name: input, size: [224, 224], type: rgb8}
    output: {name: MobilenetV2/Predictions, label: {path: labels.txt}, top: 5}

and these optional fields:

    name: mobilenet            # default: the name of the folder or of the card
    version: 2                 # default: the number of the folder, else 1
    source: {uri: https://..., sha256: ...}   # or dapr://state/..., dapr://binding/...
    normalization: {mean: [127.5], std: [127.5]}
    subject: object
    signature: serving_default
    task: classify             # or detect, tensor
    constants: {min_size: 20}  # values of a detector's further inputs
    detection: {boxes: box, scores: prob, columns: [y1, x1, y2, x2], units: pixels, threshold: 0.5,
                overlap: 0.5}  # or format: ssd, yolov5, yolov8; classes, count, first_class
    batching: {max_size: 16, delay_ms: 2}  # of a SavedModel or a frozen graph
    cache: true                # its answers may be kept: equal requests have equal ones

A card without a model file may join two other models:

    task: chain
    chain: {detect: mtcnn, classify: moods@2, limit: 32, margin: 0.1, threshold: 0.5}
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.faults import Place

LARGEST_CARD = 64 * 1024
# Of one picture, by one chain: each takes a call of a model.
MOST_CROPS = 64
# What the card of a chain says in place of its task: it answers the method of those that detect.
_CHAIN = "chain"


class Kind(StrEnum):
    """The format of a model's files, which decides the runtime."""

    TFLITE = "tflite"
    FROZEN_GRAPH = "frozen_graph"
    SAVED_MODEL = "saved_model"


# How the name of a model's file ends, in lower case; a SavedModel is a folder.
ENDINGS: Mapping[str, Kind] = {
    ".tflite": Kind.TFLITE,
    ".lite": Kind.TFLITE,
    ".pb": Kind.FROZEN_GRAPH,
    ".graphdef": Kind.FROZEN_GRAPH,
}


class Task(StrEnum):
    """What a model is used for."""

    CLASSIFY = "classify"
    DETECT = "detect"
    TENSOR = "tensor"


class Layout(StrEnum):
    """Whether the channels of a pixel are the last axis of a picture or come before its sides."""

    CHANNELS_LAST = "nhwc"
    CHANNELS_FIRST = "nchw"


class Resize(StrEnum):
    """How a picture of another aspect becomes one of the model's size."""

    STRETCH = "stretch"  # all of it, its aspect lost
    CROP = "crop"  # its middle, as large as it can be
    LETTERBOX = "letterbox"  # all of it, bars beside or above and below it


class Resampling(StrEnum):
    """The filter that makes a picture smaller or larger, by Pillow's names."""

    NEAREST = "nearest"
    BOX = "box"
    BILINEAR = "bilinear"
    HAMMING = "hamming"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


class PixelType(StrEnum):
    """Channel order of a pixel, and whether channels are integers or floats, both from 0 to 255."""

    RGB8 = "rgb8"
    RGB32F = "rgb32f"
    RGBA8 = "rgba8"
    RGBA32F = "rgba32f"
    BGR8 = "bgr8"
    BGR32F = "bgr32f"
    LUMA8 = "luma8"
    LUMA32F = "luma32f"

    @property
    def channels(self) -> int:
        """Number of channels in a pixel."""
        if self.value.startswith("luma"):
            return 1
        return 4 if self.value.startswith("rgba") else 3

    @property
    def blue_first(self) -> bool:
        """Whether the channel order is blue, green, red."""
        return self.value.startswith("bgr")

    @property
    def floats(self) -> bool:
        """Whether channels are floats."""
        return self.value.endswith("32f")


_KINDS = {
    "tflite": Kind.TFLITE,
    "lite": Kind.TFLITE,
    "litert": Kind.TFLITE,
    "tensorflow_lite": Kind.TFLITE,
    "pb": Kind.FROZEN_GRAPH,
    "frozen": Kind.FROZEN_GRAPH,
    "frozen_graph": Kind.FROZEN_GRAPH,
    "graph": Kind.FROZEN_GRAPH,
    "graph_def": Kind.FROZEN_GRAPH,
    "saved": Kind.SAVED_MODEL,
    "saved_model": Kind.SAVED_MODEL,
    "savedmodel": Kind.SAVED_MODEL,
}


def _to_kind(value: object) -> object:
    if isinstance(value, str):
        return _KINDS.get(value.strip().lower().replace("-", "_").replace(" ", "_"), value)
    return value


class Scores(StrEnum):
    """What the numbers of a classifier are."""

    PROBABILITIES = "probabilities"  # from 0 to 1, answered as they are
    LOGITS = "logits"  # any reals, which a softmax makes probabilities; a sigmoid if it is one


_SCORES = {
    "probability": Scores.PROBABILITIES,
    "softmax": Scores.PROBABILITIES,
    "sigmoid": Scores.PROBABILITIES,
    "logit": Scores.LOGITS,
    "score": Scores.LOGITS,
    "scores": Scores.LOGITS,
}


def _to_scores(value: object) -> object:
    if isinstance(value, str):
        word = value.strip().lower()
        return _SCORES.get(word, word) or None
    return value


def _to_size(value: object) -> object:
    return (value, value) if isinstance(value, int) else value


def _to_tuple(value: object) -> object:
    return (value,) if isinstance(value, int | float | str) else value


def _to_label(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


def _to_pairs(value: object) -> object:
    return tuple(value.items()) if isinstance(value, dict) else value


Constant: TypeAlias = tuple[str, Annotated[tuple[FiniteFloat, ...], BeforeValidator(_to_tuple)]]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelPart(_Part):
    """The model's file or folder, relative to the card; `file` is an alias of `model`."""

    path: str = Field(default="", description="of the model; if empty, the file beside the card")
    type: Annotated[Kind, BeforeValidator(_to_kind)] | None = None


class SourcePart(_Part):
    """Where to fetch the bytes from if they are not in the folder, and their digest."""

    uri: str = Field(
        default="", pattern="^(https://.+|dapr://(state|binding)/[^/]+/.+)?$", max_length=2048
    )
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    @property
    def in_mesh(self) -> bool:
        """Whether the bytes come from a component of the mesh."""
        return self.uri.startswith("dapr://")

    @field_validator("uri")
    @classmethod
    def _is_address(cls, uri: str) -> str:
        try:
            urlsplit(uri).port  # noqa: B018 - reading it is the check
        except ValueError:
            # Its own text may quote a part of a password.
            message = "must be an address, with special characters percent-encoded"
            raise ValueError(message) from None
        return uri

    @model_validator(mode="after")
    def _pins_what_others_may_overwrite(self) -> Self:
        if self.in_mesh and not self.sha256:
            raise ValueError("a dapr:// address needs the sha256 of its content")
        return self


class InputPart(_Part):
    """The input that takes the picture."""

    name: str = ""
    size: Annotated[tuple[int, int], BeforeValidator(_to_size)] | None = Field(
        default=None, description="width and height in pixels, for a model that accepts any size"
    )
    type: PixelType | None = None
    layout: Layout | None = Field(
        default=None, description="where the channels are, if the shape does not say"
    )
    resize: Resize = Resize.STRETCH
    resampling: Resampling = Resampling.HAMMING
    fill: int = Field(default=114, ge=0, le=255, description="gray of the bars of a letterbox")

    @model_validator(mode="after")
    def _has_positive_size(self) -> Self:
        if self.size and min(self.size) < 1:
            raise ValueError(f"size must be positive, got {self.size}")
        return self


class LabelPart(_Part):
    """The file of labels, one per line, relative to the card."""

    path: str = Field(min_length=1)


class OutputPart(_Part):
    """The output that answers are made of."""

    name: str = ""
    type: Annotated[Scores | None, BeforeValidator(_to_scores)] = Field(
        default=None, description="what the numbers are; if not given, the model's operators decide"
    )
    label: Annotated[LabelPart, BeforeValidator(_to_label)] | None = None
    top: int | None = Field(default=None, ge=1, description="labels to return by default")


class NormalizationPart(_Part):
    """tensor = (pixel - mean) / std."""

    mean: Annotated[tuple[float, ...], BeforeValidator(_to_tuple)]
    std: Annotated[tuple[float, ...], BeforeValidator(_to_tuple)]


class Column(StrEnum):
    """The meaning of one column of a box."""

    LEFT = "x1"
    TOP = "y1"
    RIGHT = "x2"
    BOTTOM = "y2"
    SCORE = "score"
    CLASS = "class"


class Units(StrEnum):
    """Unit of the coordinates: a pixel of the model's input, or its whole width or height."""

    PIXELS = "pixels"
    FRACTIONS = "fractions"


_SIDES = frozenset({Column.LEFT, Column.TOP, Column.RIGHT, Column.BOTTOM})


class BoxFormat(StrEnum):
    """A well-known form of a detector's outputs."""

    SSD = "ssd"
    YOLOV5 = "yolov5"
    YOLOV8 = "yolov8"


_FORMATS = {
    "tflite_detection_postprocess": BoxFormat.SSD,
    "tf_object_detection": BoxFormat.SSD,
    "yolov6": BoxFormat.YOLOV5,
    "yolov7": BoxFormat.YOLOV5,
    "yolov9": BoxFormat.YOLOV8,
    "yolov11": BoxFormat.YOLOV8,
    "yolo11": BoxFormat.YOLOV8,
}


def _to_format(value: object) -> object:
    return _FORMATS.get(value.strip().lower(), value) if isinstance(value, str) else value


class DetectionPart(_Part):
    """How to read a detector's outputs: boxes (n, columns), and scores (n,) unless a column.

    What it leaves out is found by the outputs' operator, names, shapes and values, or refused.
    """

    format: Annotated[BoxFormat | None, BeforeValidator(_to_format)] = Field(
        default=None, description="a well-known form; found by the outputs if left out"
    )
    boxes: str = Field(default="", description="the output with the boxes")
    scores: str = Field(default="", description="the output with their scores")
    classes: str = Field(default="", description="the output with the numbers of their classes")
    count: str = Field(default="", description="the output with the number of boxes")
    first_class: int | None = Field(
        default=None, description="number of the class that the first label names"
    )
    columns: tuple[Column, ...] = (Column.TOP, Column.LEFT, Column.BOTTOM, Column.RIGHT)
    units: Units = Field(
        default=Units.PIXELS, description="if left out, fractions where no side is beyond 2"
    )
    threshold: float = Field(
        default=0.0, ge=0, le=1, description="lowest score, if the caller sets none"
    )
    overlap: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="largest intersection over union of two boxes of one class; 1 keeps all",
    )

    @model_validator(mode="after")
    def _has_each_side_once(self) -> Self:
        if len(set(self.columns)) != len(self.columns) or not set(self.columns) >= _SIDES:
            raise ValueError("columns must name x1, y1, x2, y2 and perhaps score, class, each once")
        if self.scores and Column.SCORE in self.columns:
            raise ValueError("scores must be a column or an output, not both")
        if self.classes and Column.CLASS in self.columns:
            raise ValueError("classes must be a column or an output, not both")
        return self

    @property
    def is_given(self) -> bool:
        """Whether a card says anything of it."""
        return bool(self.model_fields_set)

    @property
    def given_defaults(self) -> list[str]:
        """The fields that a card gives with the value that they have anyway, sorted."""
        fields = type(self).model_fields
        return sorted(
            name for name in self.model_fields_set if getattr(self, name) == fields[name].default
        )

    @property
    def given_units(self) -> Units | None:
        """The units in the card, None if it leaves them to the values."""
        return self.units if "units" in self.model_fields_set else None


class BatchingPart(_Part):
    """How requests that come at about the same time are computed in one run."""

    max_size: int = Field(default=16, ge=2, le=1024, description="most rows in a run")
    delay_ms: float = Field(
        default=2.0, gt=0, le=100, description="most milliseconds that a request waits for others"
    )


class ChainPart(_Part):
    """Two other models as one: the first finds things, the second answers each, cut out."""

    detect: str = Field(
        min_length=1,
        max_length=256,
        description="a model that detects, or another chain; name@version or name@label for one"
        " of its versions",
    )
    classify: str = Field(
        min_length=1, max_length=256, description="a model that classifies; likewise"
    )
    limit: int = Field(
        default=32, ge=1, le=MOST_CROPS, description="boxes answered at most, the surest ones"
    )
    margin: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="what is cut out beyond each side of a box, as a part of its width or height",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="lowest score, if the caller sets none; the detector's own if left out",
    )

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def members(self) -> tuple[str, str]:
        """The models that it joins, in the order in which they are called."""
        return self.detect, self.classify


class ModelCard(_Part):
    """The content of a card; a model without a card has an empty one."""

    name: str = Field(default="", pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.\-]*)?$")
    version: int | None = Field(default=None, ge=0)
    model: ModelPart = Field(
        default_factory=ModelPart, validation_alias=AliasChoices("model", "file")
    )
    source: SourcePart = Field(default_factory=SourcePart)
    input: InputPart = Field(default_factory=InputPart)
    output: OutputPart = Field(default_factory=OutputPart)
    inputs: tuple[str, ...] = Field(default=(), description="of a frozen graph, if not all")
    outputs: tuple[str, ...] = Field(default=(), description="of a frozen graph, if not all")
    normalization_part: NormalizationPart | None = Field(
        default=None, validation_alias="normalization"
    )
    subject: str = ""
    signature: str = ""
    task: Task | None = None
    constants_part: Annotated[tuple[Constant, ...], BeforeValidator(_to_pairs)] = Field(
        default=(),
        validation_alias="constants",
        description="values of a detector's further inputs, by name",
    )
    detection: DetectionPart = Field(default_factory=DetectionPart)
    batching: BatchingPart | None = Field(
        default=None, description="if left out, each request has a run of its own"
    )
    cache: bool | None = Field(
        default=None,
        description="whether answers may be kept; if left out, where a file's operators allow it",
    )
    chain: ChainPart | None = Field(
        default=None, description="the models that it joins, in place of a model file"
    )

    @model_validator(mode="before")
    @classmethod
    def _give_chains_their_task(cls, content: Any) -> Any:  # noqa: ANN401 - what YAML holds
        if not isinstance(content, dict):
            return content
        if content.get("task") == _CHAIN:
            return {**content, "task": Task.DETECT, "chain": content.get("chain") or {}}
        return {"task": Task.DETECT, **content} if content.get("chain") else content

    @field_validator("chain")
    @classmethod
    def _has_no_file(cls, chain: ChainPart | None, info: ValidationInfo) -> ChainPart | None:
        if chain is None:
            return None
        fields = ((name, info.data.get(name), cls.model_fields[name]) for name in info.data)
        for name, value, field in fields:
            said = value != field.get_default(call_default_factory=True)
            if name not in {"name", "version", "task"} and said:
                raise ValueError(f"a chain has no model file: take out {field.alias or name}")
        if info.data.get("task", Task.DETECT) is not Task.DETECT:
            raise ValueError("say task: chain")
        return chain

    @property
    def constants(self) -> dict[str, tuple[float, ...]]:
        """Values of a detector's further inputs, by name."""
        return dict(self.constants_part)

    @property
    def normalization(self) -> Normalization | None:
        """How pixels become numbers; None if the card does not say."""
        part = self.normalization_part
        return Normalization(part.mean, part.std) if part else None


def decode_card(data: bytes) -> ModelCard:
    """Return the card in the bytes of a YAML file.

    Raises:
        InvalidModel: the bytes are not a valid card; the message lists every mistake.
    """
    if len(data) > LARGEST_CARD:
        raise InvalidModel(
            f"a card must have at most {LARGEST_CARD} bytes",
            got=f"{len(data)}",
            remedy="shorten it",
        )
    try:
        content: Any = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = _explain(error)
        raise InvalidModel(
            "expected a card in YAML", got=f"{reason:.200}", remedy="correct the file"
        ) from error
    if not isinstance(content, dict):
        raise InvalidModel(
            "expected a card such as model: {path: x.tflite}",
            got=type(content).__name__,
            remedy="correct the file",
        )
    try:
        return ModelCard.model_validate(content)
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
        fields = [".".join(map(str, mistake["loc"])) for mistake in mistakes]
        listed = "; ".join(
            f"{field}: {mistake['msg']}{_quote(mistake)}"
            for field, mistake in zip(fields, mistakes, strict=True)
        )
        raise InvalidModel(
            f"the card has mistakes: {listed}",
            remedy="correct them",
            places=[Place(field=field) for field in fields],
        ) from error


def _explain(error: Exception) -> str:
    """Return what is wrong with YAML, without the line itself, which may be an address."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if mark and isinstance(error, yaml.MarkedYAMLError):
        return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())


def _quote(mistake: ErrorDetails) -> str:
    """Return what a field has instead, but nothing of an address, which may hold credentials."""
    field = mistake["loc"]
    if field[:1] == ("source",) and field != ("source", "sha256"):
        return ""
    return f", got {mistake['input']!r:.60}"


def locate(path: str, *, card: Path, repository: Path) -> Path:
    """Return the path of a file that a card names.

    Raises:
        InvalidModel: it lies outside the repository.
    """
    root = os.path.abspath(repository)  # noqa: PTH100 - resolve() would follow the owner's links
    target = os.path.abspath(card.parent / path)  # noqa: PTH100 - as above
    if os.path.commonpath((root, target)) != root:
        raise InvalidModel(
            f"{card.name} must name a path inside the repository",
            got=repr(path),
            remedy="move the file into it",
            places=[Place(file=card.name)],
        )
    return Path(target)
