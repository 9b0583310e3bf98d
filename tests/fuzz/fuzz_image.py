"""Fuzzes classify's image decoder, guided by coverage: any input gives pixels or a named fault.

The first byte says what the model wants. Run it for a minute:

    python tests/fuzz/fuzz_image.py -max_total_time=60 tests/fuzz/corpus/image

Anything but a ClassifyError ends the run and leaves the input in a file `crash-...`.
"""

import sys
import warnings
from dataclasses import replace

import atheris

with atheris.instrument_imports(include=["meshlens", "PIL"]):
    from PIL import (  # noqa: F401 - imported by hand here, so that their first use is not measured
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    from meshlens.classify.errors import ClassifyError
    from meshlens.classify.tasks.images.pixels import Frame, decode_image, encode_png

LIMIT = 100_000
FRAMES = tuple(
    Frame(width, height, channels)
    for width, height in ((1, 1), (7, 5), (32, 48))
    for channels in (1, 3)
)


def read(data: bytes) -> None:
    """Decode an image in the way that one byte selects, stretched and with its aspect ratio."""
    if not data:
        return
    frame, body = FRAMES[data[0] % len(FRAMES)], data[1:]
    try:
        pixels = decode_image(body, frame, max_pixels=LIMIT).pixels
        whole = decode_image(body, replace(frame, fixed=False), max_pixels=LIMIT)
    except ClassifyError as error:
        if len(str(error)) > 2000:
            raise AssertionError("a message repeats the input") from error
        return
    if pixels.shape != (frame.height, frame.width, frame.channels):
        raise AssertionError(f"wanted {frame}, got {pixels.shape}")
    height, width, channels = whole.pixels.shape
    if not (width <= frame.width and height <= frame.height and channels == frame.channels):
        raise AssertionError(f"wanted at most {frame}, got {whole.pixels.shape}")
    if whole.width * whole.height > LIMIT:
        raise AssertionError(f"{whole.width} x {whole.height} is above the limit")
    encode_png(whole.pixels)


if __name__ == "__main__":
    # Pillow warns about damaged EXIF and the like, on bytes that it then refuses or reads.
    warnings.simplefilter("ignore")
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
