"""The style of a picture; every rule stays within it when it is put into a page."""

from collections.abc import Mapping
from functools import cache

from meshlens.pca.drawing.style import Theme
from meshlens.pca.drawing.svg.palette import DARK, LIGHT

_SHAPES = """
text{font:12px system-ui,sans-serif}
.title{font-size:18px;font-weight:600}
.caption{font-size:11px}
.strong,.name{font-weight:600}
.label{font-size:11px}
.middle{text-anchor:middle}
.end{text-anchor:end}
.grid,.zero,.halo,.leader,.step,.guide,.average{fill:none}
.points{stroke-width:.8}
.points.new{fill-opacity:.15;stroke-width:1.6}
.dots{fill:none;stroke-linecap:round}
.dots.mixed{stroke-opacity:.6}
.left{fill-opacity:.35}
.cells{fill:none;stroke-width:1;shape-rendering:crispEdges}
.line,.halo{stroke-width:2.5;stroke-linecap:round;stroke-linejoin:round}
.halo{stroke-width:4}
.loading .line{stroke-width:1.5}
.loading .halo{stroke-width:3.5}
.mean{stroke-width:2}
.ellipse{fill-opacity:.1;stroke-width:1.5}
.guide,.average{stroke-width:1.2;stroke-dasharray:5 4}
.average{stroke-dasharray:1 4;stroke-linecap:round;stroke-width:2}
.step{stroke-width:2;stroke-linejoin:round}
.name,.label{paint-order:stroke;stroke-width:3.5;stroke-linejoin:round}
"""
_OPACITIES = (0.55, 0.63, 0.71, 0.79, 0.87, 0.94, 1.0)
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


@cache
def stylesheet(theme: Theme) -> str:
    """Return the rules for a theme; those of auto follow the reader's preference."""
    shapes = _scope(theme, _SHAPES)
    light = _scope(theme, _colour(_LIGHT, LIGHT, _SHADES_LIGHT))
    dark = _scope(theme, _colour(_DARK, DARK, _SHADES_DARK))
    if theme == "auto":
        return f"{shapes}{light}@media(prefers-color-scheme:dark){{\n{dark}}}\n"
    return shapes + (dark if theme == "dark" else light)


def _colour(colours: Mapping[str, str], groups: tuple[str, ...], shades: tuple[str, ...]) -> str:
    rules = """
text{{fill:{ink}}}
.paper{{fill:{paper}}}
.panel{{fill:{panel}}}
.grid{{stroke:{grid}}}
.zero{{stroke:{zero}}}
.track{{fill:{grid}}}
.quiet,.ticks text{{fill:{quiet}}}
.points{{stroke:{edge};fill-opacity:{opacity}}}
.halo,.name,.label{{stroke:{panel}}}
.mean{{fill:{paper};stroke:{ink}}}
.leader,.average{{stroke:{quiet}}}
.guide{{stroke:{ink}}}
.pc1{{fill:{pc1}}}
.pc1 .line,.step{{stroke:{pc1}}}
.pc2{{fill:{pc2}}}
.pc2 .line{{stroke:{pc2}}}
.loading{{fill:{loading}}}
.loading .line{{stroke:{loading}}}
.ink{{fill:{ink}}}
.ink .line,.ink.ellipse,.ink.cells{{stroke:{ink}}}
.all{{fill:{points}}}
.all.ellipse,.all.new{{stroke:{points}}}
.bar{{fill:{points}}}
.rest{{fill:{rest}}}
.rest.ellipse,.rest.dots,.rest.cells,.rest.new{{stroke:{rest}}}
""".format_map(colours)
    for number, colour in enumerate(groups):
        g = f".g{number}"
        rules += f"{g}{{fill:{colour}}}\n"
        rules += f"{g}.ellipse,{g}.dots,{g}.cells,{g}.new{{stroke:{colour}}}\n"
    for place, shade in enumerate(shades):
        both = ",.dots.all" if place == 0 else ""
        rules += f".all .d{place}{both}{{stroke:{shade}}}\n"
        rules += f".mixed .d{place}{{stroke-opacity:{_OPACITIES[place]:g}}}\n"
    return rules


def _scope(theme: Theme, rules: str) -> str:
    """Put the class of the picture before every selector."""
    scoped = []
    for rule in filter(None, rules.splitlines()):
        selectors, braces, body = rule.partition("{")
        inner = ",".join(f".pca-{theme} {selector}" for selector in selectors.split(","))
        scoped.append(f"{inner}{braces}{body}\n")
    return "".join(scoped)
