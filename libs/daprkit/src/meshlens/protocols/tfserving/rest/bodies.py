"""Bodies as they come: plain, or packed by gzip, which are unpacked within a bound."""

import zlib

from meshlens.daprkit.errors import BodyTooLarge
from meshlens.daprkit.messages import Request
from meshlens.protocols.tfserving.refusals import invalid

_GZIP = 16 + zlib.MAX_WBITS
_DAMAGED = "Failed to uncompress the gzipped body"


def read_body(request: Request, *, most_bytes: int) -> bytes:
    """Return the body of a request, unpacked if its Content-Encoding says gzip.

    Raises:
        BodyTooLarge: it unpacks to more bytes; no more than those are unpacked.
        Refused: INVALID_ARGUMENT: it is damaged.
    """
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return request.body
    unpacked, left = bytearray(), request.body
    while left:
        stream = zlib.decompressobj(_GZIP)
        try:
            unpacked += stream.decompress(left, most_bytes + 1 - len(unpacked))
        except zlib.error:
            raise invalid(_DAMAGED) from None
        if len(unpacked) > most_bytes:
            raise BodyTooLarge(len(unpacked), most_bytes)
        if not stream.eof:
            raise invalid(_DAMAGED)
        left = stream.unused_data  # a body may have several parts
    return bytes(unpacked)
