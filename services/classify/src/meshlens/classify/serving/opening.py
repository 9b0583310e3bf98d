"""One version of a model, from its bytes to something that answers."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from meshlens.classify.engines.engine import Engine, Signature
from meshlens.classify.engines.opening import OpenEngine
from meshlens.classify.errors import InvalidModel, InvalidOption, InvalidTensor
from meshlens.classify.formats.card import Kind, Task
from meshlens.classify.formats.tflite import ModelFile, decode_model_file
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.classification import Classifier
from meshlens.classify.tasks.detection import Detector

_LOGITS = frozenset({"logit", "logits", "score", "scores"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that can be asked.

    Attributes:
        engine: runs it.
        classifier: names what pictures show, None if the model's task is another one.
        size: bytes of its file.
        sha256: of its file, or of what `packing.pack` makes of its folder.
        detector: says where things are in pictures, None if the model's task is another one.
    """

    engine: Engine
    classifier: Classifier | None
    size: int
    sha256: str
    detector: Detector | None = None

    def signature(self, name: str) -> Signature:
        """Return the function called `name`, the first one if it is empty.

        Raises:
            InvalidOption: there is none of that name.
        """
        return choose_signature(self.engine, name, InvalidOption)


def choose_signature(engine: Engine, name: str, fault: type[Exception]) -> Signature:
    """Return the function of `engine` called `name`, the first one if it is empty."""
    signatures = engine.signatures
    if name and name not in signatures:
        known = ", ".join(signatures)
        raise fault(f"expected one of the signatures {known}, got {name!r}; check the name")
    return signatures[name or next(iter(signatures))]


def open_model(source: Source, data: bytes, open_engine: OpenEngine, repository: Path) -> Loaded:
    """Return the model in `data`, warmed up.

    Args:
        source: where it comes from, and its card.
        data: its bytes.
        open_engine: makes the engine.
        repository: the folder that a card's paths must not leave.

    Raises:
        InvalidModel: it cannot be used.
    """
    card, kind = source.card, source.kind
    file = decode_file(source, data)
    labels, subject = source.labels(repository), source.subject()
    engine = open_engine(kind, data, card.inputs, card.outputs)
    try:
        signature = choose_signature(engine, card.signature, InvalidModel)
        classifier, detector = None, None
        match source.task:
            case Task.CLASSIFY:
                classifier = Classifier(signature, file, labels, subject, card)
                classifier.warm_up()
            case Task.DETECT:
                detector = Detector(signature, file, labels, subject, card)
                detector.warm_up()
            case Task.TENSOR:
                _warm_up(signature)
    except BaseException:
        engine.close()
        raise
    return Loaded(engine, classifier, len(data), hashlib.sha256(data).hexdigest(), detector)


def decode_file(source: Source, data: bytes) -> ModelFile:
    """Return what a model's file says about itself, corrected by its card.

    Raises:
        InvalidModel: the file is damaged.
    """
    card = source.card
    probabilities = card.output.type.lower() not in _LOGITS
    if source.kind is not Kind.TFLITE:
        return ModelFile((), card.subject, card.normalization, probabilities)
    file = decode_model_file(data)
    return ModelFile(
        () if card.output.label else file.labels,
        card.subject or file.subject,
        card.normalization or file.normalization,
        probabilities if card.output.type else file.probabilities,
    )


def _warm_up(signature: Signature) -> None:
    """Run a model of tensors once on zeros.

    A model with scalars is left out: they are parameters, and zero may be one that never ends.
    """
    specs = signature.inputs
    if not all(spec.shape and spec.dtype.kind in "fiub" for spec in specs):
        return
    with suppress(InvalidTensor):  # zeros need not make sense to a model
        signature.run(
            {
                spec.name: np.zeros([max(size, 1) for size in spec.shape or ()], spec.dtype)
                for spec in specs
            }
        )
