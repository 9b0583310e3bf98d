"""How wide text is, and how it is cut or broken to fit."""

from collections.abc import Sequence
from itertools import accumulate, takewhile

FONT_SIZE = 12.0
SMALL = 11.0  # labels, notes and captions
FINE = 9.5  # many labels
# Hundredths of the font size from space to tilde: DejaVu Sans, the widest of the usual sans-serif
# faces, and its bold, which it shows for semi-bold. Other faces leave some room.
_PLAIN = (
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79,
    60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63,
    63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
)  # fmt: skip
_BOLD = (
    35, 46, 52, 84, 70, 100, 87, 31, 46, 46, 52, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70,
    70, 70, 40, 40, 84, 84, 84, 58, 100, 77, 76, 73, 83, 68, 68, 82, 84, 37, 37, 77, 64, 100, 84,
    85, 73, 85, 77, 72, 68, 81, 77, 110, 77, 72, 73, 46, 37, 46, 84, 50, 50, 67, 72, 59, 72, 68, 44,
    72, 71, 34, 34, 67, 34, 104, 71, 69, 72, 72, 49, 60, 48, 71, 65, 92, 65, 65, 58, 71, 37, 71, 84,
)  # fmt: skip
_FIRST = 32
_OTHER, _SQUARE = 75, 100
_WIDE = "\u2e80"  # from here on characters are about square


class _Widths(dict[str, int]):
    """How wide each character of a face is, in hundredths of the font size."""

    def __missing__(self, character: str) -> int:
        return _SQUARE if character >= _WIDE else _OTHER


_WIDTHS = {
    bold: _Widths((chr(code), width) for code, width in enumerate(widths, _FIRST))
    for bold, widths in ((False, _PLAIN), (True, _BOLD))
}


def measure(content: str, *, font_size: float = FONT_SIZE, bold: bool = False) -> float:
    """Return the width of a text in pixels, estimated rather too wide."""
    return sum(map(_WIDTHS[bold].__getitem__, content)) * font_size / 100


def shorten(content: str, width: float, *, font_size: float = FONT_SIZE, bold: bool = False) -> str:
    """Cut text that would be wider than `width` pixels."""
    content = " ".join(content.split()) if not content.isprintable() else content
    if measure(content, font_size=font_size, bold=bold) <= width:
        return content
    end = "\N{HORIZONTAL ELLIPSIS}"
    room = 100 * (width - measure(end, font_size=font_size, bold=bold)) / font_size
    sums = accumulate(map(_WIDTHS[bold].__getitem__, content))
    kept = max(1, sum(1 for _ in takewhile(lambda reached: reached <= room, sums)))
    return content[:kept].rstrip() + end


def wrap(content: str, width: float, *, font_size: float) -> Sequence[str]:
    """Break text between words into lines no wider than `width` pixels."""
    lines: list[str] = []
    for word in content.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure(longer, font_size=font_size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
