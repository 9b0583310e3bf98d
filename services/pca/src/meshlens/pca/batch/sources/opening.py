"""Files of which any bytes can be read, wherever they are."""

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from meshlens.batch.job import Fields
from meshlens.pca.errors import InvalidTable


class File(Protocol):
    """A file that is open for reading, by several threads if need be."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def state(self) -> Fields:
        """What changes if its content does, such as its size and the time of its last change."""

    @property
    def live(self) -> bool:
        """Whether its bytes are read when they are asked for, and may have changed until then."""

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from `start` on, all `length` of them.

        Raises:
            OSError: they cannot be read.
            EOFError: the file ends before.
        """


class Files(Protocol):
    """The files of a table, wherever they are."""

    def list(self) -> Iterator[tuple[str, Fields]]:
        """Yield their names, in order, with what changes if their content does.

        Raises:
            InvalidTable: there are none, or one is no file.
            Fault: they cannot be looked for.
        """

    def open(self, name: str, state: Fields) -> AbstractContextManager[File]:
        """Open a file for reading.

        Args:
            name: of `list`.
            state: of the file as far as it is known. That of the file has all of it, and may have
                more, such as a digest: it is what the next one who opens it is given.

        Raises:
            InvalidTable: it cannot be read, or is none.
            OSError: likewise.
        """

    def find_state(self, name: str) -> Fields:
        """Return what `list` says of a file now.

        Raises:
            InvalidTable: it is none any more.
            OSError: it cannot be looked at; FileNotFoundError if it is not there.
            PartFailed: no file can be looked at now.
        """

    def show(self, name: str) -> str:
        """Return a file's name below the folder in which all files are."""


class LocalFile:
    """A file of this machine."""

    live = True

    def __init__(self, number: int, found: os.stat_result) -> None:
        self._number = number
        self.size = found.st_size
        self.state: Fields = _describe(found)

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from `start` on, all `length` of them."""
        if start < 0 or length < 0 or start + length > self.size:
            raise EOFError(f"{length} bytes at {start} of a file of {self.size}")
        data = os.pread(self._number, length, start)
        if len(data) == length:
            return data
        # One call returns at most 2 GiB.
        parts = [data]
        while data and (length := length - len(data)):
            start += len(data)
            data = os.pread(self._number, length, start)
            parts.append(data)
        if length:
            raise EOFError(f"the file ends {length} bytes too early")
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file that has been read whole, from wherever it is.

    Attributes:
        data: its bytes.
        state: its size and a digest at least.
    """

    data: bytes
    state: Fields
    live = False

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data)

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from `start` on, all `length` of them."""
        if start < 0 or length < 0 or start + length > self.size:
            raise EOFError(f"{length} bytes at {start} of a file of {self.size}")
        return self.data[start : start + length]


@contextmanager
def open_file(path: str) -> Iterator[File]:
    """Open a file for reading.

    Raises:
        InvalidTable: it is a folder, a pipe or the like.
        OSError: it cannot be opened.
    """
    _check_kind(path, Path(path).stat())
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield LocalFile(number, os.fstat(number))
    finally:
        os.close(number)


def find_state(path: str) -> Fields:
    """Return what changes if the content of a file does.

    Raises:
        InvalidTable: it is a folder, a pipe or the like.
        OSError: there is no such file.
    """
    found = Path(path).stat()
    _check_kind(path, found)
    return _describe(found)


def _describe(found: os.stat_result) -> Fields:
    return {"size": found.st_size, "changed": found.st_mtime_ns}


def _check_kind(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InvalidTable(
            "a table that is read in parts must be in files",
            got=f"{path}, which is none",
            remedy="name files, a folder of files, or a pattern such as 'folder/*.parquet'",
        )
