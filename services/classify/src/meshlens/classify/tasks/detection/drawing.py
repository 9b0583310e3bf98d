"""Boxes -> something to look at: an image with them drawn, or an overlay to lay over it."""

import html
import io
from collections.abc import Sequence

from PIL import Image as Pillow

from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.images.pixels import Image

# Seen on light and on dark: a bright line inside a dark one.
_BRIGHT, _DARK = "#ffd400", "#000000"
_JPEG_QUALITY = 90


def draw_boxes(image: Image, boxes: Sequence[Box], *, kind: str) -> bytes:
    """Return an image with its boxes drawn.

    Args:
        image: RGB; left as it is.
        boxes: in the pixels of the whole image.
        kind: image/jpeg or image/png.
    """
    from PIL import ImageDraw  # noqa: PLC0415 - few callers want an image; it costs memory

    drawn = Pillow.fromarray(image.pixels)
    scale = drawn.width / image.width, drawn.height / image.height
    pen = ImageDraw.Draw(drawn)
    line = _line(drawn.width, drawn.height)
    font_size = 6 * line
    for box in boxes:
        x1, y1, x2, y2 = (side * scale[place % 2] for place, side in enumerate(_order(box)))
        outer = x1 - line, y1 - line, x2 + line, y2 + line
        pen.rectangle(outer, outline=_DARK, width=3 * line)
        pen.rectangle((x1, y1, x2, y2), outline=_BRIGHT, width=line)
        # The font that Pillow brings has no glyphs beyond Latin 1.
        text = box.caption.encode("latin-1", "replace").decode("latin-1")
        left, top, right, bottom = pen.textbbox((0, 0), text, font_size=font_size)
        above = y1 - (bottom - top) - 4 * line
        corner = x1, above if above >= 0 else y1 + 2 * line
        pen.rectangle(
            (*corner, corner[0] + right - left + 2 * line, corner[1] + bottom - top + 2 * line),
            fill=_DARK,
        )
        place = corner[0] - left + line, corner[1] - top + line
        pen.text(place, text, fill=_BRIGHT, font_size=font_size)
    file = io.BytesIO()
    if kind == "image/jpeg":
        drawn.save(file, "JPEG", quality=_JPEG_QUALITY)
    else:
        drawn.save(file, "PNG", compress_level=1)
    return file.getvalue()


def overlay_boxes(boxes: Sequence[Box], width: int, height: int) -> str:
    """Return an SVG of the size of the whole image that shows the boxes and nothing else."""
    line = _line(width, height)
    shapes = "".join(_shape(box, line) for box in boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img"><title>{_count(boxes)}</title>'
        f'<g fill="none" stroke-linejoin="round" font-family="sans-serif" font-size="{6 * line}">'
        f"{shapes}</g></svg>\n"
    )


def _shape(box: Box, line: int) -> str:
    x1, y1, x2, y2 = _order(box)
    place = f'x="{x1:.2f}" y="{y1:.2f}" width="{x2 - x1:.2f}" height="{y2 - y1:.2f}"'
    above = y1 - 2 * line
    baseline = above if above >= 6 * line else y1 + 7 * line
    return (
        f"<g><title>{_escape(box.caption)}</title>"
        f'<rect {place} stroke="{_DARK}" stroke-width="{3 * line}"/>'
        f'<rect {place} stroke="{_BRIGHT}" stroke-width="{line}"/>'
        f'<text x="{x1:.2f}" y="{baseline:.2f}" fill="{_BRIGHT}" stroke="{_DARK}"'
        f' stroke-width="{line}" paint-order="stroke">{_escape(box.caption)}</text></g>'
    )


def _order(box: Box) -> tuple[float, float, float, float]:
    """Return the left, upper, right and lower side, even of a box whose sides are the wrong way."""
    (x1, x2), (y1, y2) = sorted((box.x1, box.x2)), sorted((box.y1, box.y2))
    return x1, y1, x2, y2


def _count(boxes: Sequence[Box]) -> str:
    names = sorted({box.label for box in boxes})
    return _escape(", ".join(f"{name}: {sum(b.label == name for b in boxes)}" for name in names))


def _escape(text: str) -> str:
    """Return `text` for a page, without what XML cannot hold at all."""
    return html.escape("".join(letter for letter in text if letter.isprintable()))


def _line(width: int, height: int) -> int:
    """Return the width of a line that is visible when the whole image is."""
    return max(round(max(width, height) / 600), 1)
