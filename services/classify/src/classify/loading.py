"""One version of a model, from its bytes to something that answers."""

import gc
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from classify.cards import Kind, Task
from classify.classifier import Classifier
from classify.detector import Detector
from classify.engines.engine import Engine, Signature
from classify.engines.opening import OpenEngine
from classify.errors import InvalidModel, InvalidOption, InvalidTensor
from classify.packing import pack
from classify.sources import Source
from classify.tflite import ModelFile, decode_model_file

Fetch: TypeAlias = Callable[[Source], bytes]

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


def read_model(source: Source) -> bytes:
    """Return the bytes of a model from where its files lie.

    Raises:
        InvalidModel: they cannot be read, or are not those that the card names.
    """
    path = source.path
    try:
        data = pack(path) if path.is_dir() else path.read_bytes()
    except OSError as error:
        raise InvalidModel(f"{path.name} cannot be read: {error.strerror}") from error
    verify(data, source)
    return data


def verify(data: bytes, source: Source) -> str:
    """Return the sha256 of a model.

    Raises:
        InvalidModel: it is not the one that the card names.
    """
    actual, expected = hashlib.sha256(data).hexdigest(), source.card.source.sha256
    if expected and actual != expected:
        raise InvalidModel(
            f"{source.path.name} must have sha256 {expected}, got {actual};"
            " correct the card or put the right file there"
        )
    return actual


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


def give_memory_back() -> None:
    """Free what closed engines leave in cycles, and return it to the operating system."""
    gc.collect()
    trim_memory()


def trim_memory() -> None:
    """Return what is free to the operating system, where the C library can be told to."""
    import ctypes  # noqa: PLC0415 - only a service that loads models needs it

    with suppress(OSError, AttributeError):  # a C library without it
        ctypes.CDLL(None).malloc_trim(0)


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
