"""Files of models that are not served as they are: what they are, and what to do with them."""

import os
from collections.abc import Mapping
from pathlib import Path

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import ENDINGS

_EXPORT = "export it: keras.models.load_model(FILE).export('MODEL/VERSION') writes a SavedModel"
_CONVERT = "convert it to .tflite, a frozen graph or a SavedModel"
_UNPACK = "unpack it into a folder with the name of the model"

_WHAT: Mapping[str, tuple[str, str]] = {
    ".keras": ("a Keras model", _EXPORT),
    ".h5": ("a Keras model or its weights", _EXPORT),
    ".hdf5": ("a Keras model or its weights", _EXPORT),
    ".tar": ("an archive", _UNPACK),
    ".tar.gz": ("an archive", _UNPACK),
    ".tgz": ("an archive", _UNPACK),
    ".zip": ("an archive", _UNPACK),
    ".task": ("a bundle of MediaPipe", "unpack it as a zip archive and put its .tflite file there"),
    ".onnx": ("a model of ONNX", _CONVERT),
    ".pt": ("a model of PyTorch", _CONVERT),
    ".pth": ("a model of PyTorch", _CONVERT),
    ".safetensors": ("weights alone", _CONVERT),
    ".plan": ("an engine of TensorRT", _CONVERT),
    ".engine": ("an engine of TensorRT", _CONVERT),
    ".mlmodel": ("a model of Core ML", _CONVERT),
}
# What only its whole name tells.
_NAMED: Mapping[str, tuple[str, str]] = {
    "saved_model.pbtxt": ("a SavedModel as text", "export it again, as saved_model.pb"),
    "model.py": ("a model in Python, as Triton runs it", _CONVERT),
    "model.xml": ("a model of OpenVINO", _CONVERT),
    "config.pbtxt": (
        "a configuration of Triton without a model that can be served, as of an ensemble",
        "give each model its file; what ensembles join, clients call one after the other",
    ),
}
_CHECKPOINT = "restore it into its model and export that: model.export('MODEL/VERSION')"
_DEEPEST = 4
_MOST_ENTRIES = 1000


def explain_file(path: Path) -> str:
    """Return why a file is not served and what to do with it, empty if it is no model's."""
    ending = _find_ending(path)
    if not ending or not path.is_file():
        return ""
    what, remedy = _WHAT[ending]
    return _describe(f"{path.name}, {what}", remedy.replace("FILE", repr(path.name)))


def find_name(path: Path) -> str:
    """Return what a model in such a file would be called."""
    return path.name[: -len(_find_ending(path))]


def explain_folder(folder: Path) -> str:
    """Return why a folder without a model that is served is not, empty if it holds nothing such."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    explained = next(filter(None, map(explain_file, entries)), "")
    if explained:
        return explained
    if (folder / "variables").is_dir():
        return _describe(
            f"{folder.name}/variables without saved_model.pb", "copy the whole SavedModel"
        )
    checkpoint = [path for path in entries if path.suffix == ".index"]
    if checkpoint:
        return _describe(f"{checkpoint[0].stem}, a checkpoint: weights alone", _CHECKPOINT)
    deeper = _find_deeper(folder)
    if deeper:
        return _describe(
            f"{deeper.relative_to(folder.parent)}, too deep in the folder",
            "move it to MODEL/VERSION/ in the folder of models",
        )
    there = {path.name.lower() for path in entries if path.is_file()}
    for name, (what, remedy) in _NAMED.items():
        if name in there:
            return _describe(f"{name}, {what}", remedy)
    return ""


def _describe(got: str, remedy: str) -> str:
    return str(
        InvalidModel(
            "expected a .tflite file, a frozen graph (.pb) or a SavedModel", got=got, remedy=remedy
        )
    )


def _find_ending(path: Path) -> str:
    """Return the known ending of a file's name, as it is written there; empty without one."""
    name = path.name.lower()
    return max((ending for ending in _WHAT if name.endswith(ending)), key=len, default="")


def _find_deeper(folder: Path) -> Path | None:
    """Return a model below a folder, if it is not too far below."""
    entries = 0
    for place, folders, files in os.walk(folder):
        entries += len(files) + len(folders)
        depth = len(Path(place).relative_to(folder).parts)
        if entries > _MOST_ENTRIES:
            return None
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if depth >= _DEEPEST:
            folders.clear()
        for name in sorted(name for name in files if not name.startswith(".")):
            if Path(name).suffix.lower() in ENDINGS or _find_ending(Path(name)):
                return Path(place, name)
    return None
