"""Bytes of a picture -> pixels of the size that a model wants -> tensor.

Pixels are resized with Pillow's Hamming filter, an average over the area that keeps edges, without
regard to the aspect, as the public models' own figures were measured. A JPEG is decoded at the
smallest scale (1/8, 1/4, 1/2, 1) that is not below the model's size: half of the work is saved,
and probabilities move by some hundredths.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from classify.errors import ImageTooLarge, InvalidImage

# Pillow's own limit, checked before a picture's size can be read, is replaced by `max_pixels`.
Image.MAX_IMAGE_PIXELS = None

# Unless somebody says otherwise; a camera's picture, and up to 200 MB once it is decoded.
MAX_PIXELS = 50_000_000

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = frozenset({5, 6, 7, 8})
# Modes of 8 bits a channel that Pillow converts to RGB and to gray as a viewer would show them.
_PLAIN_MODES = frozenset({"1", "L", "RGB", "RGBX", "YCbCr", "HSV", "CMYK"})
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_WIDE_GRAY_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})


@dataclass(frozen=True, slots=True)
class Frame:
    """What a model wants its pictures to be: width and height in pixels, 1 or 3 channels."""

    width: int
    height: int
    channels: int


def decode_image(data: bytes, frame: Frame, *, max_pixels: int) -> NDArray[np.uint8]:
    """Return the pixels of the first picture in `data`, upright, as the model sees them.

    Alpha is laid over white; 16-bit gray keeps its upper 8 bits.

    Returns:
        (height, width, channels) of `frame`, gray or RGB, 0 to 255.

    Raises:
        ImageTooLarge: the header says more than `max_pixels`; nothing was decoded.
        InvalidImage: empty, of no allowed format, truncated or damaged.
    """
    if not data:
        raise InvalidImage("expected a picture, got an empty body; send the bytes of the file")
    with _refusing(data), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageTooLarge(f"{width} x {height} pixels", max_pixels)
        mode = "L" if frame.channels == 1 else "RGB"
        # The longer side for both: whether the picture lies on its side is not known yet.
        image.draft(mode, (max(frame.width, frame.height),) * 2)
        image.load()
        orientation = _orientation(image)
        size = frame.width, frame.height
        if orientation in _SWAPS_SIDES:
            size = size[::-1]
        pixels = _flatten(image, mode).resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)
    if orientation in _TRANSPOSITIONS:
        pixels = pixels.transpose(_TRANSPOSITIONS[orientation])
    return np.asarray(pixels).reshape(frame.height, frame.width, frame.channels)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of a loaded picture, 1 (upright) if it says none."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - Pillow raises anything on damaged EXIF; the picture is whole
        return 1


def _flatten(image: Image.Image, mode: str) -> Image.Image:
    """Return `image` in `mode`, L or RGB, as a viewer on a white page would show it."""
    if image.mode in _WIDE_GRAY_MODES:
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode in _ALPHA_MODES or image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in _PLAIN_MODES:
        raise InvalidImage(
            f"expected 8 or 16 bits for each channel, got a picture of mode {image.mode};"
            " convert it to RGB"
        )
    if image.mode == "RGBA":
        page = Image.new("RGBA", image.size, "white")
        page.alpha_composite(image)
        image = page
    return image if image.mode == mode else image.convert(mode)


@contextmanager
def _refusing(data: bytes) -> Iterator[None]:
    """Turn whatever Pillow raises on the bytes of a stranger into our own errors."""
    try:
        yield
    except (ImageTooLarge, InvalidImage):
        raise
    except UnidentifiedImageError as error:
        raise InvalidImage(
            f"expected a picture ({', '.join(FORMATS)}), got {len(data)} bytes that begin with"
            f" {data[:12]!r}; send the bytes of the file as they are"
        ) from error
    except Exception as error:  # decoders raise anything on hostile bytes, SyntaxError included
        raise InvalidImage(
            f"expected a whole picture, got one that cannot be decoded: {error};"
            " is it truncated or damaged?"
        ) from error
