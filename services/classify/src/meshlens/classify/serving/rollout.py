"""Rollouts: which version of a model answers the requests that name none.

A rollout is data. What it makes of a request depends on nothing but the request: every replica
that knows the same rollout chooses alike.
"""

import hashlib
import math
import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from meshlens.classify.errors import InvalidRollout
from meshlens.classify.formats.card import Task
from meshlens.faults import Place

VERSION_HEADER = "meshlens-version"
"""The header by which a caller names a version where the request itself names none."""

CALLER, OPTION, HEADER = "caller", "option", "header:"
MOST_VERSIONS = 16
MOST_LABELS = 64
# Percentages are given in hundredths at most, so that their sum is exact.
_HUNDREDTHS = 100
_ALL = 100 * _HUNDREDTHS
# Who computes them may be off by as much as doubles are.
_ROUNDING = 1e-9

_HEADER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Number = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,18}$|^0$")]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$")]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False, strict=True)]


class Shadow(BaseModel):
    """A version that sees a share of the traffic, and whose answers go nowhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Number = Field(description="its number")
    percent: Percent = Field(gt=0, description="of the requests that it sees")


class Judge(BaseModel):
    """Limits that end a rollout by themselves; each replica looks at its own requests."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    window: float = Field(
        default=60,
        ge=1,
        le=3600,
        description="seconds that are looked at",
    )
    requests: int = Field(
        default=50,
        ge=1,
        le=1000,
        description="of a version in that time, or inputs of a shadow, before they are judged",
    )
    errors: float | None = Field(
        default=None,
        ge=0,
        lt=100,
        description="of a version's requests that may fail beyond those of the base",
    )
    latency: float | None = Field(
        default=None,
        gt=1,
        le=1000,
        description="how many times the median of the base's seconds that of a version may be",
    )
    agreement: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="of the inputs that the shadow saw, those in which it must agree",
    )

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.errors is None and self.latency is None and self.agreement is None:
            raise ValueError("expected a limit: errors, latency or agreement")
        return self


class Rollout(BaseModel):
    """How the requests that name a model, but none of its versions, are shared out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: Mapping[Number, Percent] = Field(
        default={},
        max_length=MOST_VERSIONS,
        description="percent of the requests by version, 100 together; without any, the version"
        " labelled stable answers, else the newest that is AVAILABLE",
    )
    base: Number | None = Field(
        default=None,
        description="the version to go back to; if left out, the lowest of `weights`",
    )
    key: str = Field(
        default="",
        description="what keeps a caller's requests at one version: caller (the app id of who"
        " calls), header:<name>, or option (`?key=`); if left out, each request is drawn anew",
    )
    labels: Mapping[Label, Number] = Field(
        default={},
        max_length=MOST_LABELS,
        description="versions by label, besides those of MODEL_LABELS and before them",
    )
    shadow: Shadow | None = Field(
        default=None, description="a version that is tried beside; left out if there is none"
    )
    judge: Judge | None = Field(
        default=None, description="what ends it by itself; left out if nothing does"
    )

    @field_validator("weights")
    @classmethod
    def _sums_up(cls, weights: Mapping[str, float]) -> Mapping[str, float]:
        for version, percent in weights.items():
            hundredths = percent * _HUNDREDTHS
            if not math.isclose(hundredths, round(hundredths), rel_tol=_ROUNDING):
                raise ValueError(f"expected at most two decimals, got {percent!r} for {version}")
        total = sum(round(percent * _HUNDREDTHS) for percent in weights.values())
        if weights and total != _ALL:
            raise ValueError(f"expected percentages that are 100 together, got {total / 100:g}")
        return {version: round(percent, 2) for version, percent in weights.items()}

    @field_validator("key")
    @classmethod
    def _names_a_key(cls, key: str) -> str:
        name = key.removeprefix(HEADER)
        if name == VERSION_HEADER:
            raise ValueError("expected a header that does not name the version itself")
        if key in ("", CALLER, OPTION) or (name != key and _HEADER_NAME.fullmatch(name)):
            return key
        raise ValueError("expected caller, option or header:<name in lower case>")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.shadow and not self.weights:
            # The newest version would answer else, which a shadow often is.
            raise ValueError("expected weights beside shadow, which say what answers")
        if not (self.weights or self.labels):
            raise ValueError("expected weights or labels; DELETE ends a rollout")
        if self.base is not None and not self.weights:
            raise ValueError("expected weights beside base, which is where they go back to")
        if self.key and not self.weights:
            raise ValueError("expected weights beside key, which is what it chooses by")
        if self.shadow and self.weights.get(self.shadow.version) == 100:  # noqa: PLR2004 - percent
            raise ValueError(
                f"expected a shadow that does not answer every request itself, got version"
                f" {self.shadow.version}"
            )
        if self.judge:
            self._check_judge(self.judge)
        return self

    def _check_judge(self, judge: Judge) -> None:
        tried = [it for it, weight in self.weights.items() if weight and it != self.target]
        if not (tried or self.shadow):
            raise ValueError("expected a version or a shadow to judge besides the base")
        if judge.agreement is not None and self.shadow is None:
            raise ValueError("expected a shadow whose agreement is judged")
        if (judge.errors is not None or judge.latency is not None) and not tried:
            raise ValueError("expected a version with a weight whose requests are judged")
        if judge.latency is not None and not self.weights.get(self.target or ""):
            raise ValueError("expected a base with a weight, to compare its latency with")

    @property
    def target(self) -> str | None:
        """The version to go back to; None without weights."""
        return self.base or min(self.weights, key=int, default=None)

    @property
    def header(self) -> str | None:
        """The header that keeps requests at one version; None if none does."""
        name = self.key.removeprefix(HEADER)
        return name if name != self.key else None

    @property
    def versions(self) -> frozenset[str]:
        """Every version that it names."""
        named = {*self.weights, *self.labels.values()}
        also = (self.base, self.shadow.version if self.shadow else None)
        return frozenset(named.union(filter(None, also)))

    def roll_back(self) -> "Rollout":
        """Return what sends every request to the version to go back to, and tries nothing."""
        weights = {self.target: 100.0} if self.target else {}
        return self.model_copy(update={"weights": weights, "shadow": None, "judge": None})


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a model, as far as the choice of its version depends on it.

    Attributes:
        caller: the app id of who calls; empty if no sidecar has said it.
        headers: of the call, names in lower case.
        key: the option of that name.
    """

    caller: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = ""

    @property
    def version(self) -> str:
        """The version or label that a header names; empty if none does."""
        return self.headers.get(VERSION_HEADER, "")

    def find_key(self, kind: str) -> str:
        """Return what keeps its requests at one version; empty if it has nothing of that kind."""
        if kind == CALLER:
            return self.caller
        return self.key if kind == OPTION else self.headers.get(kind.removeprefix(HEADER), "")


