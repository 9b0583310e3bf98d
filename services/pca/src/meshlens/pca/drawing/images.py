"""A picture in the media types that callers may prefer: SVG as it is drawn, PNG and PDF.

CairoSVG converts; it is an extra, and needs Cairo itself, a library of the system.
"""

import math
from collections.abc import Mapping, Sequence

from meshlens.pca.drawing.svg.marks import element, escape
from meshlens.pca.errors import NotOffered

SVG = "image/svg+xml"
PNG = "image/png"
PDF = "application/pdf"

# The first is the default.
TYPES = (SVG, PNG, PDF)
ENDINGS: Mapping[str, str] = {".svg": SVG, ".png": PNG, ".pdf": PDF}
_SCALE = 2.0  # pixels of a PNG for each of the picture's, as displays have
_MOST_PIXELS = 20_000_000  # of a PNG: 80 MB while it is made
_REMEDY = "install meshlens-pca[images], and Cairo (Debian's libcairo2), or accept image/svg+xml"


def refuse_accept(accept: str, offers: Sequence[str] = TYPES) -> NotOffered:
    """Return what is wrong with a header Accept that names no offer."""
    return NotOffered(
        f"Accept must allow one of {', '.join(offers)}",
        got=accept,
        remedy="correct the header, or leave it out for the first",
    )


def encode_picture(
    svg: bytes, media_type: str, *, width: int, height: int, metadata: str = ""
) -> bytes:
    """Return a picture in a media type.

    Args:
        svg: the picture, as `draw` returns it.
        media_type: one of TYPES.
        width: of the picture, in pixels; a PNG has twice as many if it is not too large.
        height: of the picture, in pixels.
        metadata: text about the picture that an SVG carries along.

    Raises:
        NotOffered: nothing that converts pictures is installed.
    """
    if media_type == SVG:
        return add_metadata(svg, metadata) if metadata else svg
    try:
        import cairosvg  # noqa: PLC0415 - an extra, and memory that other answers do without
    except (ImportError, OSError) as error:
        raise NotOffered(
            f"{media_type} needs CairoSVG and Cairo", got=str(error), remedy=_REMEDY
        ) from error
    if media_type == PDF:
        document: bytes = cairosvg.svg2pdf(bytestring=svg)
        return document
    scale = min(_SCALE, math.sqrt(_MOST_PIXELS / (width * height)))
    image: bytes = cairosvg.svg2png(bytestring=svg, scale=scale)
    return image


def add_metadata(svg: bytes, metadata: str) -> bytes:
    """Return the picture with metadata where SVG has them: after title and description."""
    start, definitions, end = svg.partition(b"<defs/>")
    return b"".join((start, element("metadata", "", escape(metadata)).encode(), definitions, end))
