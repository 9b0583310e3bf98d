"""Faults as data: what was expected, what was received, what to do about it, and where.

Every error that a package of this project raises on purpose is a Fault. Its text is for people, its
attributes are for programs: pages, clients and logs read those and never the text. This module
imports only the standard library, so that any part of any package can raise a fault.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

_LONGEST_NAME = 80
_INNER_CAPITAL = re.compile(r"(?<=.)(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the fault is in the request. Numbers count from 1; None and "" mean unknown.

    Attributes:
        row: of a table; of text, the line it begins in: blank lines and the header count.
        column: of a table.
        value: of a table on one line.
        image: of a request with several.
        byte: of a body.
        field: the name of a column, of a tensor, or of a part of a document.
        file: its name.
    """

    row: int | None = None
    column: int | None = None
    value: int | None = None
    image: int | None = None
    byte: int | None = None
    field: str = ""
    file: str = ""

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} {number}" for name, number in self.numbers().items())
        name = self.field or self.file
        if len(name) > _LONGEST_NAME:
            name = f"{name[: _LONGEST_NAME - 1]}…"
        return f"{numbers} ({name})" if numbers and name else numbers or name

    @property
    def path(self) -> str:
        """The place in one word, such as row[3].column[2]; else the name of the field or file."""
        numbers = ".".join(f"{name}[{number}]" for name, number in self.numbers().items())
        return numbers or self.field or self.file

    def facts(self) -> dict[str, str]:
        """Return what is known of the place, as text by name."""
        known = {name: str(number) for name, number in self.numbers().items()}
        return known | {name: getattr(self, name) for name in _NAMES if getattr(self, name)}

    def numbers(self) -> dict[str, int]:
        """Return what is known of the place in numbers, which quote nothing of the request."""
        known = ((name, getattr(self, name)) for name in _NUMBERS)
        return {name: number for name, number in known if number is not None}

    @classmethod
    def of_facts(cls, facts: Mapping[str, str]) -> "Place":
        """Return the place described by these facts; other facts are ignored."""
        known: dict[str, Any] = {name: facts[name] for name in _NAMES if name in facts}
        for name in _NUMBERS:
            if facts.get(name, "").isdecimal():
                known[name] = int(facts[name])
        return cls(**known)

    @classmethod
    def of_path(cls, path: str) -> "Place":
        """Return the place that has this path; a name is taken for a field."""
        numbers: dict[str, Any] = {name: int(number) for name, number in _NUMBERED.findall(path)}
        return cls(**numbers) if numbers else cls(field=path)


_NAMES = ("field", "file")
_NUMBERS = tuple(field.name for field in fields(Place) if field.name not in _NAMES)
_NUMBERED = re.compile(rf"\b({'|'.join(_NUMBERS)})\[(\d+)\]")


class Fault(Exception):
    """Base of the errors that are raised on purpose.

    Args:
        expected: what would have been right, as a clause ("rows must have equal length"); the
            whole text if there is nothing to add.
        got: what was received instead.
        remedy: what the caller can do about it.
        option: the name of the option concerned.
        places: where it is in the request, the first one first.
    """

    def __init__(
        self,
        expected: str,
        *,
        got: str = "",
        remedy: str = "",
        option: str = "",
        places: Iterable[Place] = (),
    ) -> None:
        self.expected = expected
        self.got = got
        self.remedy = remedy
        self.option = option
        self.places = tuple(places)
        actual = f", got {got}" if got else ""
        super().__init__(f"{expected}{actual}{remedy and f'; {remedy}'}")

    @classmethod
    def of(cls, fault: "Fault", *, where: str = "", places: Iterable[Place] | None = None) -> Self:
        """Return a fault of this class that says what another one says.

        The class must take the arguments of this one.

        Args:
            fault: the other one.
            where: that was, to be said before the text.
            places: in place of those of the other one.
        """
        return cls(
            f"{where}: {fault.expected}" if where else fault.expected,
            got=fault.got,
            remedy=fault.remedy,
            option=fault.option,
            places=fault.places if places is None else places,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # By default an exception is made again from its text alone, which drops the rest or fails.
        return _restore, (type(self), self.args), self.__dict__

    @property
    def reason(self) -> str:
        """What kind of fault it is, in one word for programs: INVALID_TABLE for InvalidTable."""
        return name_reason(type(self))


def name_reason(kind: type[Fault]) -> str:
    """Return the reason of all faults of a class."""
    return _INNER_CAPITAL.sub("_", kind.__name__).upper()


F = TypeVar("F", bound=Fault)


def _restore(kind: type[F], arguments: tuple[object, ...]) -> F:
    """Return a fault as it was before it was pickled, but for its attributes."""
    return kind.__new__(kind, *arguments)
