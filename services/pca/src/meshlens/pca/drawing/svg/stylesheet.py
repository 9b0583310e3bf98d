"""The style of a picture: rules that stay within it when it is put into a page, and attributes.

Browsers read the rules, which may follow the reader's preference for dark. Office programs and
converters know few selectors and no `@media`, so every mark says its style in attributes as well,
which rules override.
"""

import re
from functools import cache, lru_cache
from typing import TypeAlias

from meshlens.pca.drawing.style import Theme
from meshlens.pca.drawing.svg.palette import DARK, LIGHT, SCALE_DARK, SCALE_LIGHT

Rules: TypeAlias = str  # selectors of classes on one element, and longhands only

# Rules without a selector are those of the picture itself; marks inherit them.
_SHAPES: Rules = """
{font-family:system-ui,Helvetica,Arial,DejaVu Sans,sans-serif;font-size:12px}
.title{font-size:18px;font-weight:600}
.caption{font-size:11px}
.strong,.name{font-weight:600}
.label,.small{font-size:11px}
.fine,.label.fine{font-size:9.5px}
.middle{text-anchor:middle}
.end{text-anchor:end}
.grid,.zero,.halo,.leader,.step,.guide,.average,.chance,.under{fill:none}
.points{stroke-width:.8}
.points.new{fill-opacity:.15;stroke-width:1.6}
.dots{fill:none;stroke-linecap:round}
.dots.mixed{stroke-opacity:.45}
.left{fill-opacity:.35}
.cells{fill:none;stroke-width:1;shape-rendering:crispEdges}
.line,.halo{stroke-linecap:round;stroke-linejoin:round}
.axis{stroke-width:2.5}
.loading{stroke-width:1.5}
.halo{stroke-width:4}
.mean{stroke-width:2}
.ellipse{fill-opacity:.1;stroke-width:1.5}
.ellipse.model{fill-opacity:.05;stroke-dasharray:6 4}
.guide,.average,.chance{stroke-width:1.2;stroke-dasharray:5 4}
.average{stroke-dasharray:1 4;stroke-linecap:round;stroke-width:2}
.chance{stroke-dasharray:none;stroke-width:1.6}
.step{stroke-width:2;stroke-linejoin:round}
.under{stroke-width:3.5;stroke-linejoin:round}
"""
_COLOURS: Rules = """
{{fill:{ink}}}
.paper{{fill:{paper}}}
.panel{{fill:{panel}}}
.grid{{stroke:{grid}}}
.zero{{stroke:{zero}}}
.track{{fill:{grid}}}
.quiet,.ticks{{fill:{quiet}}}
.points{{stroke:{edge};fill-opacity:{opacity}}}
.halo,.under{{stroke:{panel}}}
.mean{{fill:{paper};stroke:{ink}}}
.leader,.average{{stroke:{quiet}}}
.guide{{stroke:{ink}}}
.pc1{{fill:{pc1}}}
.arrow.pc1,.step{{stroke:{pc1}}}
.pc2{{fill:{pc2}}}
.arrow.pc2,.chance{{stroke:{pc2}}}
.loading{{fill:{loading}}}
.arrow.loading{{stroke:{loading}}}
.ink{{fill:{ink}}}
.arrow.ink,.ink.ellipse,.ink.cells{{stroke:{ink}}}
.all{{fill:{points}}}
.all.ellipse,.all.new{{stroke:{points}}}
.bar{{fill:{points}}}
.inside{{fill:{paper}}}
.rest{{fill:{rest}}}
.quiet.new{{stroke:{quiet}}}
.rest.ellipse,.rest.dots,.rest.cells,.rest.new{{stroke:{rest}}}
"""
_OPACITIES = (0.45, 0.55, 0.65, 0.74, 0.83, 0.92, 1.0)
_SHADES_LIGHT = ("#7399cf", "#6288c4", "#4a6fb0", "#365899", "#25437f", "#173064", "#0b1e49")
_SHADES_DARK = ("#3f6096", "#5077b2", "#658ecb", "#80a6de", "#9fbeee", "#c3d7f8", "#eef4ff")

