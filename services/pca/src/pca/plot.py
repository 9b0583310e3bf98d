"""A table and its principal axes -> SVG.

The same input gives the same bytes: nothing depends on a clock, a hash or a counter, and every
coordinate is written to a tenth of a pixel.
"""

from pca.decomposition import Fit
from pca.errors import InvalidOption, InvalidTable
from pca.look import Look
from pca.observations import draw_plane
from pca.scree import draw_scree
from pca.table import Table

_DEFAULT = Look()


def draw(table: Table, fit: Fit, look: Look = _DEFAULT, *, new: bool = False) -> bytes:
    """Draw observations with principal axes, or a scree plot of these.

    Args:
        table: the observations.
        fit: theirs, or an earlier one.
        look: what is drawn, and how.
        new: the fit is an earlier one, so the observations are marked as supplementary.

    Raises:
        InvalidTable: there is one variable only, so nothing to draw against it.
        InvalidOption: the fit has not the components that are asked for.
    """
    if look.kind == "scree":
        return draw_scree(table, fit, look, new=new)
    if len(fit.names) < 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidTable(
            "a plot needs at least 2 variables",
            got="1",
            remedy="send rows of two or more numbers, or ask for fit instead of plot",
        )
    if len(fit.components) < 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidOption(
            "a plot needs a fit of at least 2 components",
            got="1",
            remedy="fit the points again without k=1, or ask for kind=scree",
        )
    return draw_plane(table, fit, look, new=new)
