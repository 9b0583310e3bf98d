"""What callers may choose, the same in a query and on the command line."""

import csv
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from meshlens.pca.drawing.kinds import refuse_other_kinds
from meshlens.pca.drawing.style import Style, needs
from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers import decomposition, rotation
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.diagnostics import CONFIDENCE
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.numbers.moments import Moments
from meshlens.pca.numbers.rotation import Rotation
from meshlens.pca.numbers.scaling import Divisor, Log, Scaling
from meshlens.pca.numbers.selection import (
    Rule,
    count_above,
    keep_parallel,
    keep_share,
    simulate_chance,
)
from meshlens.pca.numbers.solvers.factors import Factor
from meshlens.pca.tables.columns import MOST_VARIABLES, TextOptions
from meshlens.pca.tables.parts.roles import Roles
from meshlens.pca.tables.table import Table, decode_table
from meshlens.timing import Phase, noted

Array: TypeAlias = npt.NDArray[np.float64]

PARALLEL = "parallel"
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
_MOST_SKIPPED = 100_000

# Of more variables, no more components than these are kept unless k says how many.
_MANY_VARIABLES = 10_000
_DEFAULT_OF_MANY = 10
_MOST_LETTERS = 1000  # of a column's name
_MOST_LISTED = 1 << 20  # letters of a list of names
# Options of pictures that take all observations of a table at a time.
OF_WHOLE_TABLES = ("ellipse", "level", "color", "shape")
_MOST_SIMULATED = 50  # components whose chance is simulated though it decides nothing


def _parse_names(text: object) -> tuple[str, ...]:
    """Return the names of columns in a list such as x,y,"a, b"."""
    if isinstance(text, tuple):
        return text
    if not isinstance(text, str) or len(text) > _MOST_LISTED:
        raise ValueError(f'it must be names of columns as x,y,"a, b" in {_MOST_LISTED} letters')
    try:
        rows = [*csv.reader([text], skipinitialspace=True, strict=True)]
    except csv.Error as error:
        raise ValueError(f'it must be names of columns as x,y,"a, b": {error}') from None
    return tuple(name.strip() for row in rows for name in row)


Name: TypeAlias = Annotated[str, Field(max_length=_MOST_LETTERS)]
Names: TypeAlias = Annotated[
    tuple[str, ...], PlainValidator(_parse_names, json_schema_input_type=str)
]


