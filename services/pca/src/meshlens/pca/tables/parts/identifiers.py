"""Variables that are probably numbers of the observations: an id, a counter."""

import re

import numpy as np

from meshlens.pca.tables.columns import Array, RawTable, quote

_NAMED = re.compile(
    r"(.*[\W_])?(ids?|uuid|index|key|code|nr|no|num|number|zip|postcode)", re.IGNORECASE
)
_POINTS = 2  # variables of points, whose first is often evenly spaced
_FEWEST_COUNTED = 5  # with fewer rows, a measurement may well be 1, 2, 3, 4


def find_identifiers(table: RawTable) -> tuple[str, ...]:
    """Return a hint, in a clause, at each variable that seems to number the observations.

    It counts 1, 2, 3, ... from any number on, in a table of more than two variables, which are
    more than points; or its name says that it identifies them and its values are distinct whole
    numbers.
    """
    names = table.known_names
    return tuple(
        f"column {quote([name])} ({_begin(values)}, ...) looks like a number of the observation,"
        f" but is a variable of the analysis; if it is none, say drop={name} or names={name}"
        for name, values in zip(names, table.values.T, strict=True)
        if _identifies(name, values, counting=len(names) > _POINTS)
    )


def _identifies(name: str, values: Array, *, counting: bool) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        # The first rows decide about nearly every variable, without a copy of it.
        counts = (
            counting
            and len(values) >= _FEWEST_COUNTED
            and all(bool((np.diff(part) == 1).all()) for part in (values[:_FEWEST_COUNTED], values))
        )
        if not counts and not _NAMED.fullmatch(name):
            return False
        whole = np.isfinite(values).all() and (values == np.rint(values)).all()
    return bool(whole) and len(np.unique(values)) == len(values)


def _begin(values: Array) -> str:
    return ", ".join(f"{value:.15g}" for value in values[:3].tolist())
