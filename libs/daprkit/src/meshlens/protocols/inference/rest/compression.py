"""Content-Encoding: bodies of requests unpacked, bodies of answers packed, as headers say."""

import gzip
import zlib

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.unpacking import DEFLATE, GZIP, unpack

_WINDOWS = {"gzip": GZIP, "deflate": DEFLATE}
# Text of numbers shrinks by half at the fastest level; the others are slower than the network.
_LEVEL = 1
_WORTH_IT = 1024  # bytes; what is shorter fits one packet


def decompress(body: bytes, encoding: str, *, limit: int) -> bytes:
    """Return a body without the encoding that its header names.

    Args:
        body: as it was sent.
        encoding: the header Content-Encoding; empty if there was none.
        limit: bytes that it may unpack to.

    Raises:
        BodyTooLarge: it unpacks to more; no more than that is unpacked.
        Refused: the encoding is unknown, or the body is damaged.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    window = _WINDOWS.get(encoding)
    if window is None:
        raise Refused(Status.UNIMPLEMENTED, "Unsupported compression type")
    try:
        return unpack(body, window, limit=limit)
    except ValueError as error:
        raise Refused(
            Status.INVALID_ARGUMENT, f"failed to decompress the request body as {encoding}: {error}"
        ) from None


def choose_encoding(accept: str) -> str:
    """Return what Accept-Encoding prefers: gzip, deflate or identity, the first among equals."""
    best, most = "identity", 0.0
    for offer in accept.lower().split(","):
        name, _, weight = offer.partition(";q=")
        try:
            wanted = float(weight or "1")
        except ValueError:
            continue
        if name.strip() in ("identity", *_WINDOWS) and wanted > most:
            best, most = name.strip(), wanted
    return best


def compress(body: bytes, accept: str) -> tuple[bytes, str]:
    """Return a body in the encoding that Accept-Encoding prefers, and the name of that.

    A short body stays as it is, which every client must accept.
    """
    encoding = choose_encoding(accept) if len(body) >= _WORTH_IT else "identity"
    match encoding:
        case "gzip":
            return gzip.compress(body, _LEVEL, mtime=0), encoding
        case "deflate":
            return zlib.compress(body, _LEVEL), encoding
        case _:
            return body, "identity"
