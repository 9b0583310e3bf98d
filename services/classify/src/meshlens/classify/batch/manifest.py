"""The manifest: which pictures a job has, in chunks, so that each part reads its own only."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from meshlens.batch.errors import ObjectsFailed
from meshlens.batch.job import Fields
from meshlens.batch.objects import Objects
from meshlens.classify.batch.places.pictures import Picture

# Pictures of a part.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing comes to.

    Attributes:
        pictures: how many there are.
        bytes: of all their files; None if their place does not say the size of each.
        sha256: of the manifest.
    """

    pictures: int
    bytes: int | None
    sha256: str


def count_parts(pictures: int) -> int:
    """Return how many parts a job of so many pictures has."""
    return -(-pictures // CHUNK)


def cut(pictures: Iterable[Picture], most: int = CHUNK) -> Iterator[Sequence[Picture]]:
    """Yield the pictures of each part in turn, `most` of them but for the last."""
    rest = iter(pictures)
    while chunk := [*islice(rest, most)]:
        yield chunk


def encode_chunk(chunk: Iterable[Picture]) -> bytes:
    """Return JSON lines: name, size and mark of each; in ASCII, which any name fits into."""
    return b"".join(json.dumps(picture).encode() + b"\n" for picture in chunk)


def sum_up(pictures: Iterable[Picture]) -> Listing:
    """Return what a listing comes to; it is not kept in memory."""
    total = _Sum()
    for chunk in cut(pictures):
        total.add(chunk, encode_chunk(chunk))
    return total.listing


def write(
    pictures: Iterable[Picture], objects: Objects, most: int = CHUNK
) -> tuple[Listing, list[Fields]]:
    """Keep the manifest, and return what it comes to and what the parts need to know of it."""
    total, parts = _Sum(), list[Fields]()
    for number, chunk in enumerate(cut(pictures, most)):
        data = encode_chunk(chunk)
        if objects.get(_name(number)) != data:
            objects.put(_name(number), data)
        total.add(chunk, data)
        parts.append({"pictures": len(chunk), "sha256": hashlib.sha256(data).hexdigest()})
    return total.listing, parts


def read(number: int, part: Fields, objects: Objects) -> list[Picture]:
    """Return the pictures of a part.

    Raises:
        ObjectsFailed: its chunk is not there, or damaged.
    """
    data = objects.get(_name(number))
    if data is None or hashlib.sha256(data).hexdigest() != part["sha256"]:
        raise ObjectsFailed(
            f"the objects of the job must hold {_name(number)} as it was planned",
            got="none" if data is None else "other bytes",
            remedy="start the job again: what is done is kept",
        )
    return [Picture(*json.loads(line)) for line in data.splitlines()]


class _Sum:
    """Adds up the chunks of a manifest."""

    def __init__(self) -> None:
        self._digest, self._pictures = hashlib.sha256(), 0
        self._bytes: int | None = 0

    def add(self, chunk: Sequence[Picture], data: bytes) -> None:
        self._digest.update(data)
        self._pictures += len(chunk)
        sizes = [picture.size for picture in chunk if picture.size is not None]
        known = self._bytes is not None and len(sizes) == len(chunk)
        self._bytes = (self._bytes or 0) + sum(sizes) if known else None

    @property
    def listing(self) -> Listing:
        return Listing(self._pictures, self._bytes, self._digest.hexdigest())


def _name(number: int) -> str:
    return f"manifest/{number:05d}"
