"""Bytes of an image -> pixels of the size that a model wants.

Pixels are resized with Pillow's Hamming filter, an average over the area that keeps edges, without
regard to the aspect, as the public models' own figures were measured. A JPEG is decoded at the
smallest scale (1/8, 1/4, 1/2, 1) that is not below the model's size: half of the work is saved,
and probabilities move by some hundredths.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as Pillow

from meshlens.classify.errors import ImageTooLarge, InvalidImage

# The default: a camera's image, and up to 200 MB once it is decoded.
MAX_PIXELS = 50_000_000

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

_TRANSPOSITIONS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
_SWAPS_SIDES = frozenset({5, 6, 7, 8})
# Modes of 8 bits a channel that Pillow converts to RGB and to gray as a viewer would show them.
_PLAIN_MODES = frozenset({"1", "L", "RGB", "RGBX", "YCbCr", "HSV", "CMYK"})
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_WHITE = 255
_WIDE_GRAY_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})


@dataclass(frozen=True, slots=True)
class Frame:
    """What a model wants its images to be.

    Attributes:
        width: in pixels.
        height: in pixels.
        channels: 1 (gray) or 3 (RGB).
        fixed: whether an image is stretched to exactly that size; else it keeps its aspect, is
            made smaller if it is larger, and left as it is otherwise.
    """

    width: int
    height: int
    channels: int
    fixed: bool = True

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height in this frame of an image of that size."""
        if self.fixed:
            return self.width, self.height
        scale = min(self.width / width, self.height / height, 1.0)
        return max(round(width * scale), 1), max(round(height * scale), 1)


@dataclass(frozen=True, slots=True)
class Image:
    """An image as its owner sees it, upright, perhaps of another size.

    Attributes:
        pixels: (h, w, channels), gray or RGB, 0 to 255.
        width: of the whole image, upright, in pixels.
        height: likewise.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int


def gray_image(frame: Frame) -> Image:
    """Return an image of `frame` that shows nothing."""
    shape = frame.height, frame.width, frame.channels
    return Image(np.full(shape, 127, dtype=np.uint8), frame.width, frame.height)


def decode_image(data: bytes, frame: Frame, *, max_pixels: int) -> Image:
    """Return the first image in `data`, upright, with the pixels that `frame` wants.

    Alpha is laid over white; 16-bit gray keeps its upper 8 bits.

    Raises:
        ImageTooLarge: the header says more than `max_pixels`; nothing was decoded.
        InvalidImage: empty, of no allowed format, truncated or damaged.
    """
    if not data:
        raise InvalidImage(
            "expected a picture", got="an empty body", remedy="send the bytes of the file"
        )
    with _refusing(data), _LIFTED, Pillow.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageTooLarge(f"{width} x {height} pixels", max_pixels)
        mode = "L" if frame.channels == 1 else "RGB"
        # The longer side for both: whether the image lies on its side is not known yet.
        needed = max(frame.width, frame.height)
        image.draft(mode, (needed, needed))
        image.load()
        orientation = _orientation(image)
        turned = orientation in _SWAPS_SIDES
        own = (height, width) if turned else (width, height)
        chosen = frame.fit(*own)
        lying = chosen[::-1] if turned else chosen
        pixels = _flatten(image, mode)
        if pixels.size != lying:
            pixels = pixels.resize(lying, Pillow.Resampling.HAMMING, reducing_gap=2.0)
    if orientation in _TRANSPOSITIONS:
        pixels = pixels.transpose(_TRANSPOSITIONS[orientation])
    array = np.asarray(pixels).reshape(chosen[1], chosen[0], frame.channels)
    return Image(array, *own)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the PNG of (h, w, 1 or 3) pixels."""
    file = io.BytesIO()
    plain = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    Pillow.fromarray(plain).save(file, "PNG", compress_level=1)
    return file.getvalue()


class _LiftedGuard:
    """While any thread is inside, Pillow's own limit on pixels is lifted.

    Pillow checks it before an image's size can be read, for the whole process and by one global;
    in here `max_pixels` is the limit instead. Outside, Pillow guards as it always does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, None
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                Pillow.MAX_IMAGE_PIXELS = self._limit


_LIFTED = _LiftedGuard()


def _orientation(image: Pillow.Image) -> int:
    """Return the EXIF orientation of a loaded image, 1 (upright) if it has none."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - Pillow raises anything on damaged EXIF; the image is whole
        return 1


def _flatten(image: Pillow.Image, mode: str) -> Pillow.Image:
    """Return `image` in `mode`, L or RGB, as a viewer on a white page would show it."""
    clear = image.info.get("transparency")
    if image.mode in _WIDE_GRAY_MODES:
        wide = np.asarray(image)
        gray = (wide >> 8).astype(np.uint8)
        if isinstance(clear, int):
            gray[wide == clear] = _WHITE
        return Pillow.fromarray(gray).convert(mode)
    if image.mode == "RGB" and isinstance(clear, tuple) and max(clear) > _WHITE:
        # Of 16 bits a channel Pillow keeps 8, but not of the colour that is transparent.
        image.info["transparency"] = tuple(level >> 8 for level in clear)
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode in _ALPHA_MODES or image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in _PLAIN_MODES:
        raise InvalidImage(
            "expected 8 or 16 bits for each channel",
            got=f"a picture of mode {image.mode}",
            remedy="convert it to RGB",
        )
    if image.mode == "RGBA":
        page = Pillow.new("RGBA", image.size, "white")
        page.alpha_composite(image)
        image = page
    return image if image.mode == mode else image.convert(mode)


@contextmanager
def _refusing(data: bytes) -> Iterator[None]:
    """Turn anything that Pillow raises on a stranger's bytes into our own errors."""
    try:
        yield
    except (ImageTooLarge, InvalidImage):
        raise
    except UnidentifiedImageError as error:
        raise InvalidImage(
            f"expected a picture ({', '.join(FORMATS)})",
            got=f"{len(data)} bytes that begin with {data[:12]!r}",
            remedy="send the bytes of the file as they are",
        ) from error
    except Exception as error:  # decoders raise anything on hostile bytes, SyntaxError included
        raise InvalidImage(
            "expected a whole picture",
            got=f"one that cannot be decoded: {error}",
            remedy="is it truncated or damaged?",
        ) from error
