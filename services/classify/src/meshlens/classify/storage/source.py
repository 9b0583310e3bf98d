"""Where a version of a model comes from: its files and its card, and their contents."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import ENDINGS, Kind, ModelCard, Task, locate
from meshlens.classify.formats.label_forms import decode_label_file
from meshlens.classify.formats.labels import decode_text
from meshlens.classify.formats.packing import pack
from meshlens.classify.formats.tflite import SUBJECT_FILE
from meshlens.classify.storage.label_files import find_label_file
from meshlens.classify.storage.places import ANYWHERE, Places
from meshlens.faults import Place

SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a version of a model comes from.

    Attributes:
        model: its name.
        version: its number.
        paths: the model files found for it, or the folder of a SavedModel; must be exactly one.
            That of a chain is its card.
        card: the contents of its card.
        card_path: of the card, None without one.
        error: why it cannot be loaded, empty if no reason is known.
        warnings: what was found beside it and not used, and why.
        content: digest of its files if they have changed since the start, else empty: a version
            whose content is another one is loaded anew.
        places: where its files may be.
    """

    model: str
    version: str
    paths: tuple[Path, ...]
    card: ModelCard = field(default_factory=ModelCard)
    card_path: Path | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()
    content: str = ""
    places: Places = field(default=ANYWHERE, compare=False)

    @property
    def path(self) -> Path:
        """The file or folder of the model.

        Raises:
            InvalidModel: there is none, or more than one.
        """
        if self.error:
            raise InvalidModel(self.error)
        if len(self.paths) != 1:
            found = ", ".join(path.name for path in self.paths) or "none"
            raise InvalidModel(
                "expected one model file", got=found, remedy="give each model a folder of its own"
            )
        return self.paths[0]

    @property
    def kind(self) -> Kind:
        """Which runtime it is for.

        Raises:
            InvalidModel: neither the card nor the file name determines it.
        """
        if self.card.model.type:
            return self.card.model.type
        path = self.path
        ending = path.suffix.lower()
        if path.name != SAVED_MODEL and ending in ENDINGS:
            return ENDINGS[ending]
        if path.is_dir():
            return Kind.SAVED_MODEL
        raise InvalidModel(
            f"expected {path.name} to be a .tflite file, a .pb file or the folder of a SavedModel",
            remedy="say model.type in the card",
            places=[Place(file=path.name)],
        )

    @property
    def likely_task(self) -> Task:
        """Its task before it is opened: the card's, else what its runtime and the card suggest.

        Raises:
            InvalidModel: neither the card nor the file name determines its runtime.
        """
        if self.card.task:
            return self.card.task
        pictures = self.card.output.label is not None or self.card.input.type is not None
        return Task.CLASSIFY if self.kind is Kind.TFLITE or pictures else Task.TENSOR

    def label_file(self, repository: Path) -> Path | None:
        """Return the file of its labels: the one its card names, else the one beside it.

        Raises:
            InvalidModel: the card's file is outside the repository.
        """
        if self.card.output.label and self.card_path:
            return locate(self.card.output.label.path, card=self.card_path, repository=repository)
        return find_label_file(self.path)

    def labels(self, repository: Path) -> tuple[str, ...]:
        """Return the labels from the file its card names or the one beside it; empty without one.

        Raises:
            InvalidModel: the card's file is missing or outside the repository.
        """
        path = self.label_file(repository)
        return decode_label_file(path.name, read_file(path, self.places)) if path else ()

    @property
    def subject_file(self) -> Path:
        """The file that may contain what its images show."""
        return self.path.parent / SUBJECT_FILE

    def subject(self) -> str:
        """Return what its images show, empty if unknown."""
        beside = self.subject_file
        return self.card.subject or (
            decode_text(read_file(beside, self.places)).strip() if beside.is_file() else ""
        )


Fetch: TypeAlias = Callable[[Source], bytes]


def read_model(source: Source) -> bytes:
    """Return the bytes of a model from its files.

    Raises:
        InvalidModel: they cannot be read, or their sha256 is not the card's.
    """
    path, read = source.path, source.places.read
    try:
        data = pack(path, read) if path.is_dir() else read(path)
    except OSError as error:
        raise _unreadable(path, error) from error
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
            f"{source.path.name} must have sha256 {expected}",
            got=actual,
            remedy="correct the card or put the right file there",
            places=[Place(file=source.path.name)],
        )
    return actual


def read_file(path: Path, places: Places) -> bytes:
    """Return the bytes of a file beside a model.

    Raises:
        InvalidModel: it cannot be read, or must not be.
    """
    try:
        return places.read(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InvalidModel:
    return InvalidModel(
        f"{path.name} cannot be read: {error.strerror}",
        remedy="put it there, readable for the service",
        places=[Place(file=path.name)],
    )