class NoOptions(BaseModel):
    """Options of a method that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _parse_delimiter(text: object) -> str:
    """Return a delimiter given by its name or as itself."""
    mark = _DELIMITERS.get(str(text), str(text))
    if len(mark) > 1 or mark.isalnum() or mark in "\"'\r\n.+-":
        raise ValueError("it must be comma, semicolon, tab, pipe, space or one other character")
    return mark


def _parse_decimal(text: object) -> str:
    mark = {"point": ".", "comma": ","}.get(str(text), str(text))
    if mark not in ("", ".", ","):
        raise ValueError("it must be . or ,")
    return mark


def _parse_marks(text: object) -> frozenset[str]:
    """Return the cells in a list divided by commas."""
    if isinstance(text, frozenset):
        return text
    return frozenset(filter(None, map(str.strip, str(text).split(","))))


def _parse_rows(text: object) -> frozenset[int]:
    """Return the numbers in a list of numbers and ranges."""
    if isinstance(text, frozenset):
        return text
    rows: set[int] = set()
    for part in filter(None, map(str.strip, str(text).split(","))):
        first, _, last = part.partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise ValueError("it must be numbers of rows and ranges of them, such as 1-3,12")
        start, end = int(first), int(last or first)
        if not 0 < start <= end or end - start >= _MOST_SKIPPED:
            raise ValueError(f"a range must be in order and of at most {_MOST_SKIPPED} rows")
        rows.update(range(start, end + 1))
    return frozenset(rows)


class ReadingOptions(NoOptions):
    """How a body is read."""

    columns: int | None = Field(
        default=None, ge=1, le=MOST_VARIABLES, description="variables of an observation"
    )
    use: Names = Field(
        default=(), description="columns that are the variables: x,y,z; else all columns of numbers"
    )
    drop: Names = Field(default=(), description="columns to leave out: id,comment")
    names: Name = Field(default="", description="column that names the observations")
    group: Name = Field(default="", description="column of the groups; one of names is found")
    color: Name = Field(default="", description="column of numbers by which points are coloured")
    shape: Name = Field(default="", description="column of a second factor, drawn as shapes")
    supplementary: Names = Field(
        default=(), description="columns correlated with the components, but not analysed"
    )
    transpose: bool = Field(
        default=False, description="rows are variables and columns observations"
    )
    header: bool | None = Field(
        default=None, description="whether the first row holds names; detected if not given"
    )
    delimiter: Annotated[str, PlainValidator(_parse_delimiter, json_schema_input_type=str)] = Field(
        default="",
        description="between the cells of text: comma, semicolon, tab, pipe, space (any number of"
        " them) or one other character; found if not given",
    )
    decimal: Annotated[str, PlainValidator(_parse_decimal, json_schema_input_type=str)] = Field(
        default="", description="decimal mark of numbers in text: . or ,; found if not given"
    )
    na: Annotated[frozenset[str], PlainValidator(_parse_marks, json_schema_input_type=str)] = Field(
        default=frozenset(),
        description="further cells of text that mark missing numbers, such as -99,9999",
    )
    skip: Annotated[frozenset[int], PlainValidator(_parse_rows, json_schema_input_type=str)] = (
        Field(
            default=frozenset(),
            description="rows of text to leave out, by their numbers in the file, such as 1-3,12",
        )
    )
    missing: Missing = Field(
        default=Missing.REFUSE,
        description="what becomes of missing numbers: refuse, drop, mean or iterative",
    )
    sheet: str = Field(
        default="",
        max_length=100,
        description="sheet of a workbook; the first with numbers if not given",
    )

    def roles(self) -> Roles:
        """Return which column plays which part, as far as these options say."""
        return Roles(
            use=self.use,
            drop=self.drop,
            names=self.names,
            group=self.group,
            color=self.color,
            shape=self.shape,
            supplementary=self.supplementary,
        )

    @noted(Phase.DECODE)
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
            header=self.header,
            text=TextOptions(
                delimiter=self.delimiter, decimal=self.decimal, missing=self.na, skip=self.skip
            ),
            missing=self.missing,
            sheet=self.sheet,
            log=self._find_log(model),
            transpose=self.transpose,
            roles=self.roles(),
            variables=variables,
            model=model,
        )

    def _find_log(self, model: PcaModel | None) -> Log:
        """Return the logarithm of the numbers in a body; scores have none."""
        del model
        return Log.NONE


def _parse_scaling(text: object) -> object:
    """Return a name of a scaling; a logarithm is none."""
    if text == "log":
        names = ", ".join(Scaling)
        raise ValueError(f"it must be one of {names}; for logarithms say log=10, with any of these")
    return text


class TableOptions(ReadingOptions):
    """How observations are read and scaled.

    Raises:
        InvalidOption: standardize and scaling contradict each other.
    """

    standardize: bool = Field(
        default=False,
        description="divide each variable by its standard deviation: short for scaling=standard",
    )
    scaling: Annotated[Scaling, BeforeValidator(_parse_scaling)] = Field(
        default=Scaling.NONE,
        description="what each centred variable is divided by: none (nothing), standard (its"
        " standard deviation), pareto (the square root of that), range (maximum - minimum) or"
        " vector (its length)",
    )
    divisor: Divisor = Field(
        default=Divisor.SCIKIT_LEARN,
        description="what sums of squares are divided by: n-1 (as R's prcomp), n (as FactoMineR),"
        " or scikit-learn, which has n in the standard deviations of scaling=standard and n-1 in"
        " all else",
    )
    log: Log = Field(
        default=Log.NONE,
        description="logarithm to take of all numbers first: none, e, 2, 10, or 1p for ln(1 + x)",
    )

    @model_validator(mode="after")
    def _refuse_two_scalings(self) -> Self:
        given = {"standardize", "scaling"} <= self.model_fields_set
        if given and self.standardize != (self.scaling is Scaling.STANDARD):
            raise InvalidOption(
                "standardize=true is short for scaling=standard, and the two must agree",
                got=f"standardize={str(self.standardize).lower()} and scaling={self.scaling}",
                remedy="leave one of them out",
                option="standardize",
            )
        return self

    def _find_log(self, model: PcaModel | None) -> Log:
        return self.log if model is None else model.log

    def find_scaling(self) -> Scaling:
        """Return the scaling that both options choose."""
        return Scaling.STANDARD if self.standardize else self.scaling

    def _fit(self, table: Table, k: int | Rule | None) -> PcaModel:
        return decomposition.fit(
            table.values,
            names=table.names,
            k=k,
            scaling=self.find_scaling(),
            divisor=self.divisor,
            log=self.log,
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


class ComponentOptions(TableOptions):
    """How many components are found."""

    k: Annotated[
        int | float | str | None, PlainValidator(_parse_count, json_schema_input_type=str)
    ] = Field(
        default=None,
        description="components to keep: how many, the share of the variance to explain (0.95),"
        f" or {PARALLEL} for as many as explain more than chance; all if not given, or"
        f" {_DEFAULT_OF_MANY} of more than {_MANY_VARIABLES} variables",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description=f"seed of the random numbers of k={PARALLEL}"
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


class FitOptions(ComponentOptions):
    """Options of `fit`."""

    rotation: Rotation = Field(
        default=Rotation.NONE,
        description="rotate the k components that are kept: none or varimax",
        json_schema_extra=needs("k"),
    )

    def decompose(self, table: Table) -> PcaModel:
        """Return the fit of a table with the components that k keeps, rotated if requested.

        Raises:
            InvalidOption: the components cannot be rotated, or k does not say how many to rotate.
        """
        n, p = table.values.shape
        return self._rotate(self._fit(table, self._count_of(n, p)))

    def decompose_parts(
        self, moments: Moments, names: Sequence[str], factor: Factor | None = None
    ) -> PcaModel | None:
        """Return the fit of a table of which only sums are known.

        Args:
            moments: of its observations.
            names: of its variables.
            factor: of its centred and scaled observations.

        Returns:
            None if it takes the factor, but there is none.

        Raises:
            InvalidOption: as `decompose`.
        """
        model = decomposition.decompose(
            moments,
            names=names,
            k=self._count_of(moments.n, len(names)),
            scaling=self.find_scaling(),
            divisor=self.divisor,
            log=self.log,
            factor=factor,
        )
        return None if model is None else self._rotate(model)

    def _count_of(self, n: int, p: int) -> int | Rule | None:
        """Return how many components to find for n observations of p variables."""
        k = self.count()
        if self.rotation is Rotation.NONE:
            return min(n, _DEFAULT_OF_MANY) if k is None and p > _MANY_VARIABLES else k
        if k is None:
            raise InvalidOption(
                "rotation=varimax needs k, the number of components to rotate",
                got="no k",
                remedy=f"say k=2 or more, or k={PARALLEL}: what rotation finds depends on k",
                option="k",
            )
        return k

    def _rotate(self, model: PcaModel) -> PcaModel:
        return model if self.rotation is Rotation.NONE else rotation.rotate(model)


class PlotOptions(Style, ComponentOptions):
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
        return self._fit(table, None)

    def find_chance(self, model: PcaModel) -> Array | None:
        """Return what the components of a model that has all would explain by chance, for a scree.

        They are the thresholds (r,) of parallel analysis; None where nobody reads them, or where
        they take long and do not decide.
        """
        cheap = min(len(model.names), model.n) <= _MOST_SIMULATED
        if self.kind != "scree" or not (cheap or self.k == PARALLEL):
            return None
        return simulate_chance(decomposition.find_spectrum(model), np.random.default_rng(self.seed))

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
        return decomposition.count_kept(model, self.count())


class PictureOptions(Style, NoOptions):
    """Options of the picture of a fit, which is drawn of a table in parts, too.

    Raises:
        InvalidOption: one takes all observations at a time, or says nothing about this picture.
    """

    kind: Literal["scores", "biplot"] = Field(
        default="scores", description="what is drawn: scores or biplot"
    )

    @model_validator(mode="after")
    def _refuse_others(self) -> Self:
        for name in OF_WHOLE_TABLES:
            if name in self.model_fields_set:
                raise InvalidOption(
                    "the picture of a fit has no ellipses, nor colours and shapes of a column",
                    got=f"{name}={getattr(self, name)!r}",
                    remedy="leave it out, or draw the table by the method plot",
                    option=name,
                )
        refuse_other_kinds(self)
        return self


class TransformOptions(FitOptions):
    """Options of `transform`."""

    fit: str = Field(default="", description="id of a stored fit")
    diagnostics: bool = Field(
        default=False,
        description="T squared, squared prediction error, outliers, cos2 and contributions too",
    )
    confidence: float = Field(
        default=CONFIDENCE,
        gt=0,
        lt=1,
        description="share of good observations within the limits",
        json_schema_extra=needs("diagnostics"),
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
        if mistake["type"] == "extra_forbidden":
            expected = "an option must be known"
            remedy = f"the options are: {', '.join(sorted(kind.model_fields)) or 'none here'}"
        else:
            reason = mistake["msg"].removeprefix("Value error, ")
            expected = f"option {name}: {reason[0].lower()}{reason[1:]}"
            remedy = "correct it or leave it out"
        got = "none" if mistake["type"] == "missing" else f"{name}={mistake['input']!r}"
        raise InvalidOption(expected, got=got, remedy=remedy, option=name) from None
