"""Compressed bodies -> the bytes within, no more of them than a body of that size may hold."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.growth import find_limit, too_large

_GZIP = 16 + zlib.MAX_WBITS
_SLICE = 1 << 14  # bytes of input at once; what a stream leaves of it is copied
_PART = 1 << 20  # bytes of output at once
_MOST_WINDOW = 128 << 20  # bytes; xz -9 takes 65 MiB


class _Stream(Protocol):
    """What the standard library's decompressors of bzip2 and xz have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class _Gzip:
    """The decompressor of gzip, with the interface of the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_GZIP)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = _PART) -> bytes:
        part = self._inner.decompress(data or self._inner.unconsumed_tail, max_length)
        full = len(part) == max_length
        self.needs_input = not (self.eof or full or self._inner.unconsumed_tail)
        return part


@dataclass(frozen=True, slots=True)
class Compression:
    """A way to compress one file.

    Attributes:
        name: as people call it.
        magic: the first bytes of what it has compressed.
        open: returns what decompresses one stream.
    """

    name: str
    magic: bytes
    open: Callable[[], _Stream]


_KNOWN = (
    Compression("gzip", b"\x1f\x8b\x08", _Gzip),
    Compression("bzip2", b"BZh", bz2.BZ2Decompressor),
    Compression("xz", b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(memlimit=_MOST_WINDOW)),
)
_BZIP2_BLOCK = b"1AY&SY"  # after the level; without it, BZh may be the name of a column


def find_compression(body: bytes) -> Compression | None:
    """Return how a body is compressed, None if it is not."""
    for known in _KNOWN:
        if body.startswith(known.magic) and (known.magic != b"BZh" or body[4:10] == _BZIP2_BLOCK):
            return known
    return None


def decompress(body: bytes, how: Compression) -> bytes:
    """Return the content of a compressed body, which may consist of several streams.

    Raises:
        InvalidTable: it is damaged or incomplete, or holds more than a body of its size may.
    """
    parts, total = [], 0
    try:
        for part in _read_streams(body, how):
            total += len(part)
            if total > find_limit(len(body)):
                raise too_large(len(body), total)
            parts.append(part)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise InvalidTable(
            f"a body that begins as {how.name} must be {how.name}",
            got=f"a damaged or incomplete one ({str(error)[:80]})",
            remedy="compress the file again, or send it uncompressed",
        ) from None
    return b"".join(parts)


def _read_streams(body: bytes, how: Compression) -> Iterator[bytes]:
    """Yield the content of one stream after the other; zeros between them are padding."""
    source = BytesIO(body)
    data = source.read(_SLICE)
    while data:
        stream = how.open()
        while not stream.eof:
            if stream.needs_input and not data:
                raise EOFError("it breaks off")
            yield stream.decompress(data, _PART)
            data = source.read(_SLICE) if stream.needs_input else b""
        data = stream.unused_data.lstrip(b"\0")
        while not data and (more := source.read(_SLICE)):
            data = more.lstrip(b"\0")
