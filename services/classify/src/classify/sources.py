"""The models of a folder: every version of each, by its card or by how its files lie.

    models/flowers.tflite             model flowers, version 1
    models/birds/any-name.tflite      model birds, version 1
    models/digits/2/any-name.tflite   model digits, version 2
    models/prices/3/saved_model.pb    model prices, version 3, as TensorFlow Serving wants it
    models/faces/faces.pb             model faces, version 1, a frozen graph
    models/cats.yaml                  a card: what it names, or its own name, and the file it names

Beside a .tflite file that says nothing about them may stand its labels, one on each line, in
`<its name>.txt` or the only `*label*.txt`, and what its pictures show, in `subject.txt`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from classify.cards import Kind, ModelCard, Task, decode_card, locate
from classify.errors import InvalidModel
from classify.labels import decode_labels, decode_text
from classify.tflite import SUBJECT_FILE

FIRST_VERSION = "1"
_SAVED_MODEL = "saved_model.pb"
_CARDS = (".yaml", ".yml")
_MODELS = (".tflite", ".pb")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a version of a model comes from.

    Attributes:
        model: its name.
        version: its number.
        paths: the model files found for it, or the folder of a SavedModel; exactly one is a model.
        card: what its card says.
        card_path: of the card, None without one.
        error: why there can be no such model, empty if nothing speaks against it.
    """

    model: str
    version: str
    paths: tuple[Path, ...]
    card: ModelCard = field(default_factory=ModelCard)
    card_path: Path | None = None
    error: str = ""

    @property
    def path(self) -> Path:
        """The file or folder of the model.

        Raises:
            InvalidModel: there is not exactly one.
        """
        if self.error:
            raise InvalidModel(self.error)
        if len(self.paths) != 1:
            found = ", ".join(path.name for path in self.paths) or "none"
            raise InvalidModel(
                f"expected one model file, got {found}; give each model a folder of its own"
            )
        return self.paths[0]

    @property
    def kind(self) -> Kind:
        """Which runtime it is for.

        Raises:
            InvalidModel: neither card nor name say it.
        """
        if self.card.model.type:
            return self.card.model.type
        path = self.path
        if path.suffix == ".tflite":
            return Kind.TFLITE
        if path.name != _SAVED_MODEL and path.suffix == ".pb":
            return Kind.FROZEN_GRAPH
        if path.is_dir():
            return Kind.SAVED_MODEL
        raise InvalidModel(
            f"expected {path.name} to be a .tflite file, a .pb file or the folder of a SavedModel;"
            " say model.type in the card"
        )

    @property
    def task(self) -> Task:
        """What it is asked for: what its card says, else what its runtime and the card suggest.

        Raises:
            InvalidModel: neither card nor name say its runtime.
        """
        if self.card.task:
            return self.card.task
        pictures = self.card.output.label is not None or self.card.input.type is not None
        return Task.CLASSIFY if self.kind is Kind.TFLITE or pictures else Task.TENSOR

    def labels(self, repository: Path) -> tuple[str, ...]:
        """Return the labels that its card names or that stand beside it, none if there are none.

        Raises:
            InvalidModel: the card's file is missing or outside the repository.
        """
        if self.card.output.label and self.card_path:
            path = locate(self.card.output.label.path, card=self.card_path, repository=repository)
            return decode_labels(_read(path))
        own = self.path.with_suffix(".txt")
        beside = [own] if own.is_file() else sorted(self.path.parent.glob("*label*.txt"))
        return decode_labels(_read(beside[0])) if len(beside) == 1 else ()

    def subject(self) -> str:
        """Return what its pictures show, empty if nobody says."""
        beside = self.path.parent / SUBJECT_FILE
        return self.card.subject or (decode_text(_read(beside)).strip() if beside.is_file() else "")


def find_models(folder: Path) -> Iterator[Source]:
    """Yield every version of every model in `folder`; what is hidden or is none is passed over.

    A card that cannot be used makes a source with an error, so that somebody can be told.
    """
    if not folder.is_dir():
        return
    found: dict[tuple[str, str], Source] = {}
    for source in _find(folder):
        key = source.model, source.version
        if key in found:
            told = f"version {source.version} is described twice; give one another version"
            source = Source(*key, (), error=told)  # noqa: PLW2901 - it stands for both
        found[key] = source
    yield from found.values()


def _find(folder: Path) -> Iterator[Source]:
    cards = [_read_card(path, folder, path.stem, None) for path in _card_files(folder)]
    yield from cards
    claimed = {path for card in cards for path in card.paths}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path in claimed:
            continue
        if path.is_file() and path.suffix in _MODELS and path.name != _SAVED_MODEL:
            yield Source(path.stem, FIRST_VERSION, (path,))
        elif path.is_dir():
            yield from _find_in(path, folder)


def _find_in(folder: Path, repository: Path) -> Iterator[Source]:
    """Yield the versions of the model that has a folder of its own."""
    numbered = sorted(
        (sub for sub in folder.iterdir() if sub.is_dir() and sub.name.isdecimal()),
        key=lambda sub: int(sub.name),
    )
    versions = [
        source
        for sub in numbered
        for source in _find_version(sub, repository, folder.name, str(int(sub.name)))
    ]
    yield from versions or _find_version(folder, repository, folder.name, None)


def _find_version(
    folder: Path, repository: Path, model: str, version: str | None
) -> Iterator[Source]:
    cards = _card_files(folder)
    if cards:
        for path in cards:
            yield _read_card(path, repository, model, version)
    elif (folder / _SAVED_MODEL).is_file():
        yield Source(model, version or FIRST_VERSION, (folder,))
    elif found := _model_files(folder):
        yield Source(model, version or FIRST_VERSION, found)


def _read_card(path: Path, repository: Path, model: str, version: str | None) -> Source:
    """Return the source that a card describes, called `model` unless the card names it."""
    try:
        card = decode_card(_read(path))
    except InvalidModel as error:
        return Source(
            model, version or FIRST_VERSION, (), card_path=path, error=f"{path.name}: {error}"
        )
    said = FIRST_VERSION if card.version is None else str(card.version)
    source = Source(card.name or model, version or said, (), card, path)
    if version and card.version is not None and said != version:
        return replace(
            source, error=f"{path.name} says version {said}, its folder {version}; correct one"
        )
    try:
        return replace(source, paths=_find_paths(card, path, repository))
    except InvalidModel as error:
        return replace(source, error=str(error))


def _find_paths(card: ModelCard, path: Path, repository: Path) -> tuple[Path, ...]:
    if card.model.path:
        return (locate(card.model.path, card=path, repository=repository),)
    if (path.parent / _SAVED_MODEL).is_file():
        return (path.parent,)
    found = _model_files(path.parent)
    if not found and card.source.uri:
        return (path.parent / PurePosixPath(urlsplit(card.source.uri).path).name,)
    return found


def _card_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in _CARDS and path.is_file() and not path.name.startswith(".")
    )


def _model_files(folder: Path) -> tuple[Path, ...]:
    return tuple(
        sorted(
            path
            for path in folder.iterdir()
            if path.suffix in _MODELS and path.is_file() and not path.name.startswith(".")
        )
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidModel(f"{path.name} cannot be read: {error.strerror}") from error
