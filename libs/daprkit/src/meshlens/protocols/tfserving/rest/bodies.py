"""Bodies as they come: plain, or packed by gzip, which are unpacked within a bound."""

from meshlens.daprkit.messages import Request
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.unpacking import GZIP, unpack


def read_body(request: Request, *, most_bytes: int) -> bytes:
    """Return the body of a request, unpacked if its Content-Encoding says gzip.

    Raises:
        BodyTooLarge: it unpacks to more bytes; no more than those are unpacked.
        Refused: INVALID_ARGUMENT: it is damaged.
    """
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return request.body
    try:
        return unpack(request.body, GZIP, limit=most_bytes)
    except ValueError:
        raise invalid("Failed to uncompress the gzipped body") from None
