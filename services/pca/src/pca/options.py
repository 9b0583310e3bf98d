"""What callers may choose, the same in a query and on the command line."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pca.columns import MOST_COLUMNS
from pca.decomposition import Fit
from pca.errors import InvalidOption
from pca.missing import Missing
from pca.table import Table, decode_table


class NoOptions(BaseModel):
    """Options of a method that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableOptions(NoOptions):
    """How a body is read."""

    columns: int | None = Field(
        default=None, ge=1, le=MOST_COLUMNS, description="variables of an observation"
    )
    group: str = Field(
        default="", max_length=1000, description="column of the groups; one of names is found"
    )
    header: bool | None = Field(
        default=None, description="whether the first row holds names; seen by itself if not said"
    )
    missing: Missing = Field(
        default=Missing.REFUSE,
        description="what becomes of missing numbers: refuse, drop, mean or iterative",
    )
    standardize: bool = Field(
        default=False, description="divide each variable by its standard deviation"
    )

    def read(self, body: bytes, content_type: str, *, model: Fit | None = None) -> Table:
        """Return the observations in a body, read as these options say."""
        return decode_table(
            body,
            content_type,
            columns=self.columns,
            group=self.group,
            header=self.header,
            missing=self.missing,
            model=model,
        )


class PlotOptions(TableOptions):
    """Options of `plot`."""

    title: str = Field(default="", max_length=200, description="stands above the picture")
    width: int = Field(default=640, ge=480, le=4000, description="pixels")
    height: int = Field(default=480, ge=320, le=4000, description="pixels")


class FitOptions(TableOptions):
    """Options of `fit`."""

    k: int | None = Field(default=None, ge=1, description="components to keep, all if not given")


class TransformOptions(FitOptions):
    """Options of `transform`."""

    fit: str = Field(default="", description="id of a stored fit")


Options = TypeVar("Options", bound=NoOptions)


def parse_options(kind: type[Options], query: Mapping[str, str]) -> Options:
    """Return the options in `query`.

    Raises:
        InvalidOption: an unknown one, or a value that is not allowed.
    """
    try:
        return kind.model_validate(query)
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
        name = str(mistake["loc"][0])
        known = ", ".join(sorted(kind.model_fields)) or "none here"
        if mistake["type"] == "extra_forbidden":
            expected, remedy = "an option must be known", "the options are"
        else:
            reason = mistake["msg"]
            expected = f"option {name}: {reason[0].lower()}{reason[1:]}"
            remedy = "correct it or leave it out; the options are"
        raise InvalidOption(
            expected, got=f"{name}={mistake['input']!r}", remedy=f"{remedy}: {known}"
        ) from None
