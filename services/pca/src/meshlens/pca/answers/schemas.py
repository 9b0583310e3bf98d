"""The answers in JSON as types: one definition for the service, its documentation and clients.

They are dictionaries, so that an answer of a million numbers costs no more than its JSON; pydantic
reads and describes them (`TypeAdapter(ScoresAnswer).json_schema()`).
"""

from typing import Annotated, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from meshlens.pca.models import ModelDocument

_STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(_STRICT)
class Imputation(TypedDict):
    """How an iterative imputation ended."""

    components: Annotated[int, Field(description="that predicted the missing numbers")]
    iterations: Annotated[int, Field(description="how often they were predicted, 1000 at most")]
    converged: Annotated[
        bool, Field(description="whether the last iteration changed no number by more than 1e-6")
    ]
    change: Annotated[
        float,
        Field(description="of the number that it changed most, in standard deviations"),
    ]


@with_config(_STRICT)
class SkippedAnswer(TypedDict):
    """Rows of the input that hold no observation."""

    rows: Annotated[list[int], Field(description="their numbers in the input, from 1")]
    why: Annotated[str, Field(description="comment, title, empty, ...")]


@with_config(_STRICT)
class LeftOutAnswer(TypedDict):
    """A column of the input that has no part in the analysis."""

    column: Annotated[int, Field(description="its position in the input, from 1")]
    name: Annotated[str, Field(description="as the input has it, or x1, x2, ...")]
    why: Annotated[str, Field(description="reason, in words")]


class ReadFormat(TypedDict):
    """What a body was read as; what means nothing for its format is absent."""

    format: Annotated[str, Field(description="delimited text, JSON records, Parquet, ...")]
    encoding: NotRequired[Annotated[str, Field(description="of text, as Python names it")]]
    delimiter: NotRequired[Annotated[str, Field(description="between the cells of text")]]
    decimal_mark: NotRequired[Annotated[str, Field(description="of the numbers in text")]]
    header_row: NotRequired[
        Annotated[int | None, Field(description="row that names the columns; null: none does")]
    ]


class ReadColumns(ReadFormat):
    """What the columns were taken for."""

    variables: Annotated[list[str], Field(description="(p), the columns that were analysed")]
    left_out: Annotated[list[LeftOutAnswer], Field(description="the columns without a part")]
    notes: Annotated[
        list[str],
        Field(description="what was taken in its usual meaning, and what to do if that is wrong"),
    ]


@with_config(_STRICT)
class ReadAnswer(ReadColumns):
    """How the body was read."""

    transposed: NotRequired[Annotated[bool, Field(description="true: rows are variables")]]
    names: NotRequired[Annotated[str, Field(description="column that names the observations")]]
    group: NotRequired[Annotated[str, Field(description="column of the groups")]]
    color: NotRequired[Annotated[str, Field(description="column by which points are coloured")]]
    shape: NotRequired[Annotated[str, Field(description="column of the second factor")]]
    supplementary: NotRequired[
        Annotated[list[str], Field(description="variables related to the components only")]
    ]
    skipped: Annotated[
        list[SkippedAnswer], Field(description="rows of the input that hold no observation")
    ]
    dropped: Annotated[
        list[int],
        Field(description="rows of the input (columns if transposed) left out: missing numbers"),
    ]
    filled: Annotated[list[int], Field(description="those in which missing numbers were filled in")]


@with_config(_STRICT)
class FailedPartAnswer(TypedDict):
    """A part of a table that was left out."""

    part: Annotated[str, Field(description="its file and rows")]
    reason: Annotated[str, Field(description="why it cannot be read")]


@with_config(_STRICT)
class ReadPartsAnswer(ReadColumns):
    """How a table in parts was read; rows are counted, as lists of them could be as long as it.

    What is said of the format is that of the first file.
    """

    observations: Annotated[int, Field(description="that the model was fitted to")]
    dropped: Annotated[int, Field(description="observations left out: missing numbers")]
    parts: Annotated[int, Field(description="that were read")]
    parts_left_out: Annotated[int, Field(description="that could not be read")]
    first_left_out: Annotated[list[FailedPartAnswer], Field(description="the first 100 of those")]


@with_config(_STRICT)
class ReadCounts(TypedDict):
    """How many there are of what a picture's metadata begin to list."""

    variables: Annotated[int, Field(description="columns that were analysed")]
    supplementary: Annotated[int, Field(description="variables related to the components only")]
    left_out: Annotated[int, Field(description="columns without a part")]
    skipped: Annotated[int, Field(description="rows that hold no observation")]
    dropped: Annotated[int, Field(description="observations left out: missing numbers")]
    filled: Annotated[int, Field(description="observations with numbers filled in")]
    notes: Annotated[int, Field(description="what was taken in its usual meaning")]


@with_config(_STRICT)
class Outweighing(TypedDict):
    """A variable beside which the others hardly count."""

    variable: Annotated[str, Field(description="its name")]
    share: Annotated[float, Field(description="of the whole variance")]


class DrawnVariance(TypedDict):
    """What every picture says of what it shows."""

    n: Annotated[int, Field(description="observations")]
    explained_variance_ratio: Annotated[
        list[float], Field(description="of the first 100 components, as far as they were found")
    ]
    outweighing: NotRequired[
        Annotated[
            Outweighing, Field(description="if almost all of the variance is that of one variable")
        ]
    ]


