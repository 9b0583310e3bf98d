"""How much larger than its body a table may become: the bound of every format that compresses."""

from meshlens.pca.errors import InvalidTable

# A body may decompress to this many times its size, and always to this many bytes.
_MOST_GROWTH, _ALWAYS_ALLOWED = 16, 64 << 20


def find_limit(size: int) -> int:
    """Return how many bytes a body of `size` bytes may decompress to."""
    return max(_MOST_GROWTH * size, _ALWAYS_ALLOWED)


def too_large(size: int, decoded: int) -> InvalidTable:
    """Return the fault of a body of `size` bytes that would take `decoded` bytes or more."""
    return InvalidTable(
        f"a body of {size} bytes may decompress to {find_limit(size)} bytes",
        got=f"{decoded} or more",
        remedy="send it uncompressed or in parts",
    )
