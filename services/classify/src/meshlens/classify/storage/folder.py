"""Finds the models of a folder: every version of each, by its card or by its files' layout.

    models/flowers.tflite             model flowers, version 1
    models/birds/any-name.tflite      model birds, version 1
    models/digits/2/any-name.tflite   model digits, version 2
    models/prices/3/saved_model.pb    model prices, version 3, as TensorFlow Serving wants it
    models/prices/v4/saved_model.pb   model prices, version 4
    models/prices/5/model.savedmodel/ model prices, version 5, as Triton wants it
    models/faces/faces.pb             model faces, version 1, a frozen graph
    models/cats.yaml                  a card: the model and file it names, else model cats

A model without labels may have them beside it (`label_files`), one per line, and what its images
show in `subject.txt`. Files of models that are not served as they are (`unserved`) become versions
with an error, so that callers learn what to do with them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import ModelCard, decode_card, locate
from meshlens.classify.storage.label_files import find_unclaimed, is_model_file
from meshlens.classify.storage.places import ANYWHERE, Places
from meshlens.classify.storage.source import SAVED_MODEL, Source, read_file
from meshlens.classify.storage.unserved import explain_file, explain_folder, find_name

FIRST_VERSION = "1"
_VERSION = re.compile(r"[vV]?([0-9]+)")
_TRITON = ".savedmodel"
_BASE_PATH = (
    "all models are called like versions; if they are those of one model, MODELS must be the folder"
    " above it, not TensorFlow Serving's model_base_path"
)
# Beside models, and no card: how their requests are shared out.
ROLLOUTS = "rollouts.yaml"
_CARDS = (".yaml", ".yml")


def find_models(folder: Path, places: Places = ANYWHERE) -> Iterator[Source]:
    """Yield every version of every model in `folder`; hidden and other files are ignored.

    What cannot be served makes a source with an error, so that callers can read it.

    Args:
        folder: the models.
        places: where their files may be.
    """
    if not folder.is_dir():
        return
    found: dict[tuple[str, str], Source] = {}
    for source in (_confine(it, places) for it in _find(_Folder(folder, places))):
        key = source.model, source.version
        if key in found:
            fault = f"version {source.version} is described twice; give one another version"
            source = Source(*key, (), error=fault)  # noqa: PLW2901 - it replaces both
        found[key] = source
    models = {source.model for source in found.values()}
    warnings = (_BASE_PATH,) if models and all(map(_VERSION.fullmatch, models)) else ()
    yield from (_warn(source, warnings) for source in found.values())
    for path in (it for it in _visible(folder) if places.allow(it)):
        if path.is_dir():
            yield from (it for it in _find_unserved(path) if (it.model, it.version) not in found)
        elif (reason := explain_file(path)) and find_name(path) not in models:
            yield Source(find_name(path), FIRST_VERSION, (), error=reason)


@dataclass(frozen=True, slots=True)
class _Folder:
    """The folder of all models, and where their files may be."""

    path: Path
    places: Places


def _confine(source: Source, places: Places) -> Source:
    """Return a source that reads its files where they may be, with an error if it has others."""
    try:
        for path in source.paths:
            places.check_file(path)
    except InvalidModel as error:
        return Source(source.model, source.version, (), error=str(error))
    return replace(source, places=places)


def _find(repository: _Folder) -> Iterator[Source]:
    folder = repository.path
    named = (path for path in _card_files(folder) if path.name != ROLLOUTS)
    cards = [_read_card(path, repository, path.stem, None) for path in named]
    yield from cards
    claimed = {path for card in cards for path in card.paths}
    for path in _visible(folder):
        if path in claimed:
            continue
        if is_model_file(path) and path.name != SAVED_MODEL:
            yield Source(path.stem, FIRST_VERSION, (path,))
        elif path.is_dir():
            yield from _find_in(path, repository)


def _find_in(folder: Path, repository: _Folder) -> Iterator[Source]:
    """Yield the versions of the model that has a folder of its own."""
    versions = [
        source
        for sub, number in _numbered(folder)
        for source in _find_version(sub, repository, folder.name, number)
    ]
    yield from versions or _find_version(folder, repository, folder.name, None)


def _find_unserved(folder: Path) -> Iterator[Source]:
    """Yield the versions in a model's folder that are not served as they are."""
    numbered = _numbered(folder)
    reasons = {number: explain_folder(sub) for sub, number in numbered if not _is_served(sub)}
    served = any(map(_is_served, (folder, *(sub for sub, _ in numbered))))
    if not served and not any(reasons.values()):
        reasons[next(iter(reasons), FIRST_VERSION)] = explain_folder(folder)
    for number, reason in reasons.items():
        if reason:
            yield Source(folder.name, number, (), error=reason)


