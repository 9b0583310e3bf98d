"""What a job is told: the options of `transform`, as far as they make sense for parts."""

from collections.abc import Mapping
from typing import Any

from meshlens.batch.job import Fields, Json
from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.options import PictureOptions, TransformOptions, parse_options

# How the source reads; it goes to the opener.
_OF_READING = ("columns", "use", "drop", "header", "delimiter", "decimal", "na", "skip", "sheet")
_OF_NUMBERS = ("k", "seed", "divisor", "log", "missing", "rotation", "diagnostics", "confidence")
_REFUSED = ("names", "color", "shape", "supplementary", "transpose", "fit")
_OF_MARKS = ("group", "color", "shape")
# The pieces of more would not fit into memory together.
MOST_VARIABLES = 2000


def parse_choices(query: Mapping[str, Any]) -> TransformOptions:
    """Return the options of a job.

    Raises:
        InvalidOption: one is unknown or wrong, or jobs do not offer it.
    """
    options = parse_options(TransformOptions, query)
    for name in _REFUSED:
        if getattr(options, name) != type(options).model_fields[name].default:
            raise InvalidOption(
                f"a job over the parts of a table does not offer {name}",
                got=f"{name}={query[name]!r}",
                remedy="leave it out, or fit a table that fits into memory without a job",
                option=name,
            )
    if options.missing not in {Missing.REFUSE, Missing.DROP}:
        raise InvalidOption(
            "missing numbers of a table in parts are refused or dropped: what would fill them"
            " in depends on all parts",
            got=f"missing={options.missing}",
            remedy="say missing=drop",
            option="missing",
        )
    return options


def parse_picture(given: Json) -> PictureOptions | None:
    """Return what is drawn; None if nothing is.

    Args:
        given: whether anything is, or the options of the picture.

    Raises:
        InvalidOption: it is neither, or an option is unknown or wrong.
    """
    if given is False:
        return None
    if given is not True and not isinstance(given, dict):
        raise InvalidOption(
            "picture must be true, false or the options of a picture",
            got=repr(given)[:200],
            remedy='say picture=true, or such as picture={"width": 800}',
            option="picture",
        )
    return parse_options(PictureOptions, {} if given is True else given)


def describe_picture(options: PictureOptions) -> Fields:
    """Return what is drawn, but for defaults, as JSON that `parse_picture` takes."""
    given = {name: getattr(options, name) for name in sorted(options.model_fields_set)}
    return {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value != type(options).model_fields[name].default
    }


def refuse_marks(query: Mapping[str, Any]) -> None:
    """Refuse columns that a picture would show by its marks, were the table not in parts.

    Raises:
        InvalidOption: one is named.
    """
    for name in _OF_MARKS:
        if query.get(name):
            raise InvalidOption(
                "the picture of a table in parts has no groups, colours or shapes of a column",
                got=f"{name}={query[name]!r} and a picture",
                remedy=f"say drop={query[name]}, or leave the picture out",
                option=name,
            )


def describe_numbers(options: TransformOptions) -> Fields:
    """Return all that decides on the numbers, with defaults, as JSON."""
    fields = options.model_dump(mode="json", include=set(_OF_NUMBERS))
    return {**fields, "scaling": options.find_scaling().value, "group": options.group}


def describe_reading(options: TransformOptions) -> Fields:
    """Return all that decides how the source reads, but for defaults, as JSON."""
    # Pydantic's dump warns of fields that were parsed from text into tuples and sets.
    given = {name: getattr(options, name) for name in _OF_READING}
    return {
        # A set has no order of its own.
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in given.items()
        if value != type(options).model_fields[name].default
    }


def refuse_too_wide(p: int) -> None:
    """Refuse a table of so many variables that its pieces would not fit into memory.

    Raises:
        InvalidOption: it has more than `MOST_VARIABLES`.
    """
    if p > MOST_VARIABLES:
        raise InvalidOption(
            f"a job takes at most {MOST_VARIABLES} variables",
            got=f"{p}",
            remedy="choose some of them with use=x,y,z",
            option="use",
        )
