"""How the requests of a model are shared out, as callers read it."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field

from meshlens.classify.serving.rollout import Rollout
from meshlens.classify.serving.versions import State
from meshlens.classify.shadows.report import Agreement


class RolloutDescription(BaseModel):
    """How the requests of a model are shared out, as this replica sees it."""

    model: str = Field(description="its name")
    source: str = Field(
        description="where the rollout is from: `store` (calls), `file`, or empty if there is none"
    )
    revision: int = Field(description="of the rollout, which a change may name; 0 if it has none")
    rollout: Rollout | None = Field(
        default=None, description="what was set; left out if nothing is"
    )
    shares: Mapping[str, float] = Field(
        default={},
        description="percent of the requests by version as this replica answers them now: those"
        " of a version that does not answer are the others', and those of a rollout that does not"
        " take effect are as before it",
    )
    states: Mapping[str, State] = Field(
        default={}, description="where each version that the rollout names is in its life"
    )
    reason: str = Field(default="", description="why it went back by itself; empty if it has not")
    missing: Sequence[str] = Field(
        default=(), description="versions that the rollout names and that are not there"
    )
    agreement: Sequence[Agreement] | None = Field(
        default=None,
        description="how far its shadow agrees with each version that has answered, of which"
        " models/<name>/shadow says more; left out without a shadow",
    )
