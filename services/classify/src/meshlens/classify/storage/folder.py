"""Finds the models of a folder: every version of each, by its card or by its files' layout.

    models/flowers.tflite             model flowers, version 1
    models/birds/any-name.tflite      model birds, version 1
    models/digits/2/any-name.tflite   model digits, version 2
    models/prices/3/saved_model.pb    model prices, version 3, as TensorFlow Serving wants it
    models/faces/faces.pb             model faces, version 1, a frozen graph
    models/cats.yaml                  a card: the model and file it names, else model cats

A .tflite file without labels may have them beside it, one per line, in `<its name>.txt` or the
only `*label*.txt`, and what its images show in `subject.txt`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import ENDINGS, ModelCard, decode_card, locate
from meshlens.classify.storage.source import SAVED_MODEL, Source, read_file

FIRST_VERSION = "1"
_CARDS = (".yaml", ".yml")


def find_models(folder: Path) -> Iterator[Source]:
    """Yield every version of every model in `folder`; hidden and other files are ignored.

    A card that cannot be used makes a source with an error, so that callers can read it.
    """
    if not folder.is_dir():
        return
    found: dict[tuple[str, str], Source] = {}
    for source in _find(folder):
        key = source.model, source.version
        if key in found:
            fault = f"version {source.version} is described twice; give one another version"
            source = Source(*key, (), error=fault)  # noqa: PLW2901 - it replaces both
        found[key] = source
    yield from found.values()


def _find(folder: Path) -> Iterator[Source]:
    cards = [_read_card(path, folder, path.stem, None) for path in _card_files(folder)]
    yield from cards
    claimed = {path for card in cards for path in card.paths}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path in claimed:
            continue
        if path.is_file() and path.suffix in ENDINGS and path.name != SAVED_MODEL:
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
    elif (folder / SAVED_MODEL).is_file():
        yield Source(model, version or FIRST_VERSION, (folder,))
    elif found := _model_files(folder):
        yield Source(model, version or FIRST_VERSION, found)


def _read_card(path: Path, repository: Path, model: str, version: str | None) -> Source:
    """Return the source that a card describes, called `model` unless the card names it."""
    try:
        card = decode_card(read_file(path))
    except InvalidModel as error:
        return Source(
            model, version or FIRST_VERSION, (), card_path=path, error=f"{path.name}: {error}"
        )
    number = FIRST_VERSION if card.version is None else str(card.version)
    source = Source(card.name or model, version or number, (), card, path)
    if version and card.version is not None and number != version:
        return replace(
            source, error=f"{path.name} says version {number}, its folder {version}; correct one"
        )
    try:
        return replace(source, paths=_find_paths(card, path, repository))
    except InvalidModel as error:
        return replace(source, error=str(error))


def _find_paths(card: ModelCard, path: Path, repository: Path) -> tuple[Path, ...]:
    if card.model.path:
        return (locate(card.model.path, card=path, repository=repository),)
    if (path.parent / SAVED_MODEL).is_file():
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
            if path.suffix in ENDINGS and path.is_file() and not path.name.startswith(".")
        )
    )
