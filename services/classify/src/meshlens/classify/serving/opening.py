"""One version of a model, from its bytes to something that answers."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from meshlens.classify.engines.batching import batch_requests
from meshlens.classify.engines.engine import Engine, OpenEngine, Signature
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import BatchingPart, ChainPart, Kind, ModelCard, Scores, Task
from meshlens.classify.formats.packed_names import find_packed_names
from meshlens.classify.formats.tflite import ModelFile, decode_model_file
from meshlens.classify.formats.tflite_advice import Advice, advise
from meshlens.classify.formats.tflite_operators import find_post_process
from meshlens.classify.formats.tflite_repeats import find_unrepeatable
from meshlens.classify.storage.signatures import Provenance
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.chain.chain import Chain
from meshlens.classify.tasks.choice import Choice, choose_task
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.lens import Lens, OpenedModel
from meshlens.faults import Place

# Returns the source, which reads only what is vouched for, or raises InvalidModel.
Vouch: TypeAlias = Callable[[Source, bytes], tuple[Source, Provenance]]


@dataclass(frozen=True, slots=True)
class Answerer:
    """A version as answers and events name it; it may outlive what is loaded.

    Attributes:
        model: its name.
        version: its number.
        sha256: of its file, or of its folder as packed by `packing.pack`, as it was loaded.
        provenance: what is known of who made it.
        content: digest of all that its answers depend on: its bytes, its card and its labels.
        labels: of its classes; None if it does not classify.
    """

    model: str
    version: str
    sha256: str
    provenance: Provenance
    content: str
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Loaded:
    """A model that answers requests; what is derived from it may be kept as long as it lives.

    Attributes:
        model: its engine and metadata.
        chosen: its task, and the lens that performs it.
        size: bytes of its file.
        answerer: what its answers say of it.
        advice: the forms of its file that would be faster or smaller.
        unrepeatable: why equal requests may get different answers; empty if they get equal ones.
    """

    model: OpenedModel
    chosen: Choice
    size: int
    answerer: Answerer
    advice: tuple[Advice, ...] = ()
    unrepeatable: str = "nobody has looked whether equal requests get equal answers"

    @property
    def lens(self) -> Lens[Any, Any]:
        """What it is used for."""
        return self.chosen.lens

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return self.answerer.sha256

    @property
    def content(self) -> str:
        """Digest of all that its answers depend on: its bytes, its card and its labels."""
        return self.answerer.content

    @property
    def provenance(self) -> Provenance:
        """What is known of who made it."""
        return self.answerer.provenance

    @property
    def engine(self) -> Engine:
        """Runs it."""
        return self.model.engine


def trust(source: Source, _data: bytes) -> tuple[Source, Provenance]:
    """Return the source of any model, and that nothing is known of who made it."""
    return source, Provenance()


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that has been read of a version, which another process may open, too.

    Attributes:
        source: where it comes from, and its card.
        data: its bytes.
        labels: from a file, none without one.
        subject: what its images show, from a file or the card.
        provenance: what is known of who made it.
    """

    source: Source
    data: bytes
    labels: tuple[str, ...]
    subject: str
    provenance: Provenance


def prepare(source: Source, data: bytes, repository: Path, *, vouch: Vouch = trust) -> Prepared:
    """Read what belongs to a version beside its bytes.

    Args:
        source: where it comes from, and its card.
        data: its bytes.
        repository: the folder that a card's paths must not leave.
        vouch: verifies who made it, before anything of it is looked at.

    Raises:
        InvalidModel: it cannot be used.
    """
    source, provenance = vouch(source, data)
    if source.card.chain:
        return Prepared(source, data, (), "", provenance)
    return Prepared(source, data, source.labels(repository), source.subject(), provenance)


def open_model(
    source: Source,
    data: bytes,
    open_engine: OpenEngine,
    repository: Path,
    *,
    vouch: Vouch = trust,
) -> Loaded:
    """Return the model in `data`, warmed up.

    Args:
        source: where it comes from, and its card.
        data: its bytes.
        open_engine: makes the engine.
        repository: the folder that a card's paths must not leave.
        vouch: verifies who made it, before anything of it is looked at.

    Raises:
        InvalidModel: it cannot be used.
    """
    return open_prepared(prepare(source, data, repository, vouch=vouch), open_engine)


