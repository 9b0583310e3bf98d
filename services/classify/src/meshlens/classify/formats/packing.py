"""A folder of files as bytes, and back: the form of a SavedModel outside the file system.

The same files give the same bytes, so their sha256 identifies the model.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

from meshlens.classify.errors import InvalidModel
from meshlens.faults import Place

_REMEDY = "copy or fetch the model again"


def pack(folder: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> bytes:
    """Return the files below `folder` as one uncompressed archive, without hidden ones.

    Args:
        folder: of the model.
        read: returns the bytes of a file.

    Raises:
        OSError: a file cannot be read.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if path.is_file() and not any(part.startswith(".") for part in name.parts):
                data = read(path)
                entry = tarfile.TarInfo(name.as_posix())
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def digest_packed(data: bytes) -> dict[str, str]:
    """Return the sha256 of each file of an archive that `pack` has made, by its name.

    Raises:
        InvalidModel: the bytes are not such an archive.
    """
    digests: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                # What `pack` has made has files alone, each once.
                data = content.read() if content and entry.name not in digests else b""
                digests[entry.name] = hashlib.sha256(data).hexdigest()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise InvalidModel(
            f"the archive of the model is damaged: {error}", remedy=_REMEDY
        ) from error
    return digests


def unpack(data: bytes, folder: Path) -> None:
    """Write the files of an archive into `folder`, and none outside it.

    Raises:
        InvalidModel: the bytes are not such an archive, or a file in it would land elsewhere.
    """
    root = folder.resolve()
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for entry in archive:
                content = archive.extractfile(entry) if entry.isfile() else None
                path = (root / entry.name).resolve()
                if content is None or not path.is_relative_to(root):
                    raise InvalidModel(
                        f"the archive of the model is damaged: {entry.name!r} is not a file in it",
                        remedy=_REMEDY,
                        places=[Place(file=entry.name)],
                    )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise InvalidModel(
            f"the archive of the model is damaged: {error}", remedy=_REMEDY
        ) from error
