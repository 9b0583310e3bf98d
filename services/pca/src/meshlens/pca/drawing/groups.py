"""Groups of observations, in an order that does not depend on that of the observations."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.svg.palette import colour_of

Codes: TypeAlias = npt.NDArray[np.intp]

MOST_GROUPS = 56  # as many pairs of colours and shapes differ
_DIGITS = re.compile("([0-9]+)")


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What the marks of points look like.

    Attributes:
        colours: (n,), the place of each point's colour in `classes`.
        classes: of the colours.
        shapes: (n,), the number of each point's shape.
    """

    colours: Codes
    classes: tuple[str, ...]
    shapes: Codes

    @property
    def several(self) -> bool:
        """Whether there are several colours."""
        return len(self.classes) > 1


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of observations.

    Attributes:
        names: the groups, numbers in numeric and words in natural order; empty without groups.
        codes: (n,), the index of each observation's group in `names`.
        rest: how many small groups share the last name, so that the others stay distinguishable.
    """

    names: tuple[str, ...]
    codes: Codes
    rest: int = 0

    def colour_class(self, number: int) -> str:
        """Return the CSS class for a group's colour, or for all points if there are no groups."""
        if not self.names:
            return "all"
        return "rest" if self.rest and number == len(self.names) - 1 else colour_of(number)


def find_groups(groups: Sequence[str], n: int) -> Groups:
    """Number the groups of n observations; without any, all observations are one."""
    if not groups:
        return Groups((), np.zeros(n, dtype=np.intp))
    sizes = Counter(groups)
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))
    kept = sorted(largest if len(sizes) <= MOST_GROUPS else largest[: MOST_GROUPS - 1], key=_order)
    rest = len(sizes) - len(kept)
    place = {name: code for code, name in enumerate(kept)}
    codes = np.fromiter((place.get(name, len(kept)) for name in groups), dtype=np.intp, count=n)
    named = tuple(name or "(no name)" for name in kept)
    return Groups((*named, f"{rest} smaller groups") if rest else named, codes, rest)


def _order(name: str) -> tuple[float, str, list[tuple[float, str]], str]:
    """Return the key that puts numbers first, and words by the numbers in them: a2 before a10."""
    try:
        number = float(name)
    except ValueError:
        number = np.inf
    first, *rest = _DIGITS.split(name)
    parts = [(float(digits), word) for digits, word in zip(rest[::2], rest[1::2], strict=True)]
    return number if number == number else np.inf, first, parts, name  # noqa: PLR0124 - NaN has no order
