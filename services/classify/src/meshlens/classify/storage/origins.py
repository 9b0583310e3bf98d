"""Reads the bytes of a model from where they are first: its folder, the web, or the mesh.

    https://...                      the web
    dapr://state/<store>/<key>       a state store, through the sidecar
    dapr://binding/<binding>/<key>   S3, Azure or Google storage, a folder, through the sidecar

A further scheme, such as s3://, takes another reader in `Origins` and another alternative in the
pattern of `SourcePart.uri` in `formats.card`, which rejects schemes without a reader.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from meshlens.classify.errors import DownloadError, InvalidModel, OriginRefused, OriginUnreachable
from meshlens.classify.storage.source import Source, read_model, verify
from meshlens.daprkit.errors import InputUnavailable
from meshlens.faults import Place

_TIMEOUT = 30.0
# Bytes of one model. Models that are larger or take longer must be put into the folder.
LARGEST_MODEL = 1 << 30
LONGEST_FETCH = 300.0

Reader: TypeAlias = Callable[[str], bytes]


class Origins:
    """Reads models from their origins.

    Args:
        mesh: returns the bytes at an address of the mesh; raises InputUnavailable.
    """

    def __init__(self, *, mesh: Reader) -> None:
        self._readers: Mapping[str, Reader] = {"https": _download, "dapr": mesh}

    def fetch(self, source: Source) -> bytes:
        """Return the bytes of a model from its files, else from the address that its card names.

        Raises:
            InvalidModel: neither has them, or their sha256 is not the card's.
        """
        uri, path = source.card.source.uri, source.path
        if not uri or path.exists():
            return read_model(source)
        read = self._readers[uri.partition(":")[0]]
        try:
            data = read(uri)
        except (InputUnavailable, DownloadError) as error:
            raise InvalidModel(
                f"{path.name} is not there, and {uri} does not give it: {error.expected}",
                got=error.got,
                remedy=error.remedy or "put the file there or correct source.uri",
                places=[Place(file=path.name)],
            ) from error
        verify(data, source)
        return data


def _download(uri: str) -> bytes:
    """Return the bytes at an address of the web.

    Raises:
        OriginUnreachable: it does not answer.
        OriginRefused: it answers with a fault, too much or too slowly.
    """
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
                    raise OriginRefused(
                        f"expected at most {LARGEST_MODEL} bytes in {LONGEST_FETCH:g} s",
                        got="more, or slower",
                        remedy="put the file there",
                    )
    except httpx.HTTPError as error:
        raise OriginUnreachable(str(error)) from error
    return bytes(data)
