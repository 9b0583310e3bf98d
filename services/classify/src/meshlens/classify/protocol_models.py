"""The models of a repository, as the protocols of other model servers see them."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.engines.engine import Signature
from meshlens.classify.errors import InvalidModel, ModelFailed, ModelNotFound, ModelNotReady
from meshlens.classify.formats.card import Kind
from meshlens.classify.protocol_functions import RequestFunction, SignatureFunction
from meshlens.classify.serving.opening import Answerer, Loaded
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import VERSION_HEADER, Asking
from meshlens.classify.serving.versions import Servable
from meshlens.classify.shadows.shadows import Shadows
from meshlens.classify.tasks.chain.chain import Chain
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.options import ModelOptions, parse_options
from meshlens.classify.tasks.tensors.pictures import PictureInput, find_picture_input
from meshlens.classify.tasks.tensors.predictor import PredictOptions
from meshlens.daprkit.application.origin import find_origin
from meshlens.daprkit.messages import Provenance
from meshlens.protocols.errors import Unavailable, UnknownLabel, UnknownModel, UnknownVersion
from meshlens.protocols.models import ModelVersion, State

_PLATFORMS = {
    Kind.TFLITE: "tensorflow_tflite",
    Kind.SAVED_MODEL: "tensorflow_savedmodel",
    Kind.FROZEN_GRAPH: "tensorflow_graphdef",
}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A loaded version, as `protocols.models.Model`."""

    name: str
    version: str
    provenance: Provenance
    platform: str
    functions: Mapping[str, SignatureFunction]


