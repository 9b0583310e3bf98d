"""What the methods tell of a version of a model: where it is in its life, and how to ask it."""

from typing import Any

from meshlens.classify.engines.engine import Signature, TensorSpec
from meshlens.classify.formats.card import Task
from meshlens.classify.serving.versions import Servable
from meshlens.classify.tasks.classification import Classifier
from meshlens.classify.tasks.detection import Detector


def describe_servable(servable: Servable, *, default: bool) -> dict[str, Any]:
    """Return a version as JSON values; `default` says whether requests that name none ask it."""
    source, loaded = servable.source, servable.loaded
    told: dict[str, Any] = {
        "model": source.model,
        "version": source.version,
        "state": servable.state,
        "default": default,
    }
    if source.card.task is not None:
        told["task"] = source.card.task
    elif loaded is not None:
        told["task"] = Task.CLASSIFY if loaded.classifier else Task.TENSOR
    if servable.error:
        told["error"] = servable.error
    if loaded is not None:
        told["sha256"] = loaded.sha256
        signatures = loaded.engine.signatures.items()
        told["signatures"] = {
            name: _describe_signature(signature) for name, signature in signatures
        }
        if loaded.classifier is not None:
            told |= _describe_classifier(loaded.classifier)
        if loaded.detector is not None:
            told |= _describe_detector(loaded.detector)
            told["constants"] = source.card.constants
    return told


def _describe_signature(signature: Signature) -> dict[str, Any]:
    return {
        "inputs": [_describe_tensor(spec) for spec in signature.inputs],
        "outputs": [_describe_tensor(spec) for spec in signature.outputs],
    }


def _describe_classifier(classifier: Classifier) -> dict[str, Any]:
    frame = classifier.frame
    return {
        "classes": len(classifier.labels),
        "subject": classifier.subject,
        "input": {"width": frame.width, "height": frame.height, "channels": frame.channels},
    }


def _describe_detector(detector: Detector) -> dict[str, Any]:
    bounds = detector.bounds
    return {
        "subject": detector.subject,
        "input": {
            "width": bounds.width,
            "height": bounds.height,
            "channels": bounds.channels,
            # Else a picture of any size, made smaller if it is larger.
            "fixed": detector.fixed,
        },
        "threshold": detector.threshold,
        "overlap": detector.overlap,
    }


def _describe_tensor(spec: TensorSpec) -> dict[str, Any]:
    dtype = "string" if spec.dtype.kind == "O" else spec.dtype.name
    shape = None if spec.shape is None else list(spec.shape)
    return {"name": spec.name, "shape": shape, "type": dtype}
