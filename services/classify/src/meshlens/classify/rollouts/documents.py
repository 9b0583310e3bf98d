"""Rollouts as documents: what callers send, what the state store keeps, and the file."""

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from meshlens.classify.errors import InvalidRollout
from meshlens.classify.serving.rollout import Rollout
from meshlens.classify.storage.folder import ROLLOUTS
from meshlens.classify.tasks.options import explain

FILE = ROLLOUTS
LARGEST_FILE = 1 << 20


class RolloutBody(Rollout):
    """A rollout as callers send it."""

    revision: int | None = Field(
        default=None,
        ge=0,
        description="the revision that it replaces; if another has replaced that meanwhile, this"
        " one is refused; if left out, it replaces whatever there is",
    )


class Ruled(BaseModel):
    """A rollout as it is kept."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(
        default=0, description="larger with each change of any rollout; 0 for one of a file"
    )
    rollout: Rollout | None = Field(
        default=None, description="what it says; null for one that has ended"
    )
    reason: str = Field(default="", description="why it went back by itself; else empty")


class RolloutChange(Ruled):
    """What the event of a change says."""

    model: str = Field(description="whose rollout has changed")


class Kept(BaseModel):
    """What the state store keeps: every rollout, so that one read tells all."""

    model_config = ConfigDict(frozen=True)

    revision: int = 0
    models: Mapping[str, Ruled] = {}

    def change(self, model: str, rollout: Rollout | None, reason: str = "") -> "Kept":
        """Return it with another rollout of a model, or with none."""
        revision = self.revision + 1
        ruled = Ruled(revision=revision, rollout=rollout, reason=reason)
        return Kept(revision=revision, models={**self.models, model: ruled})


_File = RootModel[Mapping[str, Rollout]]


def parse_body(body: bytes) -> RolloutBody:
    """Return the rollout in the body of a request.

    Raises:
        InvalidRollout: it is none, or it could not take effect.
    """
    try:
        return RolloutBody.model_validate_json(body)
    except ValidationError as error:
        raise _refuse(error, 'send for example {"weights": {"1": 90, "2": 10}}') from None


def parse_kept(data: bytes) -> Kept:
    """Return what the state store keeps; nothing if there is no value.

    Raises:
        InvalidRollout: it is damaged.
    """
    try:
        return Kept.model_validate_json(data) if data else Kept()
    except ValidationError as error:
        raise _refuse(error, "remove the value, and set the rollouts again") from None


def parse_file(data: bytes) -> Mapping[str, Rollout]:
    """Return the rollouts of a file by the names of their models.

    Raises:
        InvalidRollout: it is not such a file.
    """
    remedy = "correct the file: it holds `<model>: {weights: {1: 90, 2: 10}}`"
    if len(data) > LARGEST_FILE:
        raise InvalidRollout(
            f"{FILE} must have at most {LARGEST_FILE} bytes", got=str(len(data)), remedy=remedy
        )
    try:
        content: Any = yaml.load(data, Loader=_Texts)  # noqa: S506 - it makes texts only
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidRollout(
            f"{FILE} must be YAML", got=" ".join(str(error).split())[:200], remedy=remedy
        ) from None
    try:
        return _File.model_validate_strings(content or {}).root
    except ValidationError as error:
        raise _refuse(error, remedy) from None


class _Texts(yaml.BaseLoader):
    """Reads every scalar as the text that it is, and refuses a name that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - the library's
        """Return a mapping of texts."""
        names = [key.value for key, _ in node.value]
        twice = {str(name) for name in names if names.count(name) > 1}
        if twice:
            raise yaml.YAMLError(f"{', '.join(sorted(twice))} is there twice")
        return super().construct_mapping(node, deep)


def _refuse(error: ValidationError, remedy: str) -> InvalidRollout:
    return InvalidRollout(
        "expected a rollout that can take effect", got=explain(error), remedy=remedy
    )
