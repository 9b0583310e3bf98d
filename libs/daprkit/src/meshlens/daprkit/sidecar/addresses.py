"""Bytes by their address in the mesh, from the components that the app's own sidecar has loaded.

dapr://state/<store>/<key>       a value, or chunks as `blobs` keeps them
dapr://binding/<binding>/<key>   what the output binding's operation `get` returns
"""

import time
from collections.abc import Iterator

from meshlens.daprkit.errors import InputUnavailable, StoreUnavailable
from meshlens.daprkit.sidecar.bindings import Binding
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar

SCHEME = "dapr://"


class Inputs:
    """Reads the bytes at an address.

    Args:
        sidecar: the app's own sidecar.
        timeout: seconds for one operation of a component.
        seconds: for reading everything at one address.
        limit: the maximum number of bytes at one address.
    """

    def __init__(self, sidecar: Sidecar, *, timeout: float, seconds: float, limit: int) -> None:
        self._sidecar = sidecar
        self._timeout = timeout
        self._seconds = seconds
        self._limit = limit

    def read(self, address: str) -> bytes:
        """Return the bytes at `address`, unverified.

        Raises:
            InputUnavailable: there is nothing, or more than the limit, or it takes too long.
        """
        kind, _, rest = address.removeprefix(SCHEME).partition("/")
        component, _, key = rest.partition("/")
        match kind:
            case "state" if component and key:
                pieces = self._read_state(component, key)
            case "binding" if component and key:
                pieces = self._read_binding(component, key)
            case _:
                raise InputUnavailable(
                    f"expected {SCHEME}state/<store>/<key> or {SCHEME}binding/<binding>/<key>",
                    got=repr(address),
                    remedy="correct the address",
                )
        deadline = time.monotonic() + self._seconds
        found, size = [], 0
        for piece in pieces:
            found.append(piece)
            size += len(piece)
            if size > self._limit:
                raise InputUnavailable(
                    f"{address} must have at most {self._limit} bytes",
                    got="more",
                    remedy="store less there",
                )
            if time.monotonic() > deadline:
                raise InputUnavailable(
                    f"{address} must come within {self._seconds:g} s",
                    got=f"{size} bytes until then",
                    remedy="check the component, or store less there",
                )
        if not size:
            raise InputUnavailable(
                f"expected bytes at {address}",
                got="none",
                remedy="check the key: a state store may prefix it with the name of the app that"
                " writes it (keyPrefix)",
            )
        return b"".join(found)

    def _read_state(self, store: str, key: str) -> Iterator[bytes]:
        try:
            yield from BlobStore(self._sidecar, store=store, timeout=self._timeout).read(key)
        except StoreUnavailable as error:
            raise InputUnavailable.of(error) from error

    def _read_binding(self, binding: str, key: str) -> Iterator[bytes]:
        yield Binding(self._sidecar, binding, timeout=self._seconds).get(key)
