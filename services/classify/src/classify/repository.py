"""The models of one folder: found at start, loaded in the background, each with its own state.

    models/flowers.tflite             model flowers, version 1
    models/birds/any-name.tflite      model birds, version 1
    models/digits/2/any-name.tflite   model digits, version 2: the highest number is loaded

Beside a .tflite file that says nothing about them may stand its labels, one on each line, in
`<its name>.txt` or the only `*label*.txt`, and what its pictures show, in `subject.txt`.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from classify.classifier import Classifier
from classify.engines.engine import Engine
from classify.errors import InvalidModel, ModelFailed, ModelNotFound, ModelNotReady, NoModels
from classify.labels import decode_labels, decode_text
from classify.tflite import SUBJECT_FILE, ModelFile, decode_model_file

_SUFFIX = ".tflite"
_FIRST_VERSION = "1"

_log = logging.getLogger(__name__)


class State(StrEnum):
    """Where a version of a model is in its life, by the names of TensorFlow Serving."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


_ON_ITS_WAY = frozenset({State.START, State.LOADING})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a version of a model comes from.

    Attributes:
        model: its name.
        version: its number.
        files: the .tflite files found for it; exactly one makes a model.
    """

    model: str
    version: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Servable:
    """One version of a model at one moment.

    Attributes:
        source: where it comes from.
        state: where it is in its life.
        error: why loading it failed, empty if it did not.
        classifier: answers while the state is AVAILABLE.
    """

    source: Source
    state: State = State.START
    error: str = ""
    classifier: Classifier | None = None


class Repository:
    """Loads the models of a folder and says which can be asked.

    Args:
        folder: the models.
        open_engine: makes an engine from the bytes of a model file.
        default: name of the model for requests that name none. If empty, the one that tells
            the most apart: it names the most labels, and is the largest among equals.

    Raises:
        NoModels: the folder holds none.
        ModelNotFound: none of them is called `default`.
    """

    def __init__(
        self, folder: Path, open_engine: Callable[[bytes], Engine], *, default: str = ""
    ) -> None:
        self._open_engine = open_engine
        self._stopped = threading.Event()
        self._servables = {source.model: Servable(source) for source in find_models(folder)}
        if not self._servables:
            raise NoModels(folder)
        self.default = self._look_up(default or self._find_broadest()).source.model

    def servables(self) -> tuple[Servable, ...]:
        """Return every model as it is now, by name."""
        return tuple(self._servables.values())

    @property
    def ready(self) -> bool:
        """Whether no model is on its way and the default one can be asked."""
        states = [servable.state for servable in self.servables()]
        default = self._look_up(self.default)
        return _ON_ITS_WAY.isdisjoint(states) and default.state is State.AVAILABLE

    def describe(self, name: str) -> Servable:
        """Return the model called `name` as it is now.

        Raises:
            ModelNotFound: there is none.
        """
        return self._look_up(name)

    def get(self, name: str = "", version: str = "") -> tuple[Source, Classifier]:
        """Return the classifier to ask, the default model's if `name` is empty.

        Raises:
            ModelNotFound: no model has that name, or not that version.
            ModelNotReady: it is not AVAILABLE yet.
            ModelFailed: it will not be AVAILABLE.
        """
        servable = self._look_up(name or self.default)
        source = servable.source
        if version and version != source.version:
            raise ModelNotFound(f"{source.model}@{version}", [f"{source.model}@{source.version}"])
        if servable.state in _ON_ITS_WAY:
            raise ModelNotReady(source.model, servable.state)
        if servable.classifier is None:
            raise ModelFailed(source.model, servable.state, servable.error)
        return source, servable.classifier

    def start(self, on_change: Callable[[Servable], None]) -> None:
        """Load every model in the background, the default one first.

        Args:
            on_change: told of every new state, on the thread that loads.
        """

        def changed(servable: Servable) -> None:
            _tell(servable)
            on_change(servable)

        def load_all() -> None:
            for name in sorted(self._servables, key=lambda name: name != self.default):
                if self._stopped.is_set():
                    return
                self.load(name, changed)

        threading.Thread(target=load_all, name="loader", daemon=True).start()

    def stop(self) -> None:
        """Begin no further load; a model that is loading now stays LOADING."""
        self._stopped.set()

    def load(self, name: str, on_change: Callable[[Servable], None] = lambda _: None) -> None:
        """Load the model called `name`; a failure is its state, not an exception."""
        source = self._look_up(name).source
        for servable in self._load(source):
            if self._stopped.is_set():
                return
            self._servables[source.model] = servable
            on_change(servable)

    def _load(self, source: Source) -> Iterator[Servable]:
        """Yield the states that loading `source` goes through."""
        yield Servable(source, State.LOADING)
        try:
            classifier = self._open(source)
        except InvalidModel as error:
            yield Servable(source, State.END, str(error))
        except Exception as error:  # noqa: BLE001 - one model's fault must not take the others along
            _log.exception("model %s could not be loaded", source.model)
            yield Servable(source, State.END, f"unexpected {type(error).__name__}")
        else:
            yield Servable(source, State.AVAILABLE, classifier=classifier)

    def _open(self, source: Source) -> Classifier:
        """Return the classifier of `source`, warmed up."""
        found = _read(source)
        signature = next(iter(self._open_engine(found.data).signatures.values()))
        classifier = Classifier(signature, found.file, found.labels, found.subject)
        classifier.warm_up()
        return classifier

    def _find_broadest(self) -> str:
        """Return the name of the model with the most labels, which takes a look into each."""
        if len(self._servables) == 1:
            return next(iter(self._servables))

        def breadth(name: str) -> tuple[int, int]:
            try:
                found = _read(self._look_up(name).source)
            except InvalidModel:
                return (0, 0)
            return len(found.file.labels or found.labels), len(found.data)

        return max(sorted(self._servables), key=breadth)

    def _look_up(self, name: str) -> Servable:
        servable = self._servables.get(name)
        if servable is None:
            raise ModelNotFound(name, self._servables)
        return servable


@dataclass(frozen=True, slots=True)
class _Found:
    """What the files of a model say."""

    data: bytes
    file: ModelFile
    labels: tuple[str, ...]
    subject: str


def _read(source: Source) -> _Found:
    """Read the one model file of `source` and what stands beside it."""
    if len(source.files) != 1:
        raise InvalidModel(
            f"expected one {_SUFFIX} file, got {', '.join(file.name for file in source.files)};"
            " give each model a folder of its own"
        )
    (path,) = source.files
    try:
        data, labels, subject = path.read_bytes(), _read_labels(path), _read_subject(path)
    except OSError as error:
        raise InvalidModel(f"{path.name} cannot be read: {error.strerror}") from error
    return _Found(data, decode_model_file(data), labels, subject)


def _tell(servable: Servable) -> None:
    source = servable.source
    if servable.error:
        _log.error("model %s failed: %s", source.model, servable.error)
    else:
        _log.info("model %s version %s is %s", source.model, source.version, servable.state)


def find_models(folder: Path) -> Iterator[Source]:
    """Yield the models of `folder`; what is hidden or holds no .tflite file is passed over."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        if path.is_file() and path.suffix == _SUFFIX:
            yield Source(path.stem, _FIRST_VERSION, (path,))
        elif path.is_dir():
            versions = {
                int(sub.name): sub
                for sub in path.iterdir()
                if sub.is_dir() and sub.name.isdecimal() and _model_files(sub)
            }
            if versions:
                newest = max(versions)
                yield Source(path.name, str(newest), _model_files(versions[newest]))
            elif found := _model_files(path):
                yield Source(path.name, _FIRST_VERSION, found)


def _model_files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob(f"*{_SUFFIX}")))


def _read_labels(model: Path) -> tuple[str, ...]:
    """Return the labels of the file beside `model`, none if there is none."""
    own = model.with_suffix(".txt")
    beside = [own] if own.is_file() else sorted(model.parent.glob("*label*.txt"))
    return decode_labels(beside[0].read_bytes()) if len(beside) == 1 else ()


def _read_subject(model: Path) -> str:
    """Return the subject of the file beside `model`, empty if there is none."""
    beside = model.parent / SUBJECT_FILE
    return decode_text(beside.read_bytes()).strip() if beside.is_file() else ""
