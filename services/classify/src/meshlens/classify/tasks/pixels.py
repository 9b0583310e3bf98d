"""Bytes of a picture -> pixels of the size that a model wants -> tensor.

Pixels are resized with Pillow's Hamming filter, an average over the area that keeps edges, without
regard to the aspect, as the public models' own figures were measured. A JPEG is decoded at the
smallest scale (1/8, 1/4, 1/2, 1) that is not below the model's size: half of the work is saved,
and probabilities move by some hundredths.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from meshlens.classify.errors import ImageTooLarge, InvalidImage
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

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
_WHITE = 255
_WIDE_GRAY_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})


@dataclass(frozen=True, slots=True)
class Frame:
    """What a model wants its pictures to be: width and height in pixels, 1 or 3 channels."""

    width: int
    height: int
    channels: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as its owner sees it, upright, perhaps smaller.

    Attributes:
        pixels: (h, w, channels), gray or RGB, 0 to 255.
        width: of the whole picture, upright, in pixels.
        height: likewise.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int


def decode_image(data: bytes, frame: Frame, *, max_pixels: int) -> NDArray[np.uint8]:
    """Return the pixels of the first picture in `data`, upright, as the model sees them.

    Alpha is laid over white; 16-bit gray keeps its upper 8 bits.

    Returns:
        (height, width, channels) of `frame`, gray or RGB, 0 to 255.

    Raises:
        ImageTooLarge: the header says more than `max_pixels`; nothing was decoded.
        InvalidImage: empty, of no allowed format, truncated or damaged.
    """
    size = frame.width, frame.height
    # The longer side for both: whether the picture lies on its side is not known yet.
    return _decode(data, frame.channels, max_pixels, max(size), lambda _: size).pixels


def decode_picture(
    data: bytes, bounds: Frame, *, max_pixels: int, stretch: bool = False
) -> Picture:
    """Return the first picture in `data`, upright, made small enough for `bounds`.

    The aspect is kept, and a picture that is small enough is left as it is; or it is made exactly
    of that size, if `stretch` is set.

    Raises:
        ImageTooLarge, InvalidImage: as `decode_image` does.
    """

    def fit(own: tuple[int, int]) -> tuple[int, int]:
        if stretch:
            return bounds.width, bounds.height
        scale = min(bounds.width / own[0], bounds.height / own[1], 1.0)
        return max(round(own[0] * scale), 1), max(round(own[1] * scale), 1)

    return _decode(data, bounds.channels, max_pixels, max(bounds.width, bounds.height), fit)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the PNG of (h, w, 1 or 3) pixels."""
    file = io.BytesIO()
    plain = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    Image.fromarray(plain).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _decode(
    data: bytes,
    channels: int,
    max_pixels: int,
    needed: int,
    choose: Callable[[tuple[int, int]], tuple[int, int]],
) -> Picture:
    """Return the upright picture in the size that `choose` makes of its own width and height.

    Args:
        data: the bytes of the file.
        channels: 1 or 3.
        max_pixels: largest picture that is decoded.
        needed: the side below which a JPEG must not be scaled while it is decoded.
        choose: tells the width and height of the upright picture's pixels.
    """
    if not data:
        raise InvalidImage("expected a picture, got an empty body; send the bytes of the file")
    with _refusing(data), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageTooLarge(f"{width} x {height} pixels", max_pixels)
        mode = "L" if channels == 1 else "RGB"
        image.draft(mode, (needed, needed))
        image.load()
        orientation = _orientation(image)
        turned = orientation in _SWAPS_SIDES
        own = (height, width) if turned else (width, height)
        chosen = choose(own)
        lying = chosen[::-1] if turned else chosen
        pixels = _flatten(image, mode)
        if pixels.size != lying:
            pixels = pixels.resize(lying, Image.Resampling.HAMMING, reducing_gap=2.0)
    if orientation in _TRANSPOSITIONS:
        pixels = pixels.transpose(_TRANSPOSITIONS[orientation])
    array = np.asarray(pixels).reshape(chosen[1], chosen[0], channels)
    return Picture(array, *own)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of a loaded picture, 1 (upright) if it says none."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - Pillow raises anything on damaged EXIF; the picture is whole
        return 1


def _flatten(image: Image.Image, mode: str) -> Image.Image:
    """Return `image` in `mode`, L or RGB, as a viewer on a white page would show it."""
    clear = image.info.get("transparency")
    if image.mode in _WIDE_GRAY_MODES:
        wide = np.asarray(image)
        gray = (wide >> 8).astype(np.uint8)
        if isinstance(clear, int):
            gray[wide == clear] = _WHITE
        return Image.fromarray(gray).convert(mode)
    if image.mode == "RGB" and isinstance(clear, tuple) and max(clear) > _WHITE:
        # Of 16 bits a channel Pillow keeps 8, but not of the colour that is transparent.
        image.info["transparency"] = tuple(level >> 8 for level in clear)
    if image.mode == "P":
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
