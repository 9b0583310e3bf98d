"""Two readings -> where they differ, and by how much numbers do that count as equal."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshlens.command.traffic.answers.reading import Message, Reading, Tensor, Tree

# Elements that are compared at a time, as doubles.
_BLOCK = 1 << 20
_LONGEST = 120
# An element of V2's classification extension: 0.900000:2:apple.
_CLASS = re.compile(rb"([-+.\deE]+|nan|inf|-inf):(\d+(?::.*)?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far apart numbers a and b may be: |a - b| <= absolute + relative * |a|.

    Attributes:
        absolute: for numbers near 0.
        relative: to the first server's number.
    """

    absolute: float = 0.0
    relative: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same.

    Attributes:
        place: status, text, `outputs.<name>`, or the path of a field.
        first: what the first server has there.
        second: what the second has.
        note: how much of it differs; may be empty.
    """

    place: str
    first: str
    second: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Deviation:
    """The largest differences between numbers at one place; nan where one is no number."""

    absolute: float = 0.0
    relative: float = 0.0

    def larger(self, other: "Deviation") -> "Deviation":
        """Return the larger of each."""
        return Deviation(
            float(np.maximum(self.absolute, other.absolute)),
            float(np.maximum(self.relative, other.relative)),
        )


@dataclass(slots=True)
class Comparison:
    """The comparison of two answers.

    Attributes:
        tolerance: of numbers.
        differences: what is not the same.
        deviations: by place, also those within the tolerance.
    """

    tolerance: Tolerance
    differences: list[Difference] = field(default_factory=list)
    deviations: dict[str, Deviation] = field(default_factory=dict)

    def compare(self, first: Reading, second: Reading) -> None:
        """Compare two answers; of two that have different statuses, nothing else but the texts."""
        self._equal("status", first.status, second.status)
        self._equal("text", first.text, second.text)
        if first.status != second.status:
            return
        if len(first.messages) != len(second.messages):
            self._equal("messages", len(first.messages), len(second.messages))
            return
        for number, pair in enumerate(zip(first.messages, second.messages, strict=True), 1):
            self._compare_messages(f"messages.{number}." if number > 1 else "", *pair)

    def leave_out(self, patterns: Sequence[str]) -> None:
        """Forget differences at places that match a pattern, such as `outputs.*`."""
        self.differences = [
            it
            for it in self.differences
            if not any(fnmatchcase(it.place, pattern) for pattern in patterns)
        ]

    def _compare_messages(self, prefix: str, first: Message, second: Message) -> None:
        names = {*first.tensors, *second.tensors}
        for name in sorted(names):
            place = f"{prefix}outputs.{name}"
            if name in first.tensors and name in second.tensors:
                self._compare_tensors(place, first.tensors[name], second.tensors[name])
            else:
                self._missing(place, first.tensors, second.tensors, name)
        try:
            self._compare_trees(prefix, "", first.rest, second.rest)
        except RecursionError:
            self._equal(prefix + "nesting", "deep", "deeper")

    def _compare_tensors(self, place: str, first: Tensor, second: Tensor) -> None:
        self._equal(f"{place}.datatype", first.datatype, second.datatype)
        if first.array.shape != second.array.shape:
            self._equal(f"{place}.shape", list(first.array.shape), list(second.array.shape))
        elif first.array.dtype.kind == "O" or second.array.dtype.kind == "O":
            self._compare_texts(place, first.array, second.array)
        else:
            self._compare_numbers(place, first.array, second.array)

    def _compare_texts(self, place: str, first: NDArray[Any], second: NDArray[Any]) -> None:
        pairs = zip(first.ravel(), second.ravel(), strict=True)
        unequal = [at for at, (a, b) in enumerate(pairs) if not self._same_text(place, a, b)]
        if unequal:
            one, other = first.ravel()[unequal[0]], second.ravel()[unequal[0]]
            self._differ(place, one, other, len(unequal), unequal[0], first.shape)

    def _same_text(self, place: str, first: object, second: object) -> bool:
        if first == second:
            return True
        if not isinstance(first, bytes) or not isinstance(second, bytes):
            return False
        one, other = _CLASS.fullmatch(first), _CLASS.fullmatch(second)
        if not one or not other or one[2] != other[2]:
            return False
        values = np.array([float(one[1])]), np.array([float(other[1])])
        return not self._find_unequal(place, *values).size

    def _compare_numbers(self, place: str, first: NDArray[Any], second: NDArray[Any]) -> None:
        one, other = first.ravel(), second.ravel()
        count = begin = 0
        for start in range(0, one.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            unequal = self._find_unequal(place, one[block], other[block])
            if unequal.size and not count:
                begin = start + int(unequal[0])
            count += unequal.size
        if count:
            self._differ(place, one[begin], other[begin], count, begin, first.shape)

    def _find_unequal(
        self, place: str, first: NDArray[Any], second: NDArray[Any]
    ) -> NDArray[np.intp]:
        """Return where numbers are further apart than the tolerance, and note how far any are."""
        apart = np.flatnonzero(first != second)
        wide = np.complex128 if "c" in first.dtype.kind + second.dtype.kind else np.float64
        one, other = first[apart].astype(wide), second[apart].astype(wide)
        numbers = ~(np.isnan(one) & np.isnan(other))
        apart, one, other = apart[numbers], one[numbers], other[numbers]
        if not apart.size:
            self._deviate(place, Deviation())
            return apart
        with np.errstate(divide="ignore", invalid="ignore"):
            # Doubles may not tell large integers apart.
            distance = np.maximum(np.abs(one - other), np.finfo(np.float64).tiny)
            relative = distance / np.abs(one)
        self._deviate(place, Deviation(float(distance.max()), float(relative.max())))
        allowed = self.tolerance.absolute + self.tolerance.relative * np.abs(one)
        far = ~(distance <= allowed) | ~np.isfinite(one) | ~np.isfinite(other)
        where: NDArray[np.intp] = apart[far]
        return where

    def _compare_trees(self, prefix: str, place: str, first: Tree, second: Tree) -> None:
        where = prefix + (place or "body")
        if isinstance(first, dict) and isinstance(second, dict):
            for key in sorted({*first, *second}):
                below = f"{place}.{key}" if place else str(key)
                if key in first and key in second:
                    self._compare_trees(prefix, below, first[key], second[key])
                else:
                    self._missing(prefix + below, first, second, key)
        elif isinstance(first, list) and isinstance(second, list):
            self._compare_lists(prefix, place or "body", first, second)
        elif _is_number(first) and _is_number(second):
            self._compare_numbers(where, np.array([first]), np.array([second]))
        else:
            self._equal(where, first, second)

    def _compare_lists(self, prefix: str, place: str, first: Tree, second: Tree) -> None:
        one, other = _as_numbers(first), _as_numbers(second)
        if one is not None and other is not None and one.shape == other.shape:
            self._compare_numbers(prefix + place, one, other)
        elif len(first) != len(second):
            self._equal(f"{prefix}{place}.length", len(first), len(second))
        else:
            for number, pair in enumerate(zip(first, second, strict=True)):
                self._compare_trees(prefix, f"{place}.{number}", *pair)

    def _missing(
        self, place: str, first: Mapping[str, object], second: Mapping[str, object], key: str
    ) -> None:
        there = [_show(it[key]) if key in it else "nothing" for it in (first, second)]
        self.differences.append(Difference(place, *there))

    def _equal(self, place: str, first: object, second: object) -> None:
        if type(first) is not type(second) or first != second:
            self.differences.append(Difference(place, _show(first), _show(second)))

    def _differ(
        self,
        place: str,
        first: object,
        second: object,
        count: int,
        at: int,
        shape: tuple[int, ...],
    ) -> None:
        index = [int(it) for it in np.unravel_index(at, shape)] if shape else []
        size = math.prod(shape)
        note = f"{count} of {size} elements, the first at {index}" if size > 1 else ""
        self.differences.append(Difference(place, _show(first), _show(second), note))

    def _deviate(self, place: str, deviation: Deviation) -> None:
        self.deviations[place] = self.deviations.get(place, Deviation()).larger(deviation)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_numbers(values: list[Any]) -> NDArray[Any] | None:
    """Return nested lists of numbers as an array; None if they are anything else."""
    try:
        array = np.array(values)
    except ValueError:
        return None
    return array if array.dtype.kind in "iuf" and array.size else None


def _show(value: object) -> str:
    """Return a value as a line can hold it."""
    if isinstance(value, Tensor):
        return f"{value.datatype} {list(value.array.shape)}"
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
