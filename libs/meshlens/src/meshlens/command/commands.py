"""Which commands there are: our own, and those of the services that are installed.

A distribution adds one by an entry point of the group `meshlens.commands`: a function that takes
the arguments and `prog`, the name to show in messages, and returns the exit code.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Protocol, cast

GROUP = "meshlens.commands"


class Main(Protocol):
    """What a command is: a function that returns its exit code."""

    def __call__(self, arguments: Sequence[str], *, prog: str) -> int:
        """Run with these arguments, and be called `prog` in messages."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: what is typed after `meshlens`.
        summary: what it does, in a line.
        needs: the distributions that it is not complete without.
        load: imports it; None if its distribution is not installed.
    """

    name: str
    summary: str
    needs: Sequence[str] = ()
    load: Callable[[], Main] | None = None

    @property
    def missing(self) -> list[str]:
        """The distributions that it needs and that are not installed."""
        if self.load and not self.needs:
            return []
        return [name for name in self.needs if find_spec(name.replace("-", ".")) is None]


def _import_own(module: str) -> Main:
    return cast("Main", import_module(module).main)


def _import_found(entry_point: EntryPoint) -> Main:
    return cast("Main", entry_point.load())


_SERVICES = ("meshlens-pca", "meshlens-classify")
_OWN = [
    Command(
        "up",
        "run both services on this host until Ctrl-C",
        _SERVICES,
        partial(_import_own, "meshlens.command.up"),
    ),
    Command(
        "demo",
        "start them, send them points and a photo, show the answers",
        _SERVICES,
        partial(_import_own, "meshlens.command.demo"),
    ),
    Command(
        "record",
        "pass requests on to any model server, and record them",
        _SERVICES,
        partial(_import_own, "meshlens.command.record"),
    ),
    Command(
        "replay",
        "send recorded requests to two servers, print what differs",
        _SERVICES,
        partial(_import_own, "meshlens.command.replay"),
    ),
    Command(
        "jobs",
        "start and watch batch jobs in the mesh",
        load=partial(_import_own, "meshlens.command.jobs"),
    ),
    Command(
        "models rollout",
        "show and set how the requests of a model are shared out",
        load=partial(_import_own, "meshlens.command.rollout"),
    ),
    Command(
        "doctor",
        "look for known traps in files and at live sidecars",
        load=partial(_import_own, "meshlens.command.doctor"),
    ),
]
_KNOWN = [
    Command("pca", "principal components of a table", ["meshlens-pca"]),
    Command("classify", "say what pictures show", ["meshlens-classify"]),
    Command("models", "list and fetch further models", ["meshlens-classify"]),
]


def find_commands() -> Mapping[str, Command]:
    """Return every command by its name, those of known services that are missing included."""
    commands = {command.name: command for command in (*_OWN, *_KNOWN)}
    for entry_point in entry_points(group=GROUP):
        name = entry_point.name
        known = commands.get(name) or Command(name, f"from {entry_point.module}")
        if not known.load:
            commands[name] = replace(known, load=partial(_import_found, entry_point))
    return commands
