"""A table and its principal axes -> SVG.

The same input gives the same bytes: nothing depends on a clock, a hash or a counter, and every
coordinate is written to a tenth of a pixel.
"""

from meshlens.pca.drawing.plane import draw_plane
from meshlens.pca.drawing.scree import draw_scree
from meshlens.pca.drawing.style import Style
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.tables.table import Table

_DEFAULT = Style()


def draw(table: Table, model: PcaModel, style: Style = _DEFAULT, *, new: bool = False) -> bytes:
    """Draw observations with principal axes, or a scree plot of these.

    Args:
        table: the observations.
        model: theirs, or an earlier one.
        style: what is drawn, and how.
        new: the model is an earlier one, so the observations are marked as supplementary.

    Raises:
        InvalidTable: there is one variable only, so nothing to draw against it.
        InvalidOption: the model has not the components that are asked for.
    """
    if style.kind == "scree":
        return draw_scree(table, model, style, new=new)
    if len(model.names) < 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidTable(
            "a plot needs at least 2 variables",
            got="1",
            remedy="send rows of two or more numbers, or call fit instead of plot",
        )
    if len(model.components) < 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidOption(
            "a plot needs a model of at least 2 components",
            got="1",
            remedy="fit the points again without k=1, or draw kind=scree",
            option="fit",
        )
    return draw_plane(table, model, style, new=new)
