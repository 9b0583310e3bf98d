"""Variables that are probably classes of the observations, coded as whole numbers: 0, 1, 2."""

import re
from collections.abc import Iterator

import numpy as np

from meshlens.pca.tables.columns import Array, RawTable, quote

_NAMED = re.compile(
    r"(.*[\W_])?(class|classes|label|target|species|group|cluster|category|type|cultivar|outcome)",
    re.IGNORECASE,
)
_POINTS = 2  # variables of points, of which none is a class
_FEWEST = 10  # observations: a measurement of fewer may well have few values
_MOST_CLASSES = 10
_MOST_CANDIDATES = 100
_WIDEST = 1000.0  # between the first code and the last
_FIRST = 100  # rows that decide about nearly every variable


def find_class_codes(table: RawTable) -> tuple[str, ...]:
    """Return a hint, in a clause, at each variable that seems to be the class of the observation.

    It has few distinct whole numbers, each more than once, and is called class, group or the like;
    or, if none is, it is the only one with numbers from 0 or 1 on without a gap.
    """
    names = table.known_names
    if len(names) <= _POINTS or len(table.values) < _FEWEST:
        return ()
    coded = dict(_find_coded(table))
    named = [at for at in coded if _NAMED.fullmatch(names[at])]
    counting = [at for at, codes in coded.items() if _counts(codes)]
    chosen = named or (counting if len(counting) == 1 else [])
    return tuple(
        f"column {quote([names[at]])} has {len(coded[at])} distinct whole numbers, as classes have;"
        f" if it holds groups, say group={names[at]}"
        for at in chosen
    )


def _find_coded(table: RawTable) -> Iterator[tuple[int, Array]]:
    """Yield the index and the distinct values of each variable that may be a code."""
    first = table.values[:_FIRST]
    whole = np.flatnonzero((first == np.rint(first)).all(axis=0))
    ranked = np.sort(first[:, whole], axis=0)
    few = (ranked[1:] != ranked[:-1]).sum(axis=0) < _MOST_CLASSES
    candidates = whole[few].tolist()
    # Where many variables have few values, that does not tell a class from a measurement.
    for at in candidates if len(candidates) <= _MOST_CANDIDATES else ():
        codes = _list_codes(np.ascontiguousarray(table.values[:, at]))
        if 1 < len(codes) <= _MOST_CLASSES:
            yield at, codes


def _list_codes(values: Array) -> Array:
    """Return the distinct values; none unless they are whole, close, and each there repeatedly."""
    low, high = float(values.min()), float(values.max())
    if not high - low <= _WIDEST or not (values == np.rint(values)).all():
        return np.empty(0)
    counts = np.bincount((values - low).astype(np.intp))
    codes: Array = np.flatnonzero(counts).astype(np.float64) + low
    return codes if int(counts[counts > 0].min()) > 1 else np.empty(0)


def _counts(codes: Array) -> bool:
    return codes[0] in (0, 1) and codes[-1] == codes[0] + len(codes) - 1
