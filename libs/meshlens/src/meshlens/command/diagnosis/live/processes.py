"""Processes of this host by their port: how they were started, and with what environment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process as Linux shows it.

    Attributes:
        words: its command line.
        env: the environment that it was started with.
        folder: its working directory.
    """

    words: Sequence[str]
    env: Mapping[str, str]
    folder: Path

    def flags(self) -> Iterator[tuple[str, str]]:
        """Yield the flags of the command line; one without value is a switch, and true."""
        words = list(self.words[1:])
        while words:
            word = words.pop(0)
            if not word.startswith("-"):
                continue
            name, equals, value = word.lstrip("-").partition("=")
            if not equals:
                has_value = words and not words[0].startswith("--")
                value = words.pop(0) if has_value else "true"
            yield name, value


def read_process(place: Path | None) -> Process | None:
    """Return a process by its folder in /proc; None if this user cannot see it."""
    if place is None:
        return None
    try:
        words = _split(place / "cmdline")
        pairs = (entry.partition("=") for entry in _split(place / "environ"))
        return Process(words, {name: value for name, _, value in pairs}, (place / "cwd").readlink())
    except OSError:  # it has just ended, or is another user's
        return None


def _split(file: Path) -> list[str]:
    return file.read_bytes().rstrip(b"\0").decode(errors="replace").split("\0")