_LIGHT = {
    "paper": "#fff", "panel": "#f6f7f9", "grid": "#e1e5ea", "zero": "#b4bdc9", "ink": "#1f2933",
    "quiet": "#5f6c7b", "points": "#4a6fa5", "edge": "#fff", "pc1": "#c0392b", "pc2": "#0f766e",
    "loading": "#6d4aa8", "rest": "#66717f", "opacity": ".65",
}  # fmt: skip
_DARK = {
    "paper": "#12171e", "panel": "#1a212b", "grid": "#2b3644", "zero": "#4c5a6c", "ink": "#e6eaf0",
    "quiet": "#98a5b5", "points": "#8fb4e8", "edge": "#12171e", "pc1": "#ff8a75", "pc2": "#4fd1c0",
    "loading": "#c4a7f5", "rest": "#8d99a8", "opacity": ".85",
}  # fmt: skip
_CLASS = re.compile(r' class="([^"]*)"')


@cache
def stylesheet(theme: Theme) -> str:
    """Return the rules for a theme; those of auto follow the reader's preference."""
    shapes = _scope(theme, _SHAPES)
    light, dark = (_scope(theme, _colour(is_dark=is_dark)) for is_dark in (False, True))
    if theme == "auto":
        # Light comes last: some programs read what is in @media, whatever the condition.
        return (
            f"{shapes}@media(prefers-color-scheme:dark){{\n{dark}}}\n"
            f"@media not all and (prefers-color-scheme:dark){{\n{light}}}\n"
        )
    return shapes + (dark if theme == "dark" else light)


def add_attributes(marks: str, theme: Theme) -> str:
    """Return marks with attributes that say what the rules say of their classes, auto as light."""
    return _CLASS.sub(lambda found: found[0] + attributes(theme, found[1]), marks)


@lru_cache(maxsize=1024)
def attributes(theme: Theme, class_: str = "") -> str:
    """Return the style of a class, or of the picture itself, as XML attributes."""
    classes = set(class_.split())
    said: dict[str, str] = {}
    for selector, body in _read(theme):
        if selector <= classes and bool(selector) == bool(classes):
            said |= dict(declaration.split(":") for declaration in body.split(";"))
    return "".join(f' {name}="{value}"' for name, value in said.items())


@cache
def _read(theme: Theme) -> tuple[tuple[frozenset[str], str], ...]:
    """Return the classes and declarations of each rule, what overrides others after them."""
    lines = _SHAPES + _colour(is_dark=theme == "dark")
    rules = [
        (frozenset(selector.split(".")[1:]), body.rstrip("}"))
        for selectors, _, body in (line.partition("{") for line in lines.splitlines() if line)
        for selector in selectors.split(",")
    ]
    return tuple(sorted(rules, key=lambda rule: len(rule[0])))


def _colour(*, is_dark: bool) -> Rules:
    colours = _DARK if is_dark else _LIGHT
    rules = [_COLOURS.format_map(colours)]
    for number, colour in enumerate(DARK if is_dark else LIGHT):
        g = f".g{number}"
        rules.append(f"{g}{{fill:{colour}}}\n")
        rules.append(f"{g}.ellipse,{g}.dots,{g}.cells,{g}.new{{stroke:{colour}}}\n")
    for place, colour in enumerate(SCALE_DARK if is_dark else SCALE_LIGHT):
        s = f".scale{place}"
        rules.append(f"{s}{{fill:{colour}}}\n")
        rules.append(f"{s}.dots,{s}.cells,{s}.new,{s}.arrow{{stroke:{colour}}}\n")
    shades = _SHADES_DARK if is_dark else _SHADES_LIGHT
    rules.append(f".dots.all{{stroke:{shades[0]}}}\n")
    for place, shade in enumerate(shades):
        rules.append(f".shade{place}{{stroke:{shade}}}\n")
        rules.append(f".opacity{place}{{stroke-opacity:{_OPACITIES[place]:g}}}\n")
    return "".join(rules)


def _scope(theme: Theme, rules: Rules) -> str:
    """Put the class of the picture before every selector."""
    scoped = []
    for rule in filter(None, rules.splitlines()):
        selectors, braces, body = rule.partition("{")
        inner = ",".join(f".pca-{theme} {selector}".rstrip() for selector in selectors.split(","))
        scoped.append(f"{inner}{braces}{body}\n")
    return "".join(scoped)
