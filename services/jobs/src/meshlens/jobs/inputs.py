"""The folders that jobs may read: callers name paths, and must not reach what is none of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshlens.jobs.errors import InputNotAllowed

ALL = "*"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where what jobs read may be.

    Attributes:
        folders: with links resolved; None for anywhere.
    """

    folders: Sequence[Path] | None

    @classmethod
    def of(cls, setting: str) -> "Inputs":
        """Return the folders that JOB_INPUTS names."""
        named = [name.strip() for name in setting.split(",") if name.strip()]
        return cls(None if ALL in named else [Path(name).resolve() for name in named])

    def allow(self, path: Path) -> bool:
        """Return whether a path is within one of the folders, wherever links lead to."""
        return self.folders is None or any(map(path.resolve().is_relative_to, self.folders))

    def check(self, path: str | Path, option: str) -> None:
        """Let a path pass that may be read.

        Raises:
            InputNotAllowed: it is elsewhere.
        """
        if not self.allow(Path(path)):
            raise InputNotAllowed(
                "what a job reads must be in a folder of JOB_INPUTS, and so must what its links"
                " lead to",
                got=str(path)[:200],
                remedy="name a path in one of those, or let the operator add its folder",
                option=option,
            )
