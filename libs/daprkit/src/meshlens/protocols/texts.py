"""Arrays of bytes or text -> bytes."""

from meshlens.protocols.models import Array


def list_texts(array: Array) -> list[bytes]:
    """Return the elements of an array of bytes or text, in their order, as bytes."""
    return [
        item if isinstance(item, bytes) else str(item).encode() for item in array.ravel().tolist()
    ]
