"""Answers the pictures of a job by a model in this process."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Fields
from meshlens.classify.batch.answering import ModelIdentity, Refusal
from meshlens.classify.errors import (
    ClassifyError,
    EngineCrashed,
    EngineGone,
    ImageTooLarge,
    InvalidImage,
    InvalidTensor,
    ModelNotReady,
    NotEnoughMemory,
    OutputTooLarge,
    WrongTask,
)
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import Servable
from meshlens.classify.tasks.lens import Payload
from meshlens.classify.tasks.options import parse_options

# What can be wrong with one picture while the others are answered.
_FAULTS = (InvalidImage, ImageTooLarge, InvalidTensor, NotEnoughMemory, OutputTooLarge)
_TRIALS = 3


class LocalModel:
    """A version of a model of a repository that nobody else changes.

    Args:
        repository: has it.
        name: of the model; the repository's default one if it is empty.
        version: its number or label; the newest if it is empty.
        max_pixels: largest image that is decoded.

    Raises:
        ModelNotFound: there is none.

    Attributes:
        most: pictures at a time, each by a thread.
        most_bytes: of those.
    """

    most_bytes = 64 * 1024 * 1024

    def __init__(
        self, repository: Repository, name: str = "", version: str = "", *, max_pixels: int
    ) -> None:
        self.most = 1
        self._repository, self._max_pixels = repository, max_pixels
        self._name, self._version = name or repository.default, version
        self._reloading = threading.Lock()
        repository.load(self._name, version)

    def identify(self, options: Fields) -> Fields:
        """Return the model, what its answers depend on, its task, and the options in full.

        Raises:
            WrongTask: it takes no pictures.
            InvalidOption: its task has no such option.
            ModelFailed: it cannot be loaded.
        """
        with self._repository.lease(self._name, self._version) as servable:
            loaded, source = _loaded(servable), servable.source
            if not loaded.lens.takes_images:
                raise WrongTask(
                    "expected a model that classifies pictures or detects",
                    got=f"{source.model}, which {loaded.lens.does}",
                    remedy="name another model",
                    option="model",
                )
            return ModelIdentity(
                model=source.model,
                version=source.version,
                sha256=loaded.sha256,
                content=loaded.content,
                task=loaded.chosen.task,
                options=parse_options(loaded.lens.options, options),
                max_pixels=self._max_pixels,
            ).to_fields()

    def answer(self, model: Fields, pictures: Sequence[bytes]) -> Sequence[Fields | Refusal]:
        """Return the fields of the answer to each picture, or why it has none."""
        if len(pictures) == 1:
            return [self._answer(model, pictures[0])]
        with ThreadPoolExecutor(len(pictures), thread_name_prefix="picture") as pool:
            return [*pool.map(partial(self._answer, model), pictures)]

    def _answer(self, model: Fields, picture: bytes) -> Fields | Refusal:
        payload = Payload(picture, model["max_pixels"])
        for _ in range(_TRIALS):
            try:
                return self._try(model, payload)
            except EngineCrashed as fault:
                self._reload()
                return Refusal.of(fault)
            except (EngineGone, ModelNotReady):
                self._reload()
            except _FAULTS as fault:
                return Refusal.of(fault)
            except ClassifyError as fault:
                raise PartFailed.of(fault) from fault
        raise PartFailed(
            f"model {model['model']} must answer",
            got=f"{_TRIALS} ends of what runs it",
            remedy="use another model, or give it more memory",
        )

    def _try(self, model: Fields, payload: Payload) -> Fields:
        with self._repository.lease(self._name, self._version) as servable:
            loaded = _loaded(servable)
            if loaded.content != model["content"]:
                raise InputChanged(
                    f"model {model['model']} must stay as it was when the job was planned",
                    got="other content",
                    remedy="start the job again",
                )
            given = {name: it for name, it in model["options"].items() if it is not None}
            options = parse_options(loaded.lens.options, given)
            fields: dict[str, Any] = loaded.lens.answer(payload, options).to_fields()
            return fields

    def _reload(self) -> None:
        """Load the model again, unless another thread has done so."""
        with self._reloading:
            self._repository.load(self._name, self._version)


def _loaded(servable: Servable) -> Loaded:
    assert servable.loaded is not None, "a lease is of what is loaded"  # noqa: S101 - for the type checker
    return servable.loaded