class ProtocolModels:
    """The models of a repository, as `protocols.models.Models`.

    Args:
        repository: the models.
        max_pixels: largest picture that is decoded.
        shadows: see what other versions have answered; None if none may.
        answers: those that are kept; None if none are.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        max_pixels: int,
        shadows: Shadows | None = None,
        answers: AnswerCache | None = None,
    ) -> None:
        self._answers = answers
        self._repository = repository
        self._shadows = shadows
        self._max_pixels = max_pixels
        self._lock = threading.Lock()
        # What is unloaded is freed: no value refers to its key.
        self._adapted: WeakKeyDictionary[Loaded, LoadedModel] = WeakKeyDictionary()

    @contextmanager
    def lease(
        self,
        name: str,
        *,
        version: str = "",
        label: str = "",
        key: str = "",
        computes: bool = True,
    ) -> Iterator[LoadedModel]:
        """Keep a version loaded for as long as it is used.

        Raises:
            UnknownModel, UnknownVersion, UnknownLabel: there is none.
            Unavailable: it is there and does not answer now.
            InvalidOption: the key is none that the option of that name may be.
        """
        # A repository takes a label for a version, and its default model for no name.
        if not name:
            raise _unknown_model(name)
        if version and not version.isdecimal():
            raise self._unknown_version(name, version)
        if label and label not in self._repository.labels(name):
            raise self._unknown_label(name, label)
        origin = find_origin()
        if key:
            key = parse_options(ModelOptions, {"key": key}).key
        asking = Asking(origin.caller, origin.headers, key)
        with ExitStack() as stack:
            try:
                servable = stack.enter_context(
                    self._repository.lease(name, version or label, asking, computes=computes)
                )
            except ModelNotFound as error:
                raise self._explain(name, version, label, asking, error) from error
            except ModelNotReady as error:
                raise Unavailable(str(error), comes=True) from error
            except (ModelFailed, InvalidModel) as error:
                raise Unavailable(str(error)) from error
            if servable.source.card.chain:
                raise _without_tensors(name)
            yield self._prepare(self._adapt(servable), servable)

    def versions(self, name: str = "") -> Sequence[ModelVersion]:
        """Return every version, the newest of a model first; of all models if the name is empty.

        Raises:
            UnknownModel: there is none of that name.
        """
        return [
            ModelVersion(
                it.source.model,
                it.source.version,
                State(it.state),
                it.error,
                self._list_labels(it.source.model, it.source.version),
            )
            for it in self._find(name)
        ]

    def _list_labels(self, name: str, version: str) -> tuple[str, ...]:
        labels = self._repository.labels(name)
        return tuple(label for label, number in labels.items() if number == version)

    def load(self, name: str) -> None:
        """Load the newest version of a model that can be, and keep it loaded.

        Raises:
            UnknownModel: there is none of that name.
            Unavailable: it cannot be loaded.
        """
        servables = self._find(name)
        newest = next((it for it in servables if not it.source.error), servables[0])
        try:
            loaded = self._repository.load(name, newest.source.version)
        except ModelNotFound as error:  # its files have been removed since
            raise _unknown_model(name) from error
        if loaded.loaded is None:
            raise Unavailable(
                f"model {name} must be AVAILABLE",
                got=f"{loaded.state}: {loaded.error or 'it was unloaded meanwhile'}",
            )

    def unload(self, name: str) -> None:
        """Unload every version of a model once no request uses it.

        Raises:
            UnknownModel: there is none of that name.
        """
        for servable in self._find(name):
            with suppress(ModelNotFound):  # its files have been removed since
                self._repository.unload(name, servable.source.version)

    def _find(self, name: str) -> Sequence[Servable]:
        """Return every version of a model with tensors, or of all of them if the name is empty."""
        try:
            servables = self._repository.servables(name)
        except ModelNotFound as error:
            raise _unknown_model(name) from error
        with_tensors = [it for it in servables if not it.source.card.chain]
        if name and not with_tensors:
            raise _without_tensors(name)
        return with_tensors

    def _adapt(self, servable: Servable) -> LoadedModel:
        """Return a version that is leased; made once for each that is loaded."""
        loaded = _loaded(servable)
        with self._lock:
            adapted = self._adapted.get(loaded)
            if adapted is None:
                adapted = self._adapted[loaded] = _adapt(servable, loaded, self._max_pixels)
            return adapted

    def _prepare(self, adapted: LoadedModel, servable: Servable) -> LoadedModel:
        """Return a version as one request uses it: as it is, unless outputs go somewhere else."""
        loaded = _loaded(servable)
        shadows = self._shadows if self._repository.find_shadow(adapted.name) else None
        answers = None if loaded.unrepeatable else self._answers
        if shadows is None and answers is None:
            return adapted
        first = next(iter(adapted.functions), "")
        functions = {
            name: RequestFunction(
                function.signature,
                function.classes,
                function.picture_input,
                function.max_pixels,
                loaded,
                name,
                # For the default one a shadow may have another name.
                PredictOptions(signature="" if name == first else name),
                shadows,
                answers,
            )
            for name, function in adapted.functions.items()
        }
        return replace(adapted, functions=functions)

    def _unknown_version(self, name: str, version: str) -> UnknownVersion:
        known = ", ".join(it.source.version for it in self._find(name))
        return UnknownVersion(
            f"expected one of the versions {known} of {name}",
            got=repr(version),
            remedy="name one, or none for the newest that answers",
        )

    def _explain(
        self, name: str, version: str, label: str, asking: Asking, error: ModelNotFound
    ) -> UnknownLabel | UnknownVersion:
        """Return why there is no such version, which the request itself need not have named."""
        if label:
            return self._unknown_label(name, label)
        if version:
            return self._unknown_version(name, version)
        self._find(name)
        header = f"correct the header {VERSION_HEADER} or leave it out" if asking.version else ""
        return UnknownVersion(error.expected, got=error.got, remedy=header or error.remedy)

    def _unknown_label(self, name: str, label: str) -> UnknownLabel:
        self._find(name)
        known = ", ".join(self._repository.labels(name)) or "none"
        return UnknownLabel(
            f"expected one of the labels of {name}: {known}",
            got=repr(label),
            remedy="set MODEL_LABELS, or name a version",
        )


def _loaded(servable: Servable) -> Loaded:
    assert servable.loaded is not None, "a lease is of what is loaded"  # noqa: S101 - for the type checker
    return servable.loaded


def _adapt(servable: Servable, loaded: Loaded, max_pixels: int) -> LoadedModel:
    """Return the functions of a version, the one that its card names first."""
    model, source = loaded.model, servable.source
    signatures = model.engine.signatures
    first = model.card.signature or next(iter(signatures))
    return LoadedModel(
        source.model,
        source.version,
        make_provenance(loaded.answerer),
        _PLATFORMS[source.kind],
        {
            name: SignatureFunction(
                signatures[name],
                _name_classes(loaded) if name == first else {},
                _find_picture(loaded, signatures[name]),
                max_pixels,
            )
            for name in sorted(signatures, key=lambda name: name != first)
        },
    )


def make_provenance(answerer: Answerer) -> Provenance:
    """Return what the events of a version say of it besides its name and number."""
    known = answerer.provenance
    return Provenance(answerer.sha256, known.signature, known.signer)


def _name_classes(loaded: Loaded) -> Mapping[str, tuple[str, ...]]:
    """Return the labels by the output of a classifier, none if they are unknown."""
    lens = loaded.lens
    if not isinstance(lens, Classifier) or not loaded.model.labels:
        return {}
    output = lens.describe().output.name
    return {output: lens.labels}


def _find_picture(loaded: Loaded, signature: Signature) -> PictureInput | None:
    try:
        return find_picture_input(loaded.model, signature)
    except InvalidModel:  # it takes none
        return None


def _without_tensors(name: str) -> UnknownModel:
    return UnknownModel(
        "expected a model with tensors",
        got=f"the chain {name}, which {Chain.does}",
        remedy=f"ask {Chain.method}, or one of the models that it joins",
    )


def _unknown_model(name: str) -> UnknownModel:
    return UnknownModel(
        "expected the name of a model", got=repr(name), remedy="list them, and name one"
    )
