"""Which text file beside a model holds its labels.

    flowers.txt, flowers_labels.txt, labels_flowers.txt   those of flowers.tflite
    labels.txt, my_labelmap.txt                           those of the only model in the folder

A file that may belong to several models belongs to none: labels of another model are worse than
none.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from meshlens.classify.formats.card import ENDINGS

_WORDS = ("label", "labels", "labelmap", "label_map")
_JOINTS = ("_", "-", ".", " ")


def find_label_file(model: Path) -> Path | None:
    """Return the file that holds the labels of a model, None if none or several may.

    Args:
        model: its file, or the folder of a SavedModel, which may hold it, too.
    """
    own = _own_files(model)
    if own:
        return own[0]
    inside = _label_files(model) if model.is_dir() else []
    beside = inside or ([] if _neighbours(model) else _label_files(model.parent))
    return beside[0] if len(beside) == 1 else None


def find_unclaimed(model: Path) -> tuple[Path, ...]:
    """Return the files beside a model that may hold its labels or those of its neighbours."""
    neighbours = _neighbours(model)
    if not neighbours or find_label_file(model):
        return ()
    claimed = {file for neighbour in neighbours for file in _own_files(neighbour)}
    return tuple(file for file in _label_files(model.parent) if file not in claimed)


def _own_files(model: Path) -> list[Path]:
    """Return the files that are called like the model, the one with exactly its name first."""
    stem = (model.name if model.is_dir() else model.stem).lower()
    joined = {
        name
        for word, joint in product(_WORDS, _JOINTS)
        for name in (f"{stem}{joint}{word}", f"{word}{joint}{stem}")
    }
    texts = [file for file in _texts(model.parent) if file.stem.lower() in joined | {stem}]
    return sorted(texts, key=lambda file: (file.stem.lower() != stem, file))


def _neighbours(model: Path) -> list[Path]:
    """Return the other model files of the folder that a model's file is in."""
    return [file for file in _visible(model.parent) if is_model_file(file) and file != model]


def _label_files(folder: Path) -> list[Path]:
    return [file for file in _texts(folder) if "label" in file.stem.lower()]


def _texts(folder: Path) -> Iterator[Path]:
    return (file for file in _visible(folder) if file.suffix.lower() == ".txt" and file.is_file())


def is_model_file(path: Path) -> bool:
    """Return whether the name of a file says that it is a model."""
    return path.suffix.lower() in ENDINGS and path.is_file() and not path.name.startswith(".")


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
