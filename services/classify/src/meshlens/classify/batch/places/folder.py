"""Pictures that are the files of a folder and of the folders in it."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Fields
from meshlens.classify.batch.errors import NoPictures, UnreadablePicture
from meshlens.classify.batch.places.pictures import Picture
from meshlens.faults import Place

# How the files are called that are pictures, whatever their case.
SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpeg", ".jpg"),
    *(".png", ".tif", ".tiff", ".webp"),
)
# The fault of this process or of this host, and of no picture.
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR})
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})


class FolderPictures:
    """The files of a folder, in the order of their names, folder by folder.

    Links to files are followed, links to folders are not; what is no file, such as a pipe, is
    left out.

    Args:
        folder: where they are.
        patterns: of names below the folder, as for a shell, but that * stands for / too; any one
            has to match. By default the names have to end like those of pictures.
    """

    def __init__(self, folder: Path, patterns: Sequence[str] = ()) -> None:
        self._folder = folder.absolute()
        self._patterns = tuple(patterns)

    @classmethod
    def open(cls, identity: Fields) -> "FolderPictures":
        """Return the place that `identify` has described."""
        return cls(Path(identity["folder"]), identity["patterns"])

    def identify(self) -> Fields:
        """Return the folder and the patterns."""
        return {"folder": str(self._folder), "patterns": list(self._patterns)}

    def list(self) -> Iterator[Picture]:
        """Yield every picture; one that cannot be looked at has no mark."""
        try:
            for parent, folders, files in os.walk(self._folder, onerror=_raise):
                folders.sort()
                below = os.path.relpath(parent, self._folder)
                for file in sorted(files):
                    name = file if below == os.curdir else os.path.join(below, file)  # noqa: PTH118 - a Path for each of a million names takes seconds
                    if matches(name, self._patterns) and (picture := self._look_at(name)):
                        yield picture
        except OSError as error:
            raise NoPictures(
                "the folder of the pictures must be readable, with all folders in it",
                got=f"{error.strerror or error}: {os.fsdecode(error.filename or self._folder)}",
                remedy="check the name, or give access",
            ) from error

    def read(self, picture: Picture) -> bytes:
        """Return the bytes of a picture, which must be as long and as old as it was."""
        path = self._folder / picture.name
        try:
            with path.open("rb") as file:
                before = _mark(os.fstat(file.fileno()))
                data = file.read((picture.size or 0) + 1)
                after = _mark(os.fstat(file.fileno()))
        except OSError as error:
            raise _explain(picture, error) from error
        if not (before == after == (len(data), picture.mark)):
            raise _changed(picture, "other content")
        return data

    def _look_at(self, name: str) -> Picture | None:
        try:
            status = (self._folder / name).stat()
        except OSError as error:
            if error.errno in _OURS:
                raise
            return Picture(name, 0, "")
        return Picture(name, *_mark(status)) if stat.S_ISREG(status.st_mode) else None


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name is that of a picture: by its suffix, or by any pattern if there are."""
    if patterns:
        return any(fnmatchcase(name, pattern) for pattern in patterns)
    return name.lower().endswith(SUFFIXES)


def _raise(error: OSError) -> None:
    raise error


def _mark(status: os.stat_result) -> tuple[int, str]:
    return status.st_size, str(status.st_mtime_ns)


def _explain(picture: Picture, error: OSError) -> Exception:
    if error.errno in _OURS:
        return PartFailed(
            "files must be readable", got=f"{error.strerror}", remedy="run with fewer workers"
        )
    if error.errno in _GONE and picture.mark:
        return _changed(picture, "no such file")
    return UnreadablePicture("a picture must be readable", got=f"{error.strerror or error}")


def _changed(picture: Picture, got: str) -> InputChanged:
    return InputChanged(
        f"{picture.shown} must stay as it was when the job was planned",
        got=got,
        remedy="start the job again once nobody changes the pictures",
        places=[Place(file=picture.shown)],
    )
