"""What callers may choose, the same in a query and on the command line."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from meshlens.pca.drawing.kinds import refuse_other_kinds
from meshlens.pca.drawing.style import Style
from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers import decomposition
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.numbers.selection import (
    Rule,
    Spectrum,
    count_above,
    keep_parallel,
    keep_share,
    simulate_chance,
)
from meshlens.pca.tables.columns import MOST_COLUMNS
from meshlens.pca.tables.table import Table, decode_table

Array: TypeAlias = npt.NDArray[np.float64]

PARALLEL = "parallel"
_MOST_SIMULATED = 50  # components whose chance is simulated though it decides nothing


class NoOptions(BaseModel):
    """Options of a method that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadingOptions(NoOptions):
    """How a body is read."""

    columns: int | None = Field(
        default=None, ge=1, le=MOST_COLUMNS, description="variables of an observation"
    )
    group: str = Field(
        default="", max_length=1000, description="column of the groups; one of names is found"
    )
    header: bool | None = Field(
        default=None, description="whether the first row holds names; detected if not given"
    )
    missing: Missing = Field(
        default=Missing.REFUSE,
        description="what becomes of missing numbers: refuse, drop, mean or iterative",
    )

    def read(
        self,
        body: bytes,
        content_type: str,
        *,
        variables: Sequence[str] = (),
        model: PcaModel | None = None,
    ) -> Table:
        """Return the observations in a body, read according to these options."""
        return decode_table(
            body,
            content_type,
            columns=self.columns,
            group=self.group,
            header=self.header,
            missing=self.missing,
            variables=variables,
            model=model,
        )


class TableOptions(ReadingOptions):
    """How observations are read and scaled."""

    standardize: bool = Field(
        default=False, description="divide each variable by its standard deviation"
    )


def _parse_count(text: object) -> int | float | str | None:
    """Return a number of components, a share of the variance or PARALLEL."""
    if text is None or text == PARALLEL:
        return PARALLEL if text else None
    for kind in (int, float):
        try:
            number = kind(str(text))
        except ValueError:
            continue
        if number >= 1 if kind is int else 0 < number < 1:
            return number
    raise ValueError(f"it must be a number of components, a share such as 0.95, or {PARALLEL}")


class FitOptions(TableOptions):
    """Options of `fit`."""

    k: Annotated[int | float | str | None, PlainValidator(_parse_count)] = Field(
        default=None,
        description="components to keep: how many, the share of the variance to explain (0.95),"
        f" or {PARALLEL} for as many as explain more than chance; all if not given",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description=f"of the random numbers of k={PARALLEL}"
    )

    def count(self) -> int | Rule | None:
        """Return how many components to keep, or the rule that determines it."""
        match self.k:
            case float():
                return keep_share(self.k)
            case str():
                return keep_parallel(np.random.default_rng(self.seed))
            case _:
                return self.k

    def decompose(self, table: Table) -> PcaModel:
        """Return the fit of a table with the components that k keeps."""
        return decomposition.fit(
            table.values, names=table.names, k=self.count(), standardize=self.standardize
        )


class PlotOptions(Style, FitOptions):
    """Options of `plot`: the style of the picture, and what it is drawn from.

    Raises:
        InvalidOption: one of them says nothing about this kind of picture.
    """

    fit: str = Field(default="", description="id of a stored fit, whose axes are drawn")

    @model_validator(mode="after")
    def _refuse_other_kinds(self) -> Self:
        refuse_other_kinds(self)
        return self

    def decompose_whole(self, table: Table) -> PcaModel:
        """Return the fit of a table with all its components, of which a picture shows some."""
        return decomposition.fit(table.values, names=table.names, standardize=self.standardize)

    def find_chance(self, model: PcaModel) -> Array | None:
        """Return what the components of a model that has all would explain by chance, for a scree.

        They are the thresholds (r,) of parallel analysis; None where nobody reads them, or where
        they take long and do not decide.
        """
        cheap = min(len(model.names), model.n) <= _MOST_SIMULATED
        if self.kind != "scree" or not (cheap or self.k == PARALLEL):
            return None
        spectrum = Spectrum(model.n, model.variance, model.explained_variance, self.standardize)
        return simulate_chance(spectrum, np.random.default_rng(self.seed))

    def count_kept(self, model: PcaModel, chance: Array | None = None) -> int | None:
        """Return how many components of a model that has all the option k keeps, if it is given.

        Args:
            model: with all its components.
            chance: what `find_chance` has returned, not to be found again.

        Raises:
            InvalidOption: k exceeds the number of the model's components.
        """
        if self.k == PARALLEL and chance is not None:
            return count_above(model.explained_variance, chance)
        return decomposition.count_kept(model, self.count(), standardize=self.standardize)


class TransformOptions(FitOptions):
    """Options of `transform`."""

    fit: str = Field(default="", description="id of a stored fit")
    diagnostics: bool = Field(
        default=False,
        description="T squared, squared prediction error, outliers, cos2 and contributions too",
    )
    confidence: float = Field(
        default=0.95, gt=0, lt=1, description="share of good observations within the limits"
    )


class InverseOptions(ReadingOptions):
    """Options of `inverse`."""

    fit: str = Field(description="id of a stored fit")


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
            reason = mistake["msg"].removeprefix("Value error, ")
            expected = f"option {name}: {reason[0].lower()}{reason[1:]}"
            remedy = "correct it or leave it out; the options are"
        got = "none" if mistake["type"] == "missing" else f"{name}={mistake['input']!r}"
        raise InvalidOption(expected, got=got, remedy=f"{remedy}: {known}", option=name) from None
