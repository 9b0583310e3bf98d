"""What each method does; shared by the service and the command."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from pydantic import BaseModel, Field, SerializeAsAny, model_serializer

from meshlens.classify.answer_cache.lookups import Lookups
from meshlens.classify.errors import InvalidModel, InvalidOption, WrongTask
from meshlens.classify.formats.card import Task
from meshlens.classify.formats.tflite_advice import Form, Reason
from meshlens.classify.rollout_description import RolloutDescription
from meshlens.classify.serving.opening import Answerer, Loaded
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import NOBODY, Asking
from meshlens.classify.serving.versions import Servable, State
from meshlens.classify.tasks.chain.chain import Chain
from meshlens.classify.tasks.descriptions import Description
from meshlens.classify.tasks.images.pixels import Image
from meshlens.classify.tasks.lens import Lens, Payload
from meshlens.classify.tasks.options import ModelOptions
from meshlens.classify.tasks.table import TASKS
from meshlens.classify.tasks.tensors.predictor import PredictOptions, Predictor, TensorsAnswer


class ReplacementDescription(BaseModel):
    """The new content of a version whose files have changed."""

    state: State = Field(description="where it is in its life")
    error: str = Field(default="", description="why loading it failed; left out if it did not")


class AdviceDescription(BaseModel):
    """Another form of a model's file that would be faster or smaller."""

    reason: Reason = Field(description="why, in one word")
    to: Form = Field(description="what its weights would be")
    text: str = Field(description="what is gained, and how")
    cpu: float = Field(description="share of the CPU for a picture that would be left")
    size: float = Field(description="share of the file's bytes that would be left")
    measured: str = Field(description="what `cpu` was measured with")


class KeepingDescription(BaseModel):
    """Whether the answers of a model are kept."""

    kept: bool = Field(description="whether they are")
    reason: str = Field(default="", description="why not; left out if they are")


class ModelDescription(BaseModel):
    """A version of a model: where it is in its life, and, once it is loaded, how to call it.

    Attributes:
        loaded: the description by its lens, whose fields stand beside the others; left out
            unless it is loaded.
    """

    model: str = Field(description="its name")
    version: str = Field(description="its number")
    state: State = Field(description="where it is in its life")
    default: bool = Field(description="whether it answers requests that name no model")
    task: Task | None = Field(
        default=None, description="what it is used for; left out while that is not known"
    )
    reason: str = Field(
        default="",
        description="why it has that task, where its card does not say; left out if it does",
    )
    error: str = Field(default="", description="why loading it failed; left out if it did not")
    sha256: str = Field(default="", description="of its file; left out unless it is loaded")
    content: str = Field(
        default="",
        description="another one if its file, its card or its labels have changed; left out unless"
        " it is loaded",
    )
    max_pixels: int = Field(
        default=0,
        description="of the largest picture that is decoded for it; left out unless it is loaded"
        " and classifies or detects",
    )
    signer: str = Field(
        default="",
        description="sha256 of the public key, in PEM, that its signature holds for; left out"
        " unless that was verified",
    )
    replacement: ReplacementDescription | None = Field(
        default=None,
        description="where its new content is, while the one before it answers: its files have"
        " changed; left out if they have not",
    )
    warnings: tuple[str, ...] = Field(
        default=(),
        description="what was found beside its files and not used, and why no signature holds,"
        " where none has to; left out if there is nothing",
    )
    advice: tuple[AdviceDescription, ...] = Field(
        default=(),
        description="forms of its file that would be faster or smaller, by what the file says; left"
        " out unless it is loaded and there are some",
    )
    cache: KeepingDescription | None = Field(
        default=None,
        description="whether its answers are kept; left out unless it is loaded and ANSWER_CACHE is"
        " set",
    )
    rollout: RolloutDescription | None = Field(
        default=None,
        description="how its requests are shared out; left out without a rollout, and where one"
        " version is meant",
    )
    loaded: SerializeAsAny[Description] | None = Field(default=None, exclude=True)
    versions: Mapping[str, State] | None = Field(
        default=None,
        description="the state of each version of the model; left out where one version is meant",
    )

    @model_serializer
    def _flatten(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "model": self.model,
            "version": self.version,
            "state": self.state,
            "default": self.default,
        }
        known = {
            "task": self.task,
            "reason": self.reason,
            "error": self.error,
            "sha256": self.sha256,
            "content": self.content,
            "max_pixels": self.max_pixels,
            "signer": self.signer,
        }
        fields |= {name: value for name, value in known.items() if value}
        if self.replacement is not None:
            fields["replacement"] = self.replacement.model_dump(mode="json", exclude_defaults=True)
        if self.warnings:
            fields["warnings"] = self.warnings
        if self.advice:
            fields["advice"] = [advice.model_dump(mode="json") for advice in self.advice]
        if self.cache is not None:
            fields["cache"] = self.cache.model_dump(mode="json", exclude_defaults=True)
        if self.loaded is not None:
            fields |= self.loaded.model_dump(mode="json")
        if self.versions is not None:
            fields["versions"] = self.versions
        if self.rollout is not None:
            fields["rollout"] = self.rollout.model_dump(mode="json", exclude_none=True)
        return fields


