"""The methods that agents call as tools, by the method `mcp`."""

from collections.abc import Sequence

from meshlens.daprkit.mcp.tools import BodyArgument, Tool
from meshlens.daprkit.sidecar.referenced import URI_LIST, is_address
from meshlens.pca import reference
from meshlens.pca.answers.schemas import ModelAnswer, ScoresAnswer, Summary
from meshlens.pca.drawing import images

_TABLE = BodyArgument(
    "table",
    "the table as text: CSV, or JSON; a row for each observation, a column for each variable. Files"
    " of other types as a data URL with base64. Or dapr://binding/<binding>/<key>, where it is",
    lambda text: (URI_LIST if is_address(text) else "", text.encode()),
)

TOOLS: Sequence[Tool] = (
    Tool(
        name="plot",
        title="Draw a table by PCA",
        description="Answers the picture, and the shares of the variance that components explain.",
        path="plot",
        operation=reference.PLOT,
        body=_TABLE,
        output=Summary,
        formats={"svg": images.SVG, "png": images.PNG},
    ),
    Tool(
        name="fit",
        title="Find principal components",
        description="Answers the PCA model with the id by which plot and transform use it as fit.",
        path="fit",
        operation=reference.FIT,
        body=_TABLE,
        output=ModelAnswer,
        writes=True,
    ),
    Tool(
        name="transform",
        title="Compute scores",
        description="Answers a row of scores for each observation.",
        path="transform",
        operation=reference.TRANSFORM,
        body=_TABLE,
        output=ScoresAnswer,
    ),
)
