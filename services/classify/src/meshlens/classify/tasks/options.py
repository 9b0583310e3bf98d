"""The query options that methods share; a task adds its own."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meshlens.classify.errors import InvalidOption


class NoOptions(BaseModel):
    """Options of a method that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelOptions(NoOptions):
    """Options of a method that a model answers."""

    model: str = Field(default="", description="name, name@version or name@label")

    key: str = Field(
        default="",
        max_length=256,
        description="keeps requests at one version where a rollout chooses by option",
    )

    def name_and_version(self) -> tuple[str, str]:
        """Return the model and version requested; empty where not given."""
        name, _, version = self.model.partition("@")
        return name, version


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
        raise InvalidOption(
            explain(error),
            remedy=f"the options are: {known}",
            option=str(error.errors(include_url=False)[0]["loc"][0]),
        ) from None


def explain(error: ValidationError) -> str:
    """Return pydantic's message on one line and without its links."""
    return "; ".join(
        f"{'.'.join(map(str, mistake['loc'])) or 'body'}: {mistake['msg']}"
        + (f", got {mistake['input']!r:.60}" if mistake["loc"] else "")
        for mistake in error.errors(include_url=False)
    )
