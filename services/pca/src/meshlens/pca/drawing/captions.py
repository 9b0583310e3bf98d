"""What a picture says in words: subtitle, caption with its definitions, description."""

from collections.abc import Sequence

from meshlens.pca.drawing.groups import Groups
from meshlens.pca.drawing.scene import REACH, Scene, name_component
from meshlens.pca.drawing.style import Style
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.table import Table

_TIMES = "\N{MULTIPLICATION SIGN}"
_MOST_SPOKEN = 20
_ELLIPSES = {
    "normal": "chi-square with 2 d.o.f.",
    "t": "2 F(2, n\N{NO-BREAK SPACE}\N{MINUS SIGN}\N{NO-BREAK SPACE}1)",
    "confidence": "after Hotelling",
}


def count_observations(table: Table, model: PcaModel, *, new: bool) -> str:
    """Return how many of what there are."""
    n = len(table.values)
    prefix = "standardized " if model.standardized else ""
    if new:
        of = f"the axes of {model.n:,} others, {len(model.names)} {prefix}variables"
        return f"{n:,} new observation{'s' * (n != 1)} on {of}"
    return f"{n:,} observations of {len(model.names)} {prefix}variables"


def name_ellipse(style: Style) -> str:
    """Return what the legend calls an ellipse."""
    kind = "confidence of mean" if style.ellipse == "confidence" else style.ellipse
    return f"{100 * style.level:g} % {kind}"


def caption(
    scene: Scene, style: Style, table: Table, *, skipped: Sequence[str], notes: Sequence[str]
) -> str:
    """Say by which definition the picture is drawn.

    Args:
        scene: what is drawn.
        style: the choices behind it.
        table: the observations.
        skipped: groups without an ellipse.
        notes: sentences about this picture.
    """
    sentences = [_define(scene, style)]
    if scene.arrows and scene.arrows.hidden:
        shown = len(scene.arrows.names)
        sentences.append(f"The {shown} longest of {shown + scene.arrows.hidden} arrows are drawn.")
    if style.ellipse != "none":
        sentences.append(f"Ellipses: {name_ellipse(style)} ({_ELLIPSES[style.ellipse]}).")
    if skipped:
        sentences.append(f"Too few points for one: {_list(skipped, 6)}.")
    sentences += notes
    if table.filled:
        sentences.append(f"{table.filled:,} missing cells were filled in.")
    if table.dropped:
        sentences.append(f"{table.dropped:,} observations with missing cells were left out.")
    return " ".join(sentences)


def note_marks(*, outliers: bool, dense: bool) -> list[str]:
    """Return sentences about the marks of points and their labels."""
    notes = []
    if dense:
        notes.append("Shaded cells count observations; lone ones are dots in their exact place.")
    if outliers:
        notes.append("Labelled: outliers in this plane by Chauvenet's criterion.")
    return notes


def describe(
    scene: Scene,
    model: PcaModel,
    style: Style,
    summary: str,
    *,
    groups: Groups,
    labelled: Sequence[str],
) -> str:
    """Say what the picture shows to those who do not see it."""
    chosen = style.choose_components(len(model.components))
    shares = [
        f"PC {i + 1} explains {100 * model.explained_variance_ratio[i]:.1f} % of the variance"
        for i in chosen
    ]
    what = f"{scene.labels[0]} and {scene.labels[1]}"
    sentences = [f"{summary}: {what}"]
    if scene.axes is not None:
        x, y = scene.mean.tolist()
        sentences += [
            f"the principal axes cross at the mean ({x:.6g}, {y:.6g})",
            f"they reach {REACH:g} standard deviations to either side",
        ]
    sentences += shares
    if groups.names:
        sentences.append(f"{len(groups.names)} groups: {_list(groups.names, _MOST_SPOKEN)}")
    if style.ellipse != "none":
        sentences.append(f"ellipses: {name_ellipse(style)}")
    if scene.arrows:
        sentences.append(f"arrows show the loadings of {_list(scene.arrows.names, _MOST_SPOKEN)}")
    if labelled:
        sentences.append(f"labelled: {_list(labelled, _MOST_SPOKEN)}")
    return "; ".join(sentences) + "."


def describe_scree(model: PcaModel, summary: str) -> str:
    """Say what a scree plot shows."""
    shares = [name_component(model, place) for place in range(min(_MOST_SPOKEN, _count(model)))]
    return f"{summary}; explained variance: {_list(shares, _MOST_SPOKEN)}."


def _define(scene: Scene, style: Style) -> str:
    factor = f"{scene.arrows.factor:.3g}" if scene.arrows else ""
    if style.kind == "loadings":
        circle = " On the circle, the plane explains a variable completely." if scene.circle else ""
        return f"Loadings: components {_TIMES} standard deviations of their scores.{circle}"
    if style.kind == "biplot":
        alpha = f"{style.alpha:g}"
        drawn = f", drawn {_TIMES} {factor}" if factor else ""
        return (
            f"Biplot with alpha = {alpha}, as R's biplot.prcomp(scale = {alpha}):"
            f" scores / (s\N{SQUARE ROOT}n)^alpha; arrows: components {_TIMES}"
            f" (s\N{SQUARE ROOT}n)^alpha{drawn}."
        )
    if scene.axes is not None:
        return f"Axes reach {REACH:g} standard deviations from the mean to either side."
    arrows = (
        f" Arrows: loadings (components {_TIMES} standard deviations of their scores),"
        f" drawn {_TIMES} {factor}."
    )
    return f"Raw scores, not rescaled.{arrows if factor else ''}"


def _list(words: Sequence[str], most: int) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def _count(model: PcaModel) -> int:
    return len(model.explained_variance_ratio)
