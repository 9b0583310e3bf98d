"""The rules of a picture stay within it."""

import re

import numpy as np
from unit.pca.pictures import SVG, picture

from meshlens.pca.drawing.svg.stylesheet import attributes, stylesheet

SMALL = np.array([[2.0, 1.0], [3.0, 1.5], [4.0, 3.0], [5.0, 3.5], [6.0, 4.0]])


def test_a_theme_is_fixed_or_follows_the_reader() -> None:
    for theme, dark, light in (("auto", 1, 1), ("light", 0, 1), ("dark", 1, 0)):
        style = picture(SMALL, theme=theme).root.find(f"{SVG}style")
        assert style is not None
        assert style.text is not None
        assert style.text.count("prefers-color-scheme:dark") == 2 * (theme == "auto")
        assert (style.text.count("#12171e}"), style.text.count("{fill:#fff}")) >= (dark, light)
        selectors = re.findall(r"([^{}\n]+)\{", style.text)
        parts = [part for s in selectors if not s.startswith("@") for part in s.split(",")]
        assert all(re.match(rf"\.pca-{theme}( |$)", part) for part in parts)


def test_every_mark_says_in_attributes_what_the_rules_say() -> None:
    drawn = picture(SMALL, theme="light")
    assert drawn.root.attrib["fill"] == "#1f2933"
    (title,) = (text for text in drawn.root.iter(f"{SVG}text") if text.get("class") == "title")
    assert (title.attrib["font-size"], title.attrib["font-weight"]) == ("18px", "600")
    panel = drawn.root.find(f"{SVG}rect[@class='panel']")
    assert panel is not None
    assert panel.attrib["fill"] == "#f6f7f9"
    said = {"fill", "stroke", "font-size", "font-weight", "text-anchor", "stroke-linecap"}
    for mark in drawn.root.iter():
        assert "class" not in mark.attrib or said & set(mark.attrib)


def test_more_classes_override_fewer() -> None:
    said = attributes("light", "points g1 new")
    assert 'stroke="#b23600"' in said
    assert 'fill-opacity=".15"' in said


def test_light_is_what_a_program_without_conditions_reads_last() -> None:
    rules = stylesheet("auto")
    assert rules.rindex("#12171e") < rules.rindex("{fill:#fff}")
