"""The options of the methods, as they stand behind the question mark."""

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

from meshlens.classify.errors import InvalidOption
from meshlens.classify.requests.bodies import explain
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


class NoOptions(BaseModel):
    """Options of a method that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelOptions(NoOptions):
    """Options of `preview`."""

    model: str = Field(default="", description="name or name@version")

    def name_and_version(self) -> tuple[str, str]:
        """Return which model is meant; what is left open is empty."""
        name, _, version = self.model.partition("@")
        return name, version


class ClassifyOptions(ModelOptions):
    """Options of `classify`."""

    top_k: int | None = Field(default=None, ge=1, description="how many labels to answer")


def _split(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


Share = Annotated[float, Field(ge=0, le=1)]


class DetectOptions(ModelOptions):
    """Options of `detect`; those after `threshold` are for models that have such an input."""

    top_k: int | None = Field(default=None, ge=1, description="how many boxes to answer at most")
    threshold: float | None = Field(default=None, ge=0, le=1, description="lowest score to answer")
    # Bounds of the work: a smaller face or a finer step means more passes over a larger picture.
    min_size: float | None = Field(default=None, ge=10, le=10_000, description="pixels")
    thresholds: Annotated[tuple[Share, Share, Share] | None, BeforeValidator(_split)] = None
    factor: float | None = Field(default=None, ge=0.1, le=0.9, description="between two scales")

    def parameters(self) -> dict[str, Sequence[float]]:
        """Return the inputs of the model that the caller has set."""
        given = {"min_size": self.min_size, "factor": self.factor}
        numbers = {name: (value,) for name, value in given.items() if value is not None}
        return numbers | ({"thresholds": self.thresholds} if self.thresholds else {})


Options = TypeVar("Options", bound=NoOptions)


def parse_options(kind: type[Options], query: Mapping[str, str]) -> Options:
    """Return the options in `query`.

    Raises:
        InvalidOption: an unknown one, or a value out of its range.
    """
    try:
        return kind.model_validate(query)
    except ValidationError as error:
        known = ", ".join(kind.model_fields) or "none"
        raise InvalidOption(f"{explain(error)}; the options are: {known}") from None
