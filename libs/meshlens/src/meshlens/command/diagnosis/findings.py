"""Checks as data, and what they find."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Scope


class Severity(StrEnum):
    """What happens if a finding is left alone."""

    ERROR = "error"
    """Calls, events or data are lost, or others get in."""
    WARNING = "warning"
    """It works until something else happens."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One place that a check objects to.

    Attributes:
        document: where it is.
        path: where in the document.
        got: what is there.
        expected: what should be.
    """

    document: Document
    path: str
    got: str
    expected: str

    @classmethod
    def at(cls, document: Document, node: Node, expected: str, *, got: str = "") -> "Trouble":
        """Return the trouble with a value, which is shown unless `got` says more."""
        return cls(document, node.path, got or node.shown, expected)


@dataclass(frozen=True, slots=True)
class Check:
    """One known trap.

    Attributes:
        id: its name, by which a document can ignore it.
        severity: what happens otherwise.
        title: the trap, in a few words.
        looks_at: what it reads.
        why: what it costs, measured where a number is given.
        fix: what to do.
        find: returns the places that fall into it.
    """

    id: str
    severity: Severity
    title: str
    looks_at: str
    why: str
    fix: str
    find: Callable[[Scope], Iterable[Trouble]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A trap that was found.

    Attributes:
        check: which one.
        trouble: where.
        ignored: why the document wants it to be ignored; empty if it counts.
    """

    check: Check
    trouble: Trouble
    ignored: str = ""