class ModelList(BaseModel):
    """Every version of every model."""

    models: Sequence[ModelDescription] = Field(description="the versions")
    rollouts: Mapping[str, RolloutDescription] = Field(
        default={},
        description="how the requests of each model with a rollout are shared out, by its name;"
        " left out if there is none",
    )
    warnings: list[str] = Field(
        default=[], description="about the settings; left out if there is nothing"
    )

    @model_serializer
    def _leave_out(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"models": [model.model_dump() for model in self.models]}
        if self.rollouts:
            fields["rollouts"] = {
                name: rollout.model_dump(mode="json", exclude_none=True)
                for name, rollout in self.rollouts.items()
            }
        return fields | ({"warnings": self.warnings} if self.warnings else {})


@contextmanager
def lease_lens(
    repository: Repository, task: Task, options: ModelOptions, asking: Asking = NOBODY
) -> Iterator[tuple[Loaded, Lens[Any, Any]]]:
    """Keep the model that `options` name loaded, and yield it and its lens.

    Raises:
        InvalidOption: no model is named, and the choice is ambiguous.
        WrongTask: the model has another task.
        ModelNotFound, ModelNotReady, ModelFailed, EngineGone: as `Repository.lease` does.
    """
    name, version = options.name_and_version()
    with repository.lease(name or find_default(repository, task), version, asking) as servable:
        yield _loaded(servable), _choose_lens(servable, task)


def preview(
    repository: Repository, options: ModelOptions, payload: Payload, asking: Asking = NOBODY
) -> tuple[Answerer, Image]:
    """Return the image in `payload` as the model sees it, whatever the model's task.

    Raises:
        WrongTask: the model takes no images.
        InvalidImage, ImageTooLarge: it is not an image, or too large.
    """
    with repository.lease(*options.name_and_version(), asking, computes=False) as servable:
        loaded = _loaded(servable)
        return loaded.answerer, loaded.lens.see(payload)


def predict(
    repository: Repository,
    name: str,
    version: str,
    payload: Payload,
    options: PredictOptions,
    asking: Asking = NOBODY,
    lookups: Lookups | None = None,
) -> tuple[Answerer, TensorsAnswer]:
    """Return the outputs of a model for the tensors in `payload`, whatever the model's task.

    Raises:
        InvalidBody, InvalidOption, InvalidTensor: as `Predictor.answer` does.
        WrongTask: it is a chain, which has no tensors.
    """
    with repository.lease(name, version, asking) as servable:
        loaded = _loaded(servable)
        compute = partial(_predictor(loaded).answer, payload, options)
        ask = (lookups or Lookups()).answer
        answer = ask(loaded, "predict", payload, options, TensorsAnswer, compute)
        return loaded.answerer, answer