def open_prepared(prepared: Prepared, open_engine: OpenEngine) -> Loaded:
    """Return a version, warmed up.

    Raises:
        InvalidModel: it cannot be used.
    """
    source, data = prepared.source, prepared.data
    if source.card.chain:
        return _open_chain(source, source.card.chain, data, prepared.provenance)
    card, kind = source.card, source.kind
    file = decode_file(source, data)
    sha256 = hashlib.sha256(data).hexdigest()
    engine = open_engine(kind, data, card.inputs, card.outputs)
    try:
        if card.batching:
            engine = _batch_requests(engine, kind, card.batching, sha256)
        operator = find_post_process(data) if kind is Kind.TFLITE else ()
        model = OpenedModel(
            source.model, engine, file, card, prepared.labels, prepared.subject, operator
        )
        chosen = choose_task(model, source.likely_task)
    except BaseException:
        engine.close()
        raise
    content = _sum_up(sha256, model)
    labels = chosen.lens.labels if isinstance(chosen.lens, Classifier) else None
    answerer = Answerer(source.model, source.version, sha256, prepared.provenance, content, labels)
    # Whether another form answers the same is told by classes.
    converts = kind is Kind.TFLITE and chosen.task is Task.CLASSIFY
    advice = advise(data) if converts else ()
    unrepeatable = _find_unrepeatable(kind, card, data)
    return Loaded(model, chosen, len(data), answerer, advice, unrepeatable)


def _find_unrepeatable(kind: Kind, card: ModelCard, data: bytes) -> str:
    if card.cache is False:
        return "its card says cache: false"
    if kind is Kind.TFLITE:
        return find_unrepeatable(data)
    if card.batching:
        return "its last digits depend on which requests are computed together"
    return "" if card.cache else "its card does not say cache: true, and TensorFlow cannot tell"


def _open_chain(source: Source, part: ChainPart, data: bytes, provenance: Provenance) -> Loaded:
    """Return a chain whose members `serving.joining` finds, call by call."""
    model = OpenedModel(source.model, _NoEngine(), ModelFile((), "", None), source.card)
    sha256 = hashlib.sha256(data).hexdigest()
    content = _sum_up(sha256, model)
    answerer = Answerer(source.model, source.version, sha256, provenance, content)
    chosen, unrepeatable = Choice(Task.DETECT, Chain(part)), "it joins other models"
    return Loaded(model, chosen, 0, answerer, unrepeatable=unrepeatable)


class _NoEngine:
    """Of a chain: its members have engines."""

    signatures: Mapping[str, Signature] = {}

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


def _batch_requests(engine: Engine, kind: Kind, part: BatchingPart, sha256: str) -> Engine:
    if kind is Kind.TFLITE:
        raise InvalidModel(
            "batching must be of a SavedModel or a frozen graph",
            got="a .tflite model, which computes a row as quickly by itself",
            remedy="take batching out of the card",
            places=[Place(field="batching")],
        )
    seconds = part.delay_ms / 1000
    return batch_requests(engine, max_size=part.max_size, delay=seconds, digest=sha256)


def _sum_up(sha256: str, model: OpenedModel) -> str:
    # Models without these are known by what they were known by before there were any.
    without = {name for name in ("batching", "cache", "chain") if getattr(model.card, name) is None}
    card = model.card.model_dump(mode="json", exclude=without)
    parts = [sha256, card, model.labels, model.subject]
    # A detector is read otherwise if its card gives a value, even the one that is the default.
    given = model.card.detection.given_defaults
    content = json.dumps([*parts, *([given] if given else [])], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def decode_file(source: Source, data: bytes) -> ModelFile:
    """Return the metadata in a model's file, corrected by its card.

    Raises:
        InvalidModel: the file is damaged.
    """
    card = source.card
    stated = card.output.type
    probabilities = None if stated is None else stated is Scores.PROBABILITIES
    if source.kind is not Kind.TFLITE:
        return ModelFile((), card.subject, card.normalization, probabilities)
    file = decode_model_file(data)
    return ModelFile(
        () if card.output.label else file.labels or find_packed_names(data),
        card.subject or file.subject,
        card.normalization or file.normalization,
        probabilities,
    )
