"""How wide text is, and how it is cut or broken to fit."""

from collections.abc import Sequence

FONT_SIZE = 12.0
_ADVANCE = 0.6  # of the font size: an average character of a sans-serif face, semi-bold
_WIDE = 0x2E80  # from here on characters are about square


def measure(content: str, *, font_size: float = FONT_SIZE) -> float:
    """Return the width of a text in pixels, estimated rather too wide."""
    wide = 0 if content.isascii() else sum(ord(character) >= _WIDE for character in content)
    return font_size * (_ADVANCE * len(content) + (1 - _ADVANCE) * wide)


def shorten(content: str, width: float, *, font_size: float = FONT_SIZE) -> str:
    """Cut text that would be wider than `width` pixels."""
    content = " ".join(content.split()) if not content.isprintable() else content
    if measure(content, font_size=font_size) <= width:
        return content
    end = "\N{HORIZONTAL ELLIPSIS}"
    while len(content) > 1 and measure(content + end, font_size=font_size) > width:
        content = content[:-1]
    return content.rstrip() + end


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
