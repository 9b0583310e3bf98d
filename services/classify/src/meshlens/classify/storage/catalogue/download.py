"""Known models at their public origins: fetched, resumed, verified."""

import hashlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import IO, Literal

import httpx
import yaml
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError

from meshlens.classify.errors import InvalidCatalogue, OriginRefused, OriginUnreachable, WrongDigest
from meshlens.classify.formats.tflite import SUBJECT_FILE
from meshlens.remote.addresses import hide_credentials
from meshlens.remote.errors import AddressRefused
from meshlens.remote.guard import Guard

_TIMEOUT = httpx.Timeout(30.0)
# A packed transfer would make lengths and ranges those of the packing.
_HEADERS = {"accept-encoding": "identity"}


class Entry(BaseModel):
    """One model of the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str
    url: HttpUrl
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(gt=0, description="bytes of the file")
    labels: Literal["inside"] = Field(description="where the labels are")
    subject: str = Field(description="what its pictures show, in one word")


def shipped_catalogue() -> bytes:
    """Return the catalogue that comes with the package."""
    return (files("meshlens.classify.storage.catalogue") / "catalogue.yaml").read_bytes()


def decode_catalogue(data: bytes) -> Mapping[str, Entry]:
    """Return the entries of a catalogue in YAML, by name.

    Raises:
        InvalidCatalogue: it is no YAML, or an entry lacks what it needs.
    """
    try:
        return TypeAdapter(dict[str, Entry]).validate_python(yaml.safe_load(data))
    except (yaml.YAMLError, ValidationError) as error:
        raise InvalidCatalogue(
            f"the catalogue cannot be read: {error}", remedy="correct the file"
        ) from error


def download(
    name: str, entry: Entry, folder: Path, *, on_bytes: Callable[[int], object] = lambda _: None
) -> Path:
    """Return the verified file of the model, fetched into `folder` in a repository's layout.

    What has arrived of an interrupted download is kept, and the next one goes on from there. The
    file gets its name when it is whole and verified, so nobody ever reads a part.

    Args:
        name: of the model.
        entry: what the catalogue says about it.
        folder: the repository, made if it is missing.
        on_bytes: told of bytes as they are there, those of an earlier attempt included.

    Raises:
        OriginUnreachable: the origin does not answer, or not to the end; a retry resumes.
        OriginRefused: the origin answers with a fault.
        WrongDigest: another file than the catalogue names; it is thrown away.
    """
    path = folder / name / "1" / f"{name}.tflite"
    if path.is_file() and _digest(path) == entry.sha256:
        on_bytes(path.stat().st_size)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("ab") as file:
        on_bytes(file.tell())
        if file.tell() < entry.size:
            _fetch(entry, file, on_bytes)
    if (actual := _digest(part)) != entry.sha256:
        part.unlink()
        raise WrongDigest(hide_credentials(str(entry.url)), entry.sha256, actual)
    (path.parent / SUBJECT_FILE).write_text(f"{entry.subject}\n", encoding="utf-8")
    return part.replace(path)


def _fetch(entry: Entry, file: IO[bytes], on_bytes: Callable[[int], object]) -> None:
    """Append what is missing of the model to `file`."""
    url, start = str(entry.url), file.tell()
    shown = hide_credentials(url)
    headers = _HEADERS | ({"range": f"bytes={start}-"} if start else {})
    try:
        with (
            httpx.Client(
                timeout=_TIMEOUT,
                follow_redirects=True,
                event_hooks={"request": [Guard(url, private=True)]},
            ) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            if not answer.is_success:
                raise OriginRefused(
                    f"expected {shown} to answer with the file",
                    got=f"status {answer.status_code}",
                    remedy="has it moved? correct the catalogue",
                )
            if answer.status_code != httpx.codes.PARTIAL_CONTENT and start:
                on_bytes(-start)
                file.seek(0)
                file.truncate()
            for chunk in answer.iter_raw():
                file.write(chunk)
                on_bytes(len(chunk))
                if file.tell() > entry.size:
                    break
    except AddressRefused as error:
        raise OriginRefused.of(error) from error
    except httpx.HTTPError as error:
        raise OriginUnreachable(
            f"expected {entry.size} bytes from {shown}",
            got=f"{file.tell()}, then: {type(error).__name__} {error}",
            remedy="are you offline? run the command again to go on",
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
