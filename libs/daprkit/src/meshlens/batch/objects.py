"""Where a job keeps what it has done: named bytes that appear whole or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from meshlens.batch.errors import ObjectsFailed
from meshlens.batch.writing import is_beside, remove_abandoned, write_whole


class Objects(Protocol):
    """Named bytes; a name consists of words of letters, digits, - . and _, separated by /."""

    def get(self, name: str) -> bytes | None:
        """Return the bytes called `name`, or None if there are none.

        Raises:
            ObjectsFailed: they cannot be read.
        """

    def put(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        """Keep `data` under a name, in place of what was there; others see all of it or nothing.

        Args:
            name: of the bytes.
            data: the bytes.
            lasting: whether they must outlast a failure of the machine, not of processes alone.

        Raises:
            ObjectsFailed: they cannot be kept.
        """

    def delete(self, name: str) -> None:
        """Forget the bytes called `name`, if there are any.

        Raises:
            ObjectsFailed: they cannot be deleted.
        """

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with a prefix, in order; it ends in / or is empty.

        Raises:
            ObjectsFailed: they cannot be listed.
        """

    def tidy(self) -> None:
        """Remove what processes that were killed have half written; what is being written stays.

        Raises:
            ObjectsFailed: the objects cannot be listed.
        """


class FolderObjects:
    """Objects as files of a folder, which several processes and hosts may share.

    Args:
        folder: made when the first object is put.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes | None:
        """Return the bytes called `name`, or None if there are none."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", error) from error

    def put(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        """Keep `data`, flushed to the disk if it is to last."""
        try:
            write_whole(self._folder / name, data, flushed=lasting)
        except OSError as error:
            raise _failed("written", error) from error

    def delete(self, name: str) -> None:
        """Forget the bytes called `name`, if there are any."""
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise _failed("deleted", error) from error

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with a prefix, in order; what is half written is left out."""
        yield from sorted(
            path.relative_to(self._folder).as_posix()
            for path in self._walk(prefix)
            if not is_beside(path.name)
        )

    def tidy(self) -> None:
        """Remove what processes that were killed have half written; what is being written stays."""
        for path in self._walk(""):
            remove_abandoned(path)

    def _walk(self, prefix: str) -> Iterator[Path]:
        """Yield all files below a prefix."""
        try:
            for folder, _, files in os.walk(self._folder / prefix, onerror=_raise):
                for file in files:
                    yield Path(folder) / file
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed("listed", error) from error


def _raise(error: OSError) -> None:
    raise error


def _failed(deed: str, error: OSError) -> ObjectsFailed:
    return ObjectsFailed(
        f"the objects of the job must be {deed}",
        got=f"{error.strerror or error} at {error.filename}",
        remedy="make room or give access, then start the job again: what is done is kept",
    )
