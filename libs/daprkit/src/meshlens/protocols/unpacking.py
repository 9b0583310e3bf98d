"""Packed bodies -> their bytes, within a bound."""

import zlib

from meshlens.daprkit.errors import BodyTooLarge

GZIP = 16 + zlib.MAX_WBITS
DEFLATE = zlib.MAX_WBITS


def unpack(body: bytes, window: int, *, limit: int) -> bytes:
    """Return the bytes of a packed body.

    Args:
        body: as it was sent; one of gzip may have several members.
        window: GZIP or DEFLATE.
        limit: bytes that it may unpack to.

    Raises:
        BodyTooLarge: it unpacks to more; no more than that is unpacked.
        ValueError: it is damaged.
    """
    unpacked = bytearray()
    while body:
        stream = zlib.decompressobj(window)
        try:
            unpacked += stream.decompress(body, limit + 1 - len(unpacked))
        except zlib.error as error:
            raise ValueError(str(error)) from None
        if len(unpacked) > limit:
            raise BodyTooLarge(len(unpacked), limit)
        if not stream.eof:
            raise ValueError("it breaks off")
        body = stream.unused_data
    return bytes(unpacked)
