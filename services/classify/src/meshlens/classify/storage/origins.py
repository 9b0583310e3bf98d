"""The bytes of a model from where they were first: a file or folder, the web, the mesh."""

import time
from typing import Protocol

from meshlens.classify.errors import InvalidModel
from meshlens.classify.storage.source import Source, read_model, verify
from meshlens.daprkit.errors import InputUnavailable

_TIMEOUT = 30.0
# Of a whole model: what is larger, or takes longer, is put into the folder by somebody else.
LARGEST_MODEL = 1 << 30
LONGEST_FETCH = 300.0


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
                f"{source.path.name} is not there, and its source fails: {error.expected}",
                got=error.got,
                remedy=error.remedy,
            ) from error
        verify(data, source)
        return data


def read_origin(source: Source) -> bytes:
    """Return the bytes of a model from its file, else from the address that its card names.

    Raises:
        InvalidModel: neither has them, or they are not those that the card names.
    """
    uri = source.card.source.uri
    if not uri or source.path.exists():
        return read_model(source)
    data = _download(uri, source.path.name)
    verify(data, source)
    return data


def _download(uri: str, name: str) -> bytes:
    import httpx  # noqa: PLC0415 - megabytes that replicas with a folder or a full store never need

    deadline, data = time.monotonic() + LONGEST_FETCH, bytearray()
    try:
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client,
            client.stream("GET", uri) as answer,
        ):
            for piece in answer.raise_for_status().iter_bytes():
                data += piece
                if len(data) > LARGEST_MODEL or time.monotonic() > deadline:
                    raise InvalidModel(
                        f"{uri} must give at most {LARGEST_MODEL} bytes in {LONGEST_FETCH:g} s",
                        got="more, or slower",
                        remedy=f"put {name} into the folder",
                    )
    except httpx.HTTPError as error:
        raise InvalidModel(
            f"{name} is not there, and {uri} does not give it: {error}",
            remedy="put the file there or correct source.uri",
        ) from error
    return bytes(data)
