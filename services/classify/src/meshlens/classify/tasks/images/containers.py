"""The bytes of an image file -> an image of Pillow's that can be decoded, or a refusal by name."""

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError, features

from meshlens.classify.errors import ImageTooLarge, InvalidImage

_OFFERED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
# Pillow may be built without the decoder of AVIF.
FORMATS = tuple(name for name in _OFFERED if name != "AVIF" or features.check("avif"))

# What people send instead, by how the bytes begin.
_OTHERS = (
    (rb"....ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)", "HEIC"),
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


def open_image(data: bytes) -> Pillow.Image:
    """Return the image in `data`, not decoded yet.

    Raises:
        UnidentifiedImageError: Pillow knows no format of it.
    """
    return Pillow.open(io.BytesIO(data), formats=FORMATS)


def complete_jpeg(data: bytes, mode: str, needed: tuple[int, int]) -> tuple[bytes, str] | None:
    """Return a JPEG that was cut off near its end with an end marker, and what is lost of it.

    What is lost is found by a second decoding with other bytes behind the file's own: the rows
    that differ are not in the file.

    Args:
        data: the bytes of the file.
        mode: of the pixels.
        needed: least width and height to decode.

    Returns:
        None if more is lost than one row in 32, or it is damaged otherwise.
    """
    if not data.startswith(b"\xff\xd8") or data.endswith(_END):
        return None
    seen = []
    for tail in (b"", _JUNK):
        with open_image(data + tail + _END) as image:
            image.draft("L" if mode == "L" else "RGB", needed)
            seen.append(np.asarray(image))
    rows = np.flatnonzero((seen[0] != seen[1]).reshape(len(seen[0]), -1).any(axis=1))
    total = len(seen[0])
    lost = total - int(rows[0]) if rows.size else 0
    if lost > total * _MOST_LOST:
        return None
    what = f"the last {lost} of {total} rows are gray" if lost else "nothing is lost"
    return data + _END, f"the JPEG ends without its end marker: {what}"


@contextmanager
def refusing(data: bytes) -> Iterator[None]:
    """Turn anything that Pillow raises on a stranger's bytes into our own errors."""
    try:
        yield
    except (ImageTooLarge, InvalidImage):
        raise
    except UnidentifiedImageError as error:
        name = _name(data)
        raise InvalidImage(
            f"expected a picture ({', '.join(FORMATS)})",
            got=name or f"{len(data)} bytes that begin with {data[:12]!r}",
            remedy=f"convert the {name} file" if name else "send the bytes of the file as they are",
        ) from error
    except Exception as error:  # decoders raise anything on hostile bytes, SyntaxError included
        raise InvalidImage(
            "expected a whole picture",
            got=f"one that cannot be decoded: {error}",
            remedy="is it truncated or damaged?",
        ) from error


def _name(data: bytes) -> str:
    """Return the name of a known format that is not offered, empty if it is none."""
    start = data[:_LOOKED_AT]
    for pattern, name in _OTHERS:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return name
    return ""


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


LIFTED = _LiftedGuard()
