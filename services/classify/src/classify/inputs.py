"""The bytes of a model whose card names an address of the mesh as their origin."""

from typing import Protocol

from daprkit.errors import InputUnavailable

from classify.errors import InvalidModel
from classify.loading import verify
from classify.origin import read_origin
from classify.sources import Source


class Inputs(Protocol):
    """What the sidecar reaches, such as daprkit's Inputs."""

    def read(self, address: str) -> bytes:
        """Return the bytes at an address."""


class Origin:
    """Reads models from where they were first: the folder, an address of the mesh, or the web.

    Args:
        inputs: what the sidecar reaches.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    def fetch(self, source: Source) -> bytes:
        """Return the bytes of a model.

        Raises:
            InvalidModel: they are not there, or are not those that the card names.
        """
        if not source.card.source.in_mesh or source.path.exists():
            return read_origin(source)
        try:
            data = self._inputs.read(source.card.source.uri)
        except InputUnavailable as error:
            raise InvalidModel(
                f"{source.path.name} is not there, and its source fails: {error}"
            ) from error
        verify(data, source)
        return data