NOBODY = Asking()


def choose(model: str, rollout: Rollout, able: Collection[str], asking: Asking) -> str | None:
    """Return the version that answers a request; None if none with a weight can.

    Requests with one key get one version. When weights change, a key only moves to a version
    whose share has grown; when a version goes, only its keys move. That is weighted rendezvous
    hashing: https://www.snia.org/sites/default/files/SDC15_presentations/dist_sys/Jason_Resch_New_Consistent_Hashings_Rev.pdf

    Args:
        model: its name: a key has other versions in another model.
        rollout: the weights.
        able: the versions that can answer.
        asking: who asks.
    """
    weights = {it: weight for it, weight in rollout.weights.items() if weight and it in able}
    if len(weights) <= 1:
        return next(iter(weights), None)
    key = asking.find_key(rollout.key) if rollout.key else ""
    if not key:
        return random.choices(tuple(weights), tuple(weights.values()))[0]  # noqa: S311 - a share of traffic
    return max(weights, key=lambda it: weights[it] / -math.log(_place(model, it, key)))


def _place(model: str, version: str, key: str) -> float:
    """Return a number between 0 and 1, the same for the same words."""
    words = b"\0".join(it.encode("utf-8", "surrogateescape") for it in (model, version, key))
    digest = hashlib.blake2b(words, digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / (1 << 48)


def check_tasks(rollout: Rollout, tasks: Mapping[str, Task]) -> None:
    """Let a rollout pass whose versions are called alike, and whose shadow can be compared.

    Args:
        rollout: the rollout.
        tasks: of the versions that it names, by number, as far as they are known.

    Raises:
        InvalidRollout: two versions with a weight, or one and the shadow, have different tasks.
    """
    weighted = {it: tasks[it] for it, weight in rollout.weights.items() if weight and it in tasks}
    if len(set(weighted.values())) > 1:
        raise InvalidRollout(
            "versions that share requests must have one task",
            got=", ".join(f"{task} of version {it}" for it, task in weighted.items()),
            remedy="share requests out to versions of one task",
            places=[Place(field="weights")],
        )
    if rollout.shadow is None or rollout.shadow.version not in tasks:
        return
    own = tasks[rollout.shadow.version]
    for version, weight in rollout.weights.items():
        if weight and version in tasks and tasks[version] is not own:
            raise InvalidRollout(
                f"a shadow must have the task of the versions that answer: {tasks[version]}",
                got=f"{own}, that of version {rollout.shadow.version}",
                remedy="shadow a version of the same task",
                places=[Place(field="shadow")],
            )
