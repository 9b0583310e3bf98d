"""The answers in JSON as types: one definition for the service, its documentation and clients.

A field that an answer may lack has the default None, and is then left out of the JSON.
"""

from pydantic import BaseModel, ConfigDict, Field

from meshlens.pca.models import ModelDocument


class Answer(BaseModel):
    """Base of the answers in JSON."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ModelAnswer(ModelDocument):
    """Answer of `fit` and of `fits/<id>`: the stored document, and its id."""

    id: str = Field(description="under which the model is kept: the sha256 of the document")
    filled: int | None = Field(default=None, description="missing cells that were filled in")
    dropped: int | None = Field(default=None, description="observations that were left out")


class Limits(Answer):
    """What the observations of a process in order stay below."""

    confidence: float = Field(description="probability with which each does")
    t2: float | None = Field(description="of Hotelling's T squared, if it has a limit")
    spe: float | None = Field(description="of the squared prediction error, if it has a limit")


class ScoresAnswer(Answer):
    """Answer of `transform`."""

    fit: str | None = Field(default=None, description="id of the stored model, if one was named")
    n: int = Field(description="observations")
    k: int = Field(description="components")
    scores: list[list[float]] = Field(description="(n, k), coordinates along the components")
    filled: int = Field(description="missing cells that were filled in")
    dropped: int = Field(description="observations that were left out")
    labels: list[str] | None = Field(default=None, description="(n), names of the observations")
    groups: list[str] | None = Field(default=None, description="(n), groups of the observations")
    t2: list[float] | None = Field(default=None, description="(n), Hotelling's T squared")
    spe: list[float] | None = Field(default=None, description="(n), squared prediction errors")
    limits: Limits | None = Field(default=None, description="of t2 and spe")
    outliers: list[bool] | None = Field(default=None, description="(n), above one of the limits")
    cos2: list[list[float]] | None = Field(
        default=None, description="(n, k), shares of the squared distance from the mean"
    )
    contributions: list[list[float]] | None = Field(
        default=None, description="(n, k), shares of the variance of a component"
    )


class PointsAnswer(Answer):
    """Answer of `inverse`."""

    fit: str = Field(description="id of the stored model")
    n: int = Field(description="points")
    p: int = Field(description="variables")
    names: list[str] = Field(description="(p), of the variables")
    points: list[list[float]] = Field(description="(n, p), that have the scores")


class DeletedAnswer(Answer):
    """Answer of `DELETE fits/<id>`."""

    id: str = Field(description="of the model")
    deleted: bool = Field(description="true: it is no longer kept")


class Summary(Answer):
    """What the event of a result reports about a request."""

    fit: str | None = Field(default=None, description="id of the stored model, if there is one")
    n: int = Field(description="observations")
    p: int = Field(description="variables")
    explained_variance_ratio: list[float] = Field(description="of the first 10 components")
