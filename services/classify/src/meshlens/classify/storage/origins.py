"""Reads the bytes of a model from where they are first: its folder, the web, or the mesh.

    https://...                      the web
    dapr://state/<store>/<key>       a state store, through the sidecar
    dapr://binding/<binding>/<key>   S3, Azure or Google storage, a folder, through the sidecar

A further scheme, such as s3://, takes another reader in `Origins` and another alternative in the
pattern of `SourcePart.uri` in `formats.card`, which rejects schemes without a reader.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from meshlens.classify.errors import DownloadError, InvalidModel, OriginRefused, OriginUnreachable
from meshlens.classify.storage.places import ANYWHERE, Places
from meshlens.classify.storage.source import Source, read_model, verify
from meshlens.daprkit.errors import InputUnavailable
from meshlens.faults import Place
from meshlens.remote.addresses import hide_credentials
from meshlens.remote.errors import AddressRefused
from meshlens.remote.guard import Guard

_TIMEOUT = 30.0
# Bytes of one model. Models that are larger or take longer must be put into the folder.
LARGEST_MODEL = 1 << 30
LONGEST_FETCH = 300.0

Reader: TypeAlias = Callable[[str], bytes]

_log = logging.getLogger(__name__)


class Origins:
    """Reads models from their origins.

    Args:
        mesh: returns the bytes at an address of the mesh; raises InputUnavailable.
        private: whether https:// may lead to private networks and to this host.
        places: which addresses models may come from.
    """

    def __init__(self, *, mesh: Reader, private: bool = False, places: Places = ANYWHERE) -> None:
        self._places = places
        download = partial(_download, private=private, places=places)
        self._readers: Mapping[str, Reader] = {"https": download, "dapr": mesh}

    def fetch(self, source: Source) -> bytes:
        """Return the bytes of a model from its files, else from the address that its card names.

        Raises:
            InvalidModel: neither has them, or their sha256 is not the card's.
        """
        uri, path = source.card.source.uri, source.path
        if not uri or path.exists():
            return read_model(source)
        scheme = uri.partition(":")[0]
        read, shown = self._readers[scheme], hide_credentials(uri) if scheme == "https" else uri
        try:
            self._places.check_address(uri)
            data = read(uri)
        except (InputUnavailable, DownloadError) as error:
            raise InvalidModel(
                f"{path.name} is not there, and {shown} does not give it: {error.expected}",
                got=error.got,
                remedy=error.remedy or "put the file there or correct source.uri",
                places=[Place(file=path.name)],
            ) from error
        verify(data, source)
        if not source.card.source.sha256:
            _log.warning(
                "model %s version %s came from %s, whose content nobody has pinned; to accept no"
                " other, add to its card: source: {sha256: %s}",
                *(source.model, source.version, shown, hashlib.sha256(data).hexdigest()),
            )
        return data


def _download(uri: str, *, private: bool, places: Places) -> bytes:
    """Return the bytes at an address of the web.

    Raises:
        OriginUnreachable: it does not answer.
        OriginRefused: it must not be called, or answers with a fault, too much or too slowly.
    """
    import httpx  # noqa: PLC0415 - megabytes that replicas with a folder or a full store never need

    guard = Guard(uri, private=private, check=places.check_address)
    deadline, data = time.monotonic() + LONGEST_FETCH, bytearray()
    try:
        with (
            httpx.Client(
                timeout=_TIMEOUT,
                follow_redirects=True,
                event_hooks={"request": [guard]},
            ) as client,
            client.stream("GET", uri, extensions={"trace": guard.trace}) as answer,
        ):
            if not answer.is_success:
                raise OriginRefused(
                    "expected the file",
                    got=f"status {answer.status_code}",
                    remedy="correct source.uri or put the file there",
                )
            for piece in answer.iter_bytes():
                data += piece
                if len(data) > LARGEST_MODEL or time.monotonic() > deadline:
                    raise OriginRefused(
                        f"expected at most {LARGEST_MODEL} bytes in {LONGEST_FETCH:g} s",
                        got="more, or slower",
                        remedy="put the file there",
                    )
    except AddressRefused as error:
        raise OriginRefused.of(error) from error
    except httpx.InvalidURL:
        # Its text may quote a password.
        raise OriginRefused(
            "expected a URL", remedy="percent-encode its special characters, in passwords too"
        ) from None
    except httpx.HTTPError as error:
        raise OriginUnreachable(str(error)) from error
    return bytes(data)
