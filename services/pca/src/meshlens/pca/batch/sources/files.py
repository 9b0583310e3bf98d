"""Files of this machine: those that were named, of a folder, or of a pattern."""

import glob
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from meshlens.batch.job import Fields
from meshlens.pca.batch.sources.opening import File, find_state, open_file
from meshlens.pca.errors import InvalidTable
from meshlens.remote.addresses import is_remote

_WILD = "*?["
_HIDDEN = (".", "_")  # as engines call what they leave beside their files: _SUCCESS, .part.crc


class LocalFiles:
    """The files of a table on this machine.

    Args:
        named: files, folders and patterns.
    """

    def __init__(self, named: Sequence[str]) -> None:
        self._named = named
        self._root = Path(find_root(named))

    def list(self) -> Iterator[tuple[str, Fields]]:
        """Yield the files, in order, with their sizes and the times of their last change."""
        try:
            for path in find_files(self._named):
                yield path, find_state(path)
        except OSError as error:
            raise InvalidTable(
                "files must be there and readable",
                got=f"{error.strerror or error}: {error.filename}",
                remedy="correct the name, or give access",
            ) from error

    def open(self, name: str, state: Fields) -> AbstractContextManager[File]:
        """Open a file for reading."""
        del state
        return open_file(name)

    def find_state(self, name: str) -> Fields:
        """Return the size of a file and the time of its last change."""
        return find_state(name)

    def show(self, name: str) -> str:
        """Return a file's name below the folder in which all files are."""
        try:
            return str(Path(name).relative_to(self._root))
        except ValueError:
            return name


def find_files(named: Sequence[str]) -> list[str]:
    """Return the files that were named, and those of folders and patterns, sorted by name.

    Names that begin with . or _ are left out of folders and patterns.

    Raises:
        InvalidTable: there are none, one is named twice, or a folder holds folders.
        OSError: a folder cannot be read.
    """
    found = [file for name in named for file in _expand(name)]
    files = sorted({*found})
    if len(files) < len(found):
        twice = next(file for file in files if found.count(file) > 1)
        raise InvalidTable(
            "each file must be named once",
            got=f"{twice} more than once",
            remedy="leave it out of the list, or of the folder",
        )
    return files


def find_root(named: Sequence[str]) -> str:
    """Return the folder below which all the files are."""
    return os.path.commonpath([_above(name) for name in named])


def is_several(named: Sequence[str]) -> bool:
    """Return whether these are not just the name of one file of this machine."""
    first = named[0]
    return len(named) != 1 or is_remote(first) or Path(first).is_dir() or _is_pattern(first)


def _above(name: str) -> str:
    path = Path(name)
    if path.is_dir():
        return name
    parents = [parent for parent in path.parents if not any(mark in str(parent) for mark in _WILD)]
    return str(parents[0])


def _is_pattern(name: str) -> bool:
    return any(mark in name for mark in _WILD) and not Path(name).exists()


def _expand(name: str) -> list[str]:
    path = Path(name)
    if _is_pattern(name):
        matches = glob.glob(name, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        files = [file for file in matches if Path(file).is_file()]
        files = [file for file in files if not Path(file).name.startswith(_HIDDEN)]
        what = "the pattern"
    elif path.is_dir():
        inside = [file for file in path.iterdir() if not file.name.startswith(_HIDDEN)]
        folders = sorted(file.name for file in inside if file.is_dir())
        if folders:
            raise InvalidTable(
                "a folder must hold the files of one table",
                got=f"the folder {folders[0]!r} in {name}",
                remedy=f"name its files by a pattern, such as '{path / '**' / '*.parquet'}'",
            )
        files = [str(file) for file in inside]
        what = "the folder"
    else:
        return [name]
    if not files:
        raise InvalidTable(
            "there must be files to read", got=f"none in {what} {name}", remedy="name others"
        )
    return files
