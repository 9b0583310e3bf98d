"""Rollouts as documents: what callers send, what the state store keeps, and the file."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    ValidationError,
)

from meshlens.classify.errors import InvalidRollout, RolloutsDamaged
from meshlens.classify.serving.rollout import Rollout
from meshlens.classify.storage.folder import ROLLOUTS
from meshlens.classify.tasks.options import explain

FILE = ROLLOUTS
# It is parsed between two looks at the state store, which must not wait for long.
LARGEST_FILE = 1 << 17
# Of what is wrong with a document, this many characters are told.
_LONGEST_REASON = 1000


class RolloutBody(Rollout):
    """A rollout as callers send it."""

    revision: int | None = Field(
        default=None,
        ge=0,
        strict=True,
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

    revision: Annotated[int, Field(ge=0, strict=True)] = 0
    models: Mapping[str, Ruled] = {}

    def change(self, model: str, rollout: Rollout | None, reason: str = "") -> "Kept":
        """Return it with another rollout of a model, or with none."""
        revision = self.revision + 1
        ruled = Ruled(revision=revision, rollout=rollout, reason=reason)
        return Kept(revision=revision, models={**self.models, model: ruled})


# With a constraint, pydantic refuses halves of surrogate pairs, too.
_File = RootModel[Mapping[Annotated[str, StringConstraints(min_length=1)], Rollout]]


def parse_body(body: bytes) -> RolloutBody:
    """Return the rollout in the body of a request.

    Raises:
        InvalidRollout: it is none, or it could not take effect.
    """
    try:
        parsed = RolloutBody.model_validate_json(body)
    except ValidationError as error:
        raise _refuse(error, 'send for example {"weights": {"1": 90, "2": 10}}') from None
    json.loads(body, object_pairs_hook=_refuse_twice)  # of two, pydantic takes the last
    return parsed


def _refuse_twice(pairs: Sequence[tuple[str, object]]) -> Mapping[str, object]:
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise InvalidRollout(
            "expected each name of an object once",
            got=f"{', '.join(map(repr, twice))} more than once",
            remedy="leave all but one out",
        )
    return dict(pairs)


def parse_kept(data: bytes) -> Kept:
    """Return what the state store keeps; nothing if there is no value.

    Raises:
        RolloutsDamaged: it is something else.
    """
    if not data:
        return Kept()
    try:
        kept = Kept.model_validate_json(data)
    except ValidationError as error:
        raise _damaged(_explain(error)) from None
    # What is not there does not mean none: each version has written these.
    if not kept.model_fields_set >= {"revision", "models"}:
        raise _damaged("no revision or no models")
    for model, ruled in kept.models.items():
        if not ruled.model_fields_set >= {"revision", "rollout"}:
            raise _damaged(f"no revision or no rollout of {model}")
    return kept


def _damaged(got: str) -> RolloutsDamaged:
    return RolloutsDamaged(
        "expected the rollouts that were set as the value of the key `rollouts`",
        got=got,
        remedy="remove the value, and set the rollouts again",
    )


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
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRollout(
            f"{FILE} must be YAML", got=" ".join(str(error).split())[:200], remedy=remedy
        ) from None
    try:
        rollouts = _File.model_validate_strings({} if content is None else content).root
    except ValidationError as error:
        raise _refuse(error, remedy) from None
    judged = [model for model, rollout in rollouts.items() if rollout.judge]
    if judged:
        raise InvalidRollout(
            f"{FILE} may hold no limits that end a rollout, as nothing but the file changes it",
            got=f"judge for {', '.join(judged)[:_LONGEST_REASON]}",
            remedy="leave judge out, or set this rollout by a call",
        )
    return rollouts


class _Texts(yaml.BaseLoader):
    """Reads every scalar as the text that it is, and refuses a name that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - the library's
        """Return a mapping of texts."""
        names = Counter(str(key.value) for key, _ in node.value)
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise yaml.YAMLError(f"{', '.join(twice)} is there twice")
        return super().construct_mapping(node, deep)


def _refuse(error: ValidationError, remedy: str) -> InvalidRollout:
    return InvalidRollout(
        "expected a rollout that can take effect", got=_explain(error), remedy=remedy
    )


def _explain(error: ValidationError) -> str:
    reason = explain(error)
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]} ..."
