"""The rules of a picture stay within it."""

import re

import numpy as np
from unit.pca.pictures import SVG, picture

SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])


def test_a_theme_is_fixed_or_follows_the_reader() -> None:
    for theme, dark, light in (("auto", 1, 1), ("light", 0, 1), ("dark", 1, 0)):
        style = picture(SMALL, theme=theme).root.find(f"{SVG}style")
        assert style is not None
        assert style.text is not None
        assert style.text.count("prefers-color-scheme:dark") == (theme == "auto")
        assert (style.text.count("#12171e}"), style.text.count("{fill:#fff}")) >= (dark, light)
        selectors = re.findall(r"([^{}\n]+)\{", style.text)
        parts = [part for s in selectors if not s.startswith("@") for part in s.split(",")]
        assert all(part.startswith(f".pca-{theme} ") for part in parts)
