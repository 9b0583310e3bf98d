"""Where a job keeps what it has done: named bytes that appear whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from meshlens.batch.errors import ObjectsFailed

_BESIDE = ".part"


class Objects(Protocol):
    """Named bytes; a name consists of words of letters, digits, - . and _, separated by /."""

    def get(self, name: str) -> bytes | None:
        """Return the bytes called `name`, or None if there are none.

        Raises:
            ObjectsFailed: they cannot be read.
        """

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under a name, in place of what was there; others see all of it or nothing.

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

    def put(self, name: str, data: bytes) -> None:
        """Keep `data`: written beside, flushed to the disk, renamed, and that flushed, too."""
        path = self._folder / name
        beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}{_BESIDE}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with beside.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(path)
                _flush_folder(path.parent)
            except BaseException:
                with contextlib.suppress(OSError):
                    beside.unlink(missing_ok=True)
                raise
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
        root = self._folder / prefix
        try:
            found = sorted(
                (Path(folder) / file).relative_to(self._folder).as_posix()
                for folder, _, files in os.walk(root, onerror=_raise)
                for file in files
                if not file.endswith(_BESIDE)
            )
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed("listed", error) from error
        yield from found


def _flush_folder(folder: Path) -> None:
    """Have names on the disk in the order in which they were given: results before their piece."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raise(error: OSError) -> None:
    raise error


def _failed(deed: str, error: OSError) -> ObjectsFailed:
    return ObjectsFailed(
        f"the objects of the job must be {deed}",
        got=f"{error.strerror or error} at {error.filename}",
        remedy="make room or give access, then start the job again: what is done is kept",
    )
