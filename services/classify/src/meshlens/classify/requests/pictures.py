"""Pictures as a model sees them, and with what it has found in them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from meshlens.classify.errors import WrongTask
from meshlens.classify.serving.versions import Servable
from meshlens.classify.tasks.boxes import Box, encode_boxes
from meshlens.classify.tasks.classification import Classifier
from meshlens.classify.tasks.detection import Detector
from meshlens.classify.tasks.drawing import draw_boxes
from meshlens.classify.tasks.pixels import Frame, Picture, decode_image, decode_picture
from numpy.typing import NDArray

# A drawn picture is to be looked at; one of a camera's full size would not fit into an answer.
LARGEST_DRAWING = Frame(width=2048, height=2048, channels=3)


def find_classifier(servable: Servable) -> Classifier:
    """Return what names pictures.

    Raises:
        WrongTask: the model does something else.
    """
    if servable.classifier is not None:
        return servable.classifier
    model = servable.source.model
    detects = servable.loaded is not None and servable.loaded.detector is not None
    does, ask = (
        ("detects", "detect") if detects else ("computes tensors", f"models/{model}/predict")
    )
    raise WrongTask(
        f"expected a model that classifies pictures, got {model}, which {does};"
        f" ask {ask}, or another model"
    )


def find_detector(servable: Servable) -> Detector:
    """Return what finds things in pictures.

    Raises:
        WrongTask: the model does something else.
    """
    loaded = servable.loaded
    if loaded is None or loaded.detector is None:
        raise WrongTask(
            f"expected a model that detects, got {servable.source.model};"
            " name one whose card says task: detect"
        )
    return loaded.detector


def decode_for(detector: Detector, data: bytes, *, max_pixels: int) -> Picture:
    """Return the picture in `data` as the detector wants it."""
    return decode_picture(data, detector.bounds, max_pixels=max_pixels, stretch=detector.fixed)


def decode_as_seen(servable: Servable, data: bytes, *, max_pixels: int) -> NDArray[np.uint8]:
    """Return the pixels (h, w, c) that the model sees of the picture in `data`.

    Raises:
        WrongTask: it takes no pictures.
    """
    if servable.classifier is not None:
        return decode_image(data, servable.classifier.frame, max_pixels=max_pixels)
    if servable.loaded is not None and servable.loaded.detector is not None:
        return decode_for(servable.loaded.detector, data, max_pixels=max_pixels).pixels
    raise WrongTask(
        f"expected a model that takes pictures, got {servable.source.model}, which computes"
        " tensors; ask for another model"
    )


def draw_found(data: bytes, boxes: Sequence[Box], media_type: str, *, max_pixels: int) -> bytes:
    """Return the picture in `data` with `boxes` drawn, as image/jpeg or image/png."""
    shown = decode_picture(data, LARGEST_DRAWING, max_pixels=max_pixels)
    height, width, _ = shown.pixels.shape
    scale = width / shown.width, height / shown.height
    kind = media_type.removeprefix("image/").upper()
    return draw_boxes(shown.pixels, boxes, scale=scale, kind=kind)


def encode_found(picture: Picture, boxes: Sequence[Box]) -> dict[str, Any]:
    """Return the facts of an answer as JSON values."""
    size = {"width": picture.width, "height": picture.height}
    return {**size, "count": len(boxes), "boxes": encode_boxes(boxes)}