def predict_picture(
    repository: Repository,
    name: str,
    version: str,
    payload: Payload,
    options: PredictOptions,
    asking: Asking = NOBODY,
    lookups: Lookups | None = None,
) -> tuple[Answerer, TensorsAnswer]:
    """Return the outputs of a model for the image in `payload`, whatever the model's task.

    Raises:
        InvalidImage, ImageTooLarge, InvalidOption, InvalidTensor, WrongTask: as
            `Predictor.answer_picture` does.
    """
    with repository.lease(name, version, asking) as servable:
        loaded = _loaded(servable)
        compute = partial(_predictor(loaded).answer_picture, payload, options)
        ask = (lookups or Lookups()).answer
        answer = ask(loaded, "predict picture", payload, options, TensorsAnswer, compute)
        return loaded.answerer, answer


def find_default(repository: Repository, task: Task) -> str:
    """Return the model for requests that name none.

    That is the default model, unless it has another task; then it is the only one that has `task`,
    chains left out: they are asked by name.

    Raises:
        InvalidOption: none has, or several have.
    """
    default = repository.servables(repository.default)
    if any(_may_have(servable, task) for servable in default):
        return repository.default
    names = sorted(
        {
            servable.source.model
            for servable in repository.servables()
            if _find_task(servable) is task and not servable.source.card.chain
        }
    )
    if len(names) != 1:
        known = ", ".join(names) or "none"
        raise InvalidOption(
            f"expected option model, one of the models with task {task}: {known}",
            remedy="name one",
            option="model",
        )
    return names[0]


def describe(
    servable: Servable, *, default: bool, max_pixels: int, caches: bool = False
) -> ModelDescription:
    """Describe a version as it is now.

    Args:
        servable: the version.
        default: requests that name no model get its model.
        max_pixels: of the largest picture that is decoded.
        caches: whether answers are kept where that is possible.
    """
    source, loaded = servable.source, servable.loaded
    return ModelDescription(
        model=source.model,
        version=source.version,
        state=servable.state,
        default=default,
        task=loaded.chosen.task if loaded else source.card.task,
        reason=loaded.chosen.reason if loaded else "",
        error=servable.error,
        sha256=loaded.sha256 if loaded else "",
        content=loaded.content if loaded else "",
        max_pixels=max_pixels if loaded and loaded.lens.takes_images else 0,
        signer=loaded.provenance.signer if loaded else "",
        replacement=ReplacementDescription(
            state=servable.replacement.state, error=servable.replacement.error
        )
        if servable.replacement
        else None,
        warnings=(*source.warnings, *_warn_of(loaded)),
        advice=tuple(AdviceDescription(**asdict(advice)) for advice in loaded.advice)
        if loaded
        else (),
        cache=KeepingDescription(kept=not loaded.unrepeatable, reason=loaded.unrepeatable)
        if loaded and caches
        else None,
        loaded=loaded.lens.describe() if loaded else None,
    )


def _warn_of(loaded: Loaded | None) -> tuple[str, ...]:
    return (loaded.provenance.fault,) if loaded and loaded.provenance.fault else ()


def _predictor(loaded: Loaded) -> Predictor:
    if isinstance(loaded.lens, Chain):
        raise WrongTask(
            "expected a model with tensors",
            got=f"{loaded.answerer.model}, which {loaded.lens.does}",
            remedy=f"ask {loaded.lens.method}, or one of the models that it joins",
            option="model",
        )
    return Predictor(loaded.model)


def _choose_lens(servable: Servable, task: Task) -> Lens[Any, Any]:
    chosen, wanted = _loaded(servable).chosen, TASKS[task]
    lens = chosen.lens
    if chosen.task is not task:
        model = servable.source.model
        method = lens.method.format(model=model)
        refusal = wanted.refusal.format(model=model, does=lens.does, method=method)
        raise WrongTask(refusal, option="model")
    return lens


def _loaded(servable: Servable) -> Loaded:
    assert servable.loaded is not None, "a lease is of what is loaded"  # noqa: S101 - for the type checker
    return servable.loaded


def _may_have(servable: Servable, task: Task) -> bool:
    return _find_task(servable) in (task, None)


def _find_task(servable: Servable) -> Task | None:
    """Return the task of a version, None if its files and card leave that open."""
    try:
        return servable.loaded.chosen.task if servable.loaded else servable.source.likely_task
    except InvalidModel:
        return None
