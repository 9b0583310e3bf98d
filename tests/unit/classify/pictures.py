"""Pictures made for tests, and the names of things in them."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from meshlens.classify.tasks.images.pixels import Frame

LIMIT = 1_000_000
RGB_FRAME = Frame(width=48, height=32, channels=3)
GRAY_FRAME = Frame(width=48, height=32, channels=1)
_PNG = b"\x89PNG\r\n\x1a\n"
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


def blocks(width: int = 240, height: int = 160) -> Image.Image:
    """A picture of coloured blocks, no two corners alike, so that every turn of it is seen."""
    colours = np.random.default_rng(7).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((width, height), Image.Resampling.NEAREST)


def encode(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that says how large it is, and one chunk of its pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return _PNG + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels)


def png_of_sixteen_bits(
    kind: int, sample: tuple[int, ...], clear: tuple[int, ...] | None = None
) -> bytes:
    """A PNG of one colour; `kind` is 0 for gray, 2 for RGB, and 4 more with alpha.

    The colour `clear` is transparent.
    """
    width, height = 4, 3
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    line = b"\0" + struct.pack(f">{len(sample)}H", *sample) * width
    pixels = zlib.compress(line * height)
    key = ((b"tRNS", struct.pack(f">{len(clear)}H", *clear)),) if clear else ()
    chunks = ((b"IHDR", header), *key, (b"IDAT", pixels), (b"IEND", b""))
    return _PNG + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The mean distance of two arrays of pixels."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())
