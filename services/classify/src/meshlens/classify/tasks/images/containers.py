"""The bytes of an image file -> an image of Pillow's that can be decoded, or a refusal by name."""

import functools
import importlib
import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import ExifTags, UnidentifiedImageError, features
from PIL import Image as Pillow

from meshlens.classify.errors import ImageTooLarge, InvalidImage

_OFFERED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
# Pillow may be built without the decoder of AVIF.
FORMATS = tuple(name for name in _OFFERED if name != "AVIF" or features.check("avif"))

_HEIC = re.compile(rb"....ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)", re.DOTALL)
# What people send instead, by how the bytes begin.
_OTHERS = (
    (rb"....ftypavi[fs]", "AVIF"),
    (rb"....ftypcrx ", "RAW (CR3)"),
    (rb"....ftypqt  ", "QuickTime"),
    (rb"....ftyp", "MP4"),
    (rb"%PDF-", "PDF"),
    (rb"%!PS", "PostScript"),
    (rb"8BPS", "PSD"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"FUJIFILMCCD-RAW|FOVb|IIRO|IIU\0|.{6}HEAPCCDR", "RAW"),
    (rb"\0\0[\x01\x02]\0", "ICO"),
    (rb"P[1-7]\s", "PPM"),
    (rb"qoif", "QOI"),
    (rb"DDS ", "DDS"),
    (rb"SIMPLE  =", "FITS"),
    (rb".{128}DICM", "DICOM"),
    (rb"\x76\x2f\x31\x01", "OpenEXR"),
    (rb"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (rb"RIFF....AVI ", "AVI"),
    (rb"PK\x03\x04", "ZIP"),
    (rb"\x1f\x8b", "gzip"),
    (rb"....TFL3", "a model (.tflite)"),
    (rb"\s*(<\?xml[^>]*\?>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg\b", "SVG"),
    (rb"\s*(<!doctype html|<html)", "HTML"),
    (rb"\s*<\?xml", "XML"),
    (rb"\s*\{\s*\"", "JSON"),
    (rb"data:image/", "a data URL"),
)
_LOOKED_AT = 1024
_END = b"\xff\xd9"
# Bytes that a decoder takes for pixels where the file's own have run out.
_JUNK = bytes(range(1, 255)) * 16
_MOST_LOST = 1 / 32
# A JPEG that is decoded at a scale may have as many times more pixels.
_MOST_SCALED = 4


def open_image(data: bytes) -> Pillow.Image:
    """Return the image in `data`, not decoded yet.

    Raises:
        UnidentifiedImageError: Pillow knows no format of it.
    """
    formats = ("HEIF",) if _HEIC.match(data) and _add_heic() else FORMATS
    return Pillow.open(io.BytesIO(data), formats=formats)


@functools.cache
def _add_heic() -> bool:
    """Give Pillow the decoder of HEIC by the first such file; return whether it is installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True


def check_size(image: Pillow.Image, width: int, height: int, max_pixels: int) -> None:
    """Refuse what would need more memory than `max_pixels` do.

    A progressive JPEG is held whole while it is decoded, at whatever scale.
    """
    whole, decoded = width * height, image.size[0] * image.size[1]
    if decoded < whole and not image.info.get("progressive"):
        if decoded > max_pixels or whole > max_pixels * _MOST_SCALED:
            raise ImageTooLarge(f"{width} x {height} pixels", max_pixels)
    elif whole > max_pixels:
        raise ImageTooLarge(f"{width} x {height} pixels", max_pixels)


def has_several(image: Pillow.Image) -> bool:
    """Return whether a file has further pages or frames; those of a camera's JPEG are no others."""
    try:
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 - the first frame is whole, whatever follows it
        return False


def find_orientation(image: Pillow.Image) -> int:
    """Return the EXIF orientation of a loaded image, 1 (upright) if it has none."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - Pillow raises anything on damaged EXIF; the image is whole
        return 1


def complete_jpeg(
    data: bytes, mode: str, needed: tuple[int, int], max_pixels: int
) -> tuple[bytes, str] | None:
    """Return a JPEG that was cut off near its end with an end marker, and what is lost of it.

    What is lost is found by a second decoding with other bytes behind the file's own: the rows
    that differ are not in the file.

    Args:
        data: the bytes of the file.
        mode: of the pixels.
        needed: least width and height to decode.
        max_pixels: as for `check_size`.

    Returns:
        None if more is lost than one row in 32, if it is damaged otherwise, or if its pixels come
        in several scans: whether all of them have come cannot be seen.
    """
    if not data.startswith(b"\xff\xd8") or data.endswith(_END):
        return None
    # The first half of a marker, or of a byte that looks like one, would swallow what follows.
    data = data.rstrip(_END[:1])
    seen = []
    for tail in (b"", _JUNK):
        with open_image(data + tail + _END) as image:
            width, height = image.size
            image.draft("L" if mode == "L" else "RGB", needed)
            # A header that was cut off may be completed by the junk, with any size.
            check_size(image, width, height, max_pixels)
            if not _has_one_scan(data, image):
                return None
            seen.append(np.asarray(image))
    rows = np.flatnonzero((seen[0] != seen[1]).reshape(len(seen[0]), -1).any(axis=1))
    total = len(seen[0])
    lost = total - int(rows[0]) if rows.size else 0
    if lost > total * _MOST_LOST:
        return None
    what = (
        f"the last {lost} of {total} rows are gray"
        if lost
        else "nothing that the model sees is lost"
    )
    return data + _END, f"the JPEG ends without its end marker: {what}"


def _has_one_scan(data: bytes, image: Pillow.Image) -> bool:
    """Return whether one scan of a JPEG holds all of its components."""
    # Among coded pixels there is no such pair of bytes but the marker itself.
    last = data.rfind(b"\xff\xda")
    components = data[last + 4 : last + 5]
    layers = getattr(image, "layers", 0)
    return not image.info.get("progressive") and components == bytes((layers,))


@contextmanager
def refusing(data: bytes, max_pixels: int) -> Iterator[None]:
    """Turn anything that Pillow raises on a stranger's bytes into our own errors."""
    try:
        yield
    except (ImageTooLarge, InvalidImage):
        raise
    except Pillow.DecompressionBombError as error:
        raise ImageTooLarge(_count_pixels(error), max_pixels) from error
    except UnidentifiedImageError as error:
        name = _name(data)
        remedy = f"convert the {name} file" if name else "send the bytes of the file as they are"
        if name == "HEIC":
            remedy = (
                "is it truncated or damaged?"
                if _add_heic()
                else f"{remedy}, or install meshlens-classify[heic] where it is served"
            )
        raise InvalidImage(
            f"expected a picture ({', '.join(FORMATS)})",
            got=name or f"{len(data)} bytes that begin with {data[:12]!r}",
            remedy=remedy,
        ) from error
    except Exception as error:  # decoders raise anything on hostile bytes, SyntaxError included
        raise InvalidImage(
            "expected a whole picture",
            got=f"one that cannot be decoded: {error}",
            remedy="is it truncated or damaged?",
        ) from error


def _count_pixels(error: Exception) -> str:
    """Return how many pixels Pillow found too many."""
    found = re.search(r"\d+ pixels", str(error))
    return found.group() if found else "more"


def _name(data: bytes) -> str:
    """Return the name of a known format that is not offered, empty if it is none."""
    if _HEIC.match(data):
        return "HEIC"
    start = data[:_LOOKED_AT]
    for pattern, name in _OTHERS:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return name
    return ""


class _PillowsLimit:
    """Pillow's own limit on pixels: one global, which Pillow checks before it returns an image.

    While any thread is inside it follows `max_pixels`: far enough above it that `check_size` says
    which size a picture has, but no GIF gets a canvas beyond it when it is opened. Outside, Pillow
    guards as it always does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: int | None = None

    @contextmanager
    def follow(self, max_pixels: int) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                self._limit, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, 0
            self._inside += 1
            # Pillow warns above its limit, and raises above twice that.
            wanted = max_pixels * _MOST_SCALED // 2
            Pillow.MAX_IMAGE_PIXELS = max(Pillow.MAX_IMAGE_PIXELS or 0, wanted)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    Pillow.MAX_IMAGE_PIXELS = self._limit


PILLOWS_LIMIT = _PillowsLimit()
