"""The first word after `meshlens` chooses a command; the rest is the command's own."""

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from meshlens.command.commands import Command, find_commands

_FAULT = 2
# Works in a clone; nothing is on a package index yet.
_INSTALL = "in a clone of Meshlens: uv tool install './libs/meshlens[all]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; 2 if there is no such command."""
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    commands = find_commands()
    match words:
        case ["-h" | "--help" | "help"]:
            print(_describe(commands))
            return 0
        case ["--version"]:
            print(f"meshlens {version('meshlens')}")
            return 0
        case [first, second, *rest] if f"{first} {second}" in commands:
            return _run(commands[f"{first} {second}"], rest)
        case [name, *rest] if name in commands:
            return _run(commands[name], rest)
        case [name, *_]:
            return _complain(f"expected one of {', '.join(commands)}, got {name!r}")
        case _:
            print(_describe(commands), file=sys.stderr)
            return _FAULT


def _run(command: Command, arguments: Sequence[str]) -> int:
    if command.missing or command.load is None:
        needed = " and ".join(command.missing or command.needs)
        return _complain(f"{command.name} needs {needed}, not installed; {_INSTALL}")
    try:
        main = command.load()
    except ModuleNotFoundError as error:  # what it imports may be an extra of its distribution
        return _complain(
            f"{command.name} needs the package {error.name}, not installed; {_INSTALL}"
        )
    return main(arguments, prog=f"meshlens {command.name}")


def _describe(commands: Mapping[str, Command]) -> str:
    lines = ["usage: meshlens COMMAND [...]", ""]
    for command in commands.values():
        missing = ", ".join(command.missing)
        lines.append(
            f"  {command.name:16}{command.summary}{missing and f' (not installed: {missing})'}"
        )
    lines += ["", "meshlens COMMAND --help lists its options; meshlens --version: this version."]
    return "\n".join(lines)


def _complain(message: str) -> int:
    print(f"meshlens: {message}", file=sys.stderr)
    return _FAULT
