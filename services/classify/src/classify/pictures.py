"""The methods that say where things are in a picture, and what a model sees of it."""

from collections.abc import Sequence
from typing import Annotated, Any

from daprkit.routing import Reply, Request, Route
from pydantic import BeforeValidator, Field

from classify.batches import answer_each, is_batch
from classify.bodies import JSON, NoOptions, decode_body, encode_json, parse_options
from classify.boxes import Box, encode_boxes
from classify.cards import Task
from classify.detector import Detector
from classify.drawing import draw_boxes, overlay_boxes
from classify.errors import InvalidOption, WrongTask
from classify.image import Frame, Picture, decode_image, decode_picture, encode_png
from classify.repository import Repository
from classify.versions import Servable

# A drawn picture is to be looked at; one of a camera's full size would not fit into an answer.
LARGEST_DRAWING = Frame(width=2048, height=2048, channels=3)

_OFFERS = (JSON, "image/jpeg", "image/png", "image/svg+xml")


def _split(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


Share = Annotated[float, Field(ge=0, le=1)]


class DetectOptions(NoOptions):
    """Options of `detect`; those after `threshold` are for models that have such an input."""

    model: str = Field(default="", description="name or name@version")
    top_k: int | None = Field(default=None, ge=1, description="how many boxes to answer at most")
    threshold: float | None = Field(default=None, ge=0, le=1, description="lowest score to answer")
    # Bounds of the work: a smaller face or a finer step means more passes over a larger picture.
    min_size: float | None = Field(default=None, ge=10, le=10_000, description="pixels")
    thresholds: Annotated[tuple[Share, Share, Share] | None, BeforeValidator(_split)] = None
    factor: float | None = Field(default=None, ge=0.1, le=0.9, description="between two scales")

    def parameters(self) -> dict[str, Sequence[float]]:
        """Return the inputs of the model that the caller has set."""
        given = {"min_size": self.min_size, "factor": self.factor}
        numbers = {name: (value,) for name, value in given.items() if value is not None}
        return numbers | ({"thresholds": self.thresholds} if self.thresholds else {})


class PreviewOptions(NoOptions):
    """Options of `preview`."""

    model: str = Field(default="", description="name or name@version")


class PictureMethods:
    """Answers `detect` and `preview` from a repository.

    Args:
        repository: the models.
        max_pixels: largest picture that is decoded.
    """

    def __init__(self, repository: Repository, *, max_pixels: int) -> None:
        self._repository = repository
        self._max_pixels = max_pixels

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        return (
            Route("detect", self.detect, works=True),
            Route("preview", self.preview, works=True),
        )

    def detect(self, request: Request) -> Reply:
        """Say where things are in a picture: as JSON, drawn into it, or as an overlay."""
        options = parse_options(DetectOptions, request.query)
        name, _, version = options.model.partition("@")
        if not name:
            name = self._find_detector()
        with self._repository.lease(name, version) as servable:
            detector = _detector(servable)
            source = servable.source
            known = {"model": source.model, "version": source.version}

            def find(data: bytes) -> tuple[Picture, tuple[Box, ...]]:
                picture = self._see(data, detector)
                return picture, detector.detect(
                    picture,
                    top_k=options.top_k,
                    threshold=options.threshold,
                    parameters=options.parameters(),
                )

            if is_batch(request):
                result = answer_each(request, lambda data: _encode(*find(data)))
                body = encode_json({**known, **result})
                return Reply(
                    body,
                    JSON,
                    result=result,
                    model=source.model,
                    version=source.version,
                )
            data = decode_body(request.content_type, request.body)
            picture, boxes = find(data)
        kind = request.preferred(_OFFERS)
        result = _encode(picture, boxes)
        if kind == JSON:
            body = encode_json({**known, **result})
        elif kind == "image/svg+xml":
            body = overlay_boxes(boxes, picture.width, picture.height).encode()
        else:
            body = self._draw(data, boxes, kind)
        return Reply(body, kind, result=result, model=source.model, version=source.version)

    def preview(self, request: Request) -> Reply:
        """Show the picture as the model sees it: its size, its colours or gray, upright."""
        options = parse_options(PreviewOptions, request.query)
        name, _, version = options.model.partition("@")
        with self._repository.lease(name, version) as servable:
            source, classifier, loaded = servable.source, servable.classifier, servable.loaded
            data = decode_body(request.content_type, request.body)
            if classifier is not None:
                pixels = decode_image(data, classifier.frame, max_pixels=self._max_pixels)
            elif loaded is not None and loaded.detector is not None:
                pixels = self._see(data, loaded.detector).pixels
            else:
                raise WrongTask(
                    f"expected a model that takes pictures, got {source.model}, which computes"
                    " tensors; ask for another model"
                )
        height, width, channels = pixels.shape
        result = {"width": width, "height": height, "channels": channels}
        return Reply(
            encode_png(pixels),
            "image/png",
            result=result,
            model=source.model,
            version=source.version,
        )

    def _see(self, data: bytes, detector: Detector) -> Picture:
        """Return the picture in `data` as the detector wants it."""
        return decode_picture(
            data, detector.bounds, max_pixels=self._max_pixels, stretch=detector.fixed
        )

    def _draw(self, data: bytes, boxes: Sequence[Box], kind: str) -> bytes:
        shown = decode_picture(data, LARGEST_DRAWING, max_pixels=self._max_pixels)
        height, width, _ = shown.pixels.shape
        scale = width / shown.width, height / shown.height
        name = kind.removeprefix("image/").upper()
        return draw_boxes(shown.pixels, boxes, scale=scale, kind=name)

    def _find_detector(self) -> str:
        """Return the name of the only model that detects, for requests that name none."""
        names = {
            servable.source.model
            for servable in self._repository.servables()
            if servable.source.card.task is Task.DETECT
        }
        if len(names) != 1:
            known = ", ".join(sorted(names)) or "none"
            raise InvalidOption(
                f"expected option model, one of the models with task detect: {known}; name one"
            )
        return names.pop()


def _detector(servable: Servable) -> Detector:
    loaded = servable.loaded
    if loaded is None or loaded.detector is None:
        raise WrongTask(
            f"expected a model that detects, got {servable.source.model};"
            " name one whose card says task: detect"
        )
    return loaded.detector


def _encode(picture: Picture, boxes: Sequence[Box]) -> dict[str, Any]:
    """Return the facts of an answer as JSON values."""
    size = {"width": picture.width, "height": picture.height}
    return {**size, "count": len(boxes), "boxes": encode_boxes(boxes)}