def _numbered(folder: Path) -> list[tuple[Path, str]]:
    """Return the folders that are called like a version, such as 2 or v2, and their numbers."""
    named = ((sub, _VERSION.fullmatch(sub.name)) for sub in _visible(folder) if sub.is_dir())
    numbered = [(sub, str(int(match.group(1)))) for sub, match in named if match]
    return sorted(numbered, key=lambda pair: int(pair[1]))


def _find_version(
    folder: Path, repository: _Folder, model: str, version: str | None
) -> Iterator[Source]:
    cards = _card_files(folder)
    if cards:
        for path in cards:
            yield _read_card(path, repository, model, version)
    elif (folder / SAVED_MODEL).is_file():
        yield Source(model, version or FIRST_VERSION, (folder,))
    elif found := _model_files(folder):
        yield Source(model, version or FIRST_VERSION, found)
    elif len(saved := _triton_folders(folder)) == 1:
        yield from _find_version(saved[0], repository, model, version)


def _is_served(folder: Path) -> bool:
    saved = (folder / SAVED_MODEL).is_file()
    return bool(saved or _card_files(folder) or _model_files(folder) or _triton_folders(folder))


def _warn(source: Source, warnings: tuple[str, ...]) -> Source:
    """Return a source with these warnings, and with one of files that may hold its labels."""
    if warnings:
        source = replace(source, warnings=warnings)
    labelled = source.card.output.label or source.card.chain
    if labelled or len(source.paths) != 1 or not source.paths[0].parent.is_dir():
        return source
    names = ", ".join(file.name for file in find_unclaimed(source.paths[0]))
    if not names:
        return source
    stem = source.paths[0].stem
    warning = (
        f"{names} may hold the labels of any model in the folder and is not used; call it"
        f" {stem}_labels.txt or name it in a card"
    )
    return replace(source, warnings=(*warnings, warning))


def _read_card(path: Path, repository: _Folder, model: str, version: str | None) -> Source:
    """Return the source that a card describes, called `model` unless the card names it."""
    try:
        card = decode_card(read_file(path, repository.places))
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
        return replace(source, paths=_find_paths(card, path, repository.path))
    except InvalidModel as error:
        return replace(source, error=str(error))


def _find_paths(card: ModelCard, path: Path, repository: Path) -> tuple[Path, ...]:
    if card.chain:
        return (path,)
    if card.model.path:
        return (locate(card.model.path, card=path, repository=repository),)
    if (path.parent / SAVED_MODEL).is_file():
        return (path.parent,)
    found = _model_files(path.parent)
    named = tuple(file for file in found if file.stem == path.stem)
    if not found and card.source.uri:
        return (path.parent / PurePosixPath(urlsplit(card.source.uri).path).name,)
    if len(found) > 1 and len(named) != 1:
        raise InvalidModel(
            f"expected {path.name} to say which model it describes",
            got=", ".join(file.name for file in found),
            remedy="say model.path in the card",
        )
    return named if len(found) > 1 else found or tuple(_triton_folders(path.parent))


def _card_files(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.suffix in _CARDS and path.is_file()]


def _model_files(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in _visible(folder) if is_model_file(path))


def _triton_folders(folder: Path) -> list[Path]:
    """Return the SavedModels in the layout of Triton."""
    return [
        sub
        for sub in _visible(folder)
        if sub.suffix.lower() == _TRITON and (sub / SAVED_MODEL).is_file()
    ]


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
