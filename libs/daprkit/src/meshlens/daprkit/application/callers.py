"""Callers: who calls, by the word of its sidecar, and who may change what is served."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from meshlens.daprkit.errors import NotAdministrator

# Given a function to call once the caller has gone away; False if that has happened already.
OnCallerGone: TypeAlias = Callable[[Callable[[], None]], bool]

_CALLER = "dapr-caller-app-id"


def read_caller(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the app id of a caller; empty if no sidecar has said it.

    A sidecar adds its app's id to what the app itself has sent under that name, before it or
    behind it, so of several names none can be believed: all are returned, in order, separated by
    commas, which is the id of no app.
    """
    named = {value for key, value in metadata if key == _CALLER and isinstance(value, str)}
    return ", ".join(sorted(named))


@dataclass(frozen=True, slots=True)
class Administrators:
    """The callers that may change what is served.

    Attributes:
        everyone: whether all may.
        apps: the ids of those who may else.
    """

    everyone: bool = False
    apps: frozenset[str] = frozenset()

    @classmethod
    def of(cls, setting: str) -> "Administrators":
        """Return those that the setting ADMIN names: true, false, or ids separated by commas."""
        if setting in ("true", "false"):
            return cls(everyone=setting == "true")
        return cls(apps=frozenset(setting.split(",")))

    def check(self, caller: str) -> None:
        """Let an administrator pass.

        Raises:
            NotAdministrator: the caller is none.
        """
        if not (self.everyone or (caller and caller in self.apps)):
            raise NotAdministrator(
                "ADMIN must name who may change what is served",
                got=f"a call of {caller!r}" if caller else "a call without an app id",
                remedy="set ADMIN to the ids of the apps that may, or to true for all callers",
            )
