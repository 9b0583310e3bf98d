"""The rows of a part that is being worked on, kept now and then so that a kill costs little."""

import hashlib
import json
import time
from collections.abc import Sequence

from meshlens.batch.job import Fields, encode
from meshlens.batch.objects import Objects
from meshlens.classify.batch.places.pictures import Picture

# Seconds between two times that they are kept.
EVERY = 10.0


class Rows:
    """The rows of the first pictures of a part, each as canonical JSON.

    Args:
        name: of the object in which they are kept while the part is worked on.
        objects: where it is.
        every: seconds of work that a kill may cost; no byte of the rows depends on it.

    Attributes:
        lines: the rows.
    """

    def __init__(self, name: str, objects: Objects, every: float = EVERY) -> None:
        self._name, self._objects, self._every = name, objects, every
        self._kept_at = time.monotonic()
        self.lines: list[bytes] = []

    def restore(self, pictures: Sequence[Picture]) -> Sequence[Fields]:
        """Return the rows that were kept, for the first of these pictures; none if damaged."""
        seal, _, rest = (self._objects.get(self._name) or b"").partition(b"\n")
        if seal != _seal(rest):
            return ()
        lines = rest.splitlines()
        rows = [json.loads(line) for line in lines]
        shown = [picture.shown for picture in pictures[: len(rows)]]
        if [row["picture"] for row in rows] != shown:
            return ()
        self.lines = lines
        return rows

    def add(self, row: Fields) -> bool:
        """Append a row, keep all of them if that is due, and return whether it was."""
        self.lines.append(encode(row))
        due = time.monotonic() - self._kept_at > self._every
        if due:
            self.keep()
        return due

    def keep(self) -> None:
        """Keep the rows."""
        rest = b"\n".join(self.lines)
        self._objects.put(self._name, b"%b\n%b" % (_seal(rest), rest))
        self._kept_at = time.monotonic()


def _seal(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
