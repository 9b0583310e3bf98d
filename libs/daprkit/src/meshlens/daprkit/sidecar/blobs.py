"""A content-addressed blob store over the Dapr state store: chunked, verified on every read.

A blob is named by the sha256 of its bytes. Up to one chunk it is one value under that name;
a longer one is a header under that name and its chunks under `<name>-<position>`. The header is
written last and every byte is hashed before it is handed out, so a blob that is half written,
cut short or changed is absent, never wrong.
"""

import hashlib
from collections.abc import Iterator

import structlog
from pydantic import BaseModel, Field, ValidationError

from meshlens.daprkit.settings import MIB
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.state import StateStore

# A header with more chunks is damaged: this is 4 GiB in chunks of 1 MiB.
MOST_CHUNKS = 4096

_log = structlog.get_logger(__name__)


class _Header(BaseModel):
    """The value under the name of a blob that is longer than one chunk."""

    chunks: int = Field(ge=1, le=MOST_CHUNKS)


class BlobStore:
    """Keeps bytes under their sha256 in a Dapr state store.

    Args:
        sidecar: the app's own sidecar.
        store: name of the state store component.
        timeout: seconds for one operation of the store.
        chunk: the maximum size of one value, in bytes.
    """

    def __init__(self, sidecar: Sidecar, *, store: str, timeout: float, chunk: int = MIB) -> None:
        self._state = StateStore(sidecar, name=store, timeout=timeout)
        self._chunk = chunk

    def put(self, data: bytes) -> str:
        """Keep `data` and return its name, the sha256 in hexadecimal.

        Raises:
            StoreUnavailable: the state store does not take it.
        """
        name = hashlib.sha256(data).hexdigest()
        if len(data) <= self._chunk:
            self._state.save(name, data)
            return name
        starts = range(0, len(data), self._chunk)
        for position, start in enumerate(starts):
            self._state.save(f"{name}-{position}", data[start : start + self._chunk])
        self._state.save(name, _Header(chunks=len(starts)).model_dump_json().encode())
        return name

    def get(self, name: str) -> bytes | None:
        """Return the bytes called `name`, or None if they are absent or damaged.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        value = next(self._state.load(iter([name])))
        if not value or _is_named(value, name):
            return value or None
        data = b"".join(self._chunks(name, value))
        if _is_named(data, name):
            return data
        _log.warning("damaged blob", blob=name, store=self._state.name)
        return None

    def has(self, name: str) -> bool:
        """Return whether there are bytes called `name`, of which at most one chunk is read.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        value = next(self._state.load(iter([name])))
        return _is_named(value, name) or _decode_header(value) is not None

    def read(self, key: str) -> Iterator[bytes]:
        """Yield the bytes under `key`, chunk by chunk, unverified.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        value = next(self._state.load(iter([key])))
        if _decode_header(value) is None:
            yield value
        else:
            yield from self._chunks(key, value)

    def delete(self, name: str) -> None:
        """Delete the bytes called `name`, if present.

        The header is deleted first: a half-deleted blob is absent.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        value = next(self._state.load(iter([name])))
        self._state.remove(name)
        header = _decode_header(value)
        if header and not _is_named(value, name):
            for position in range(header.chunks):
                self._state.remove(f"{name}-{position}")

    def _chunks(self, key: str, value: bytes) -> Iterator[bytes]:
        """Yield the chunks listed by the header in `value`; nothing if it is not a header."""
        header = _decode_header(value)
        chunks = header.chunks if header else 0
        return self._state.load(f"{key}-{position}" for position in range(chunks))


def _decode_header(value: bytes) -> _Header | None:
    try:
        return _Header.model_validate_json(value)
    except ValidationError:
        return None


def _is_named(data: bytes, name: str) -> bool:
    return hashlib.sha256(data).hexdigest() == name
