"""Pictures by name, wherever they are kept."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from meshlens.batch.job import Fields


class Picture(NamedTuple):
    """One picture as a listing has it.

    Attributes:
        name: below the place of the pictures; bytes that are not UTF-8 are surrogates.
        size: of its file in bytes; None if its place does not say before it is read.
        mark: another one if its content has changed: the time of its last change, or a tag; empty
            if its place has nothing of that kind.
    """

    name: str
    size: int | None
    mark: str

    @property
    def shown(self) -> str:
        """The name as text that every reader of UTF-8 takes."""
        return self.name.encode(errors="surrogateescape").decode(errors="backslashreplace")


class Pictures(Protocol):
    """A place of pictures."""

    def identify(self) -> Fields:
        """Return what is needed to find it again, in full."""

    def list(self) -> Iterator[Picture]:
        """Yield every picture, in an order that follows from the names alone.

        Raises:
            Fault: they cannot be listed.
        """

    def read(self, picture: Picture) -> bytes:
        """Return the bytes of a picture.

        Raises:
            InputChanged: it is no longer what was listed.
            UnreadablePicture: it cannot be read, however often it is tried.
            PartFailed: no picture can be read now.
        """
