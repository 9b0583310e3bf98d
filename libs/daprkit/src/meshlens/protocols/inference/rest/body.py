"""The two halves of a body: JSON, and the binary tensors that the header says follow it."""

from meshlens.daprkit.application.status import Refused, Status

HEADER = "inference-header-content-length"


def split_body(body: bytes, header: str | None) -> tuple[bytes, memoryview]:
    """Return the JSON of a body and what follows it.

    Args:
        body: unpacked.
        header: how many bytes of JSON it has, as sent; None if the whole body is that.

    Raises:
        Refused: the header is no number from 0 on, or larger than the body.
    """
    if header is None:
        return body, memoryview(b"")
    size = int(header) if header.isascii() and header.isdecimal() and len(header) < 20 else -1  # noqa: PLR2004 - int() refuses 4,300 digits
    if not 0 <= size <= len(body):
        raise Refused(
            Status.INVALID_ARGUMENT,
            f"inference header size should be in range (0, {len(body)}), got: {header[:40]}",
        )
    return body[:size], memoryview(body)[size:]