@with_config(_STRICT)
class PictureMetadata(DrawnVariance):
    """What the SVG of `plot` has in its element `metadata`, as JSON."""

    read: Annotated[
        ReadAnswer,
        Field(description="how the body was read: the first 100 entries of each list"),
    ]
    counts: Annotated[ReadCounts, Field(description="entries of the whole lists")]
    axes: NotRequired[Annotated[list[str], Field(description="what x and y are")]]
    marked: NotRequired[
        Annotated[
            list[int],
            Field(
                description="observations, from 0, in the order of their marks, where each has a"
                " mark of its own: up to 3000"
            ),
        ]
    ]
    rows: NotRequired[
        Annotated[
            list[int],
            Field(description="(n), the row of the input of each of these observations"),
        ]
    ]


@with_config(_STRICT)
class PartsPictureMetadata(DrawnVariance):
    """What the SVG of a table in parts has in its element `metadata`, as JSON."""

    read: Annotated[
        ReadPartsAnswer,
        Field(description="how it was read: the first 100 entries of each list"),
    ]


@with_config(_STRICT)
class SupplementaryAnswer(TypedDict):
    """Variables that are no part of the analysis."""

    names: Annotated[list[str], Field(description="(s), of the variables")]
    correlations: Annotated[
        list[list[float | None]],
        Field(description="(k, s), with the scores; null for a constant variable"),
    ]


@with_config(_STRICT)
class ModelAnswer(ModelDocument):
    """Answer of `fit` and of `fits/<id>`: the stored document, and its id."""

    id: Annotated[
        str, Field(description="under which the model is kept: the sha256 of the document")
    ]
    filled: NotRequired[Annotated[int, Field(description="missing cells that were filled in")]]
    dropped: NotRequired[Annotated[int, Field(description="observations that were left out")]]
    imputation: NotRequired[
        Annotated[Imputation, Field(description="if missing numbers were filled in iteratively")]
    ]
    read: NotRequired[Annotated[ReadAnswer, Field(description="how the body of fit was read")]]
    supplementary: NotRequired[
        Annotated[SupplementaryAnswer, Field(description="the variables that the caller named so")]
    ]


@with_config(_STRICT)
class Limits(TypedDict):
    """What the observations of a process in order stay below."""

    confidence: Annotated[float, Field(description="probability with which each does")]
    t2: Annotated[float | None, Field(description="of Hotelling's T squared, if it has a limit")]
    spe: Annotated[
        float | None, Field(description="of the squared prediction error, if it has a limit")
    ]


@with_config(_STRICT)
class ScoresAnswer(TypedDict):
    """Answer of `transform`."""

    fit: NotRequired[Annotated[str, Field(description="id of the stored model, if one was named")]]
    n: Annotated[int, Field(description="observations")]
    k: Annotated[int, Field(description="components")]
    scores: Annotated[
        list[list[float]],
        Field(description="(n, k), coordinates along the components, or rotated ones"),
    ]
    filled: Annotated[int, Field(description="missing cells that were filled in")]
    dropped: Annotated[int, Field(description="observations that were left out")]
    imputation: NotRequired[
        Annotated[Imputation, Field(description="if missing numbers were filled in iteratively")]
    ]
    read: Annotated[ReadAnswer, Field(description="how the body was read")]
    observations: NotRequired[
        Annotated[
            list[int],
            Field(
                description="(n), numbers of the observations among those of the input, from 1;"
                " absent if none was left out"
            ),
        ]
    ]
    labels: NotRequired[Annotated[list[str], Field(description="(n), names of the observations")]]
    groups: NotRequired[Annotated[list[str], Field(description="(n), groups of the observations")]]
    t2: NotRequired[Annotated[list[float], Field(description="(n), Hotelling's T squared")]]
    spe: NotRequired[Annotated[list[float], Field(description="(n), squared prediction errors")]]
    limits: NotRequired[Annotated[Limits, Field(description="of t2 and spe")]]
    outliers: NotRequired[Annotated[list[bool], Field(description="(n), above one of the limits")]]
    cos2: NotRequired[
        Annotated[
            list[list[float]],
            Field(
                description="(n, k), shares of the squared distance from the mean; not if rotated"
            ),
        ]
    ]
    contributions: NotRequired[
        Annotated[
            list[list[float]],
            Field(description="(n, k), shares of the variance of a component; not if rotated"),
        ]
    ]


@with_config(_STRICT)
class PointsAnswer(TypedDict):
    """Answer of `inverse`."""

    fit: Annotated[str, Field(description="id of the stored model")]
    n: Annotated[int, Field(description="points")]
    p: Annotated[int, Field(description="variables")]
    names: Annotated[list[str], Field(description="(p), of the variables")]
    points: Annotated[list[list[float]], Field(description="(n, p), that have the scores")]
    read: Annotated[ReadAnswer, Field(description="how the body was read")]


@with_config(_STRICT)
class DeletedAnswer(TypedDict):
    """Answer of `DELETE fits/<id>`."""

    id: Annotated[str, Field(description="of the model")]
    deleted: Annotated[bool, Field(description="true: it is no longer kept")]


@with_config(_STRICT)
class ReadSummary(ReadFormat):
    """How the body was read, without anything that it contains."""

    left_out: Annotated[int, Field(description="columns without a part")]
    skipped: Annotated[int, Field(description="rows that hold no observation")]
    dropped: Annotated[int, Field(description="observations left out: missing numbers")]
    filled: Annotated[int, Field(description="observations with numbers filled in")]
    notes: Annotated[int, Field(description="doubts that the answer states")]


@with_config(_STRICT)
class Summary(TypedDict):
    """What the event of a result reports about a request."""

    fit: NotRequired[Annotated[str, Field(description="id of the stored model, if there is one")]]
    n: Annotated[int, Field(description="observations")]
    p: Annotated[int, Field(description="variables")]
    explained_variance_ratio: Annotated[
        list[float], Field(description="of the first 10 components")
    ]
    read: Annotated[ReadSummary, Field(description="how the body was read")]
