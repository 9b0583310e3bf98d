"""The page of this service: data and options on one side, the picture on the other."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec

from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.pages import build_page
from meshlens.home import start
from meshlens.home.header import draw_header
from meshlens.pca.errors import InvalidOption
from meshlens.pca.options import FitOptions, NoOptions, PlotOptions, TransformOptions, parse_options
from meshlens.pca.tables.formats import ENDINGS
from meshlens.pca.web.form import describe

# In this order they are one script.
_SCRIPTS = (
    "places",
    "tables",
    "editor",
    "fields",
    "form",
    "words",
    "picture",
    "points",
    "reading",
    "columns",
    "hints",
    "downloads",
    "link",
    "page",
)
_METHODS: Mapping[str, type[NoOptions]] = {
    "plot": PlotOptions,
    "fit": FitOptions,
    "transform": TransformOptions,
}

_PAGE = Operation(
    summary="Return the page of this service, for browsers.",
    verb="GET",
    options=NoOptions,
    answers={"text/html": str},
    faults=(InvalidOption,),
)

_SAMPLE = Operation(
    summary="Return the table that the page offers to try.",
    verb="GET",
    answers={"text/csv": str},
)


def routes() -> Sequence[Route]:
    """Return the routes of the page and its sample; they are built once, by this call."""
    page = build()
    iris = Reply((files(__name__) / "samples" / "iris.csv").read_bytes(), "text/csv")

    def ui(request: Request) -> Reply:
        """Return the page."""
        parse_options(NoOptions, request.query)
        return page

    return (
        Route("ui", ui, verbs=("GET",), operations=(_PAGE,)),
        Route("ui/samples/iris.csv", lambda _: iris, verbs=("GET",), operations=(_SAMPLE,)),
        start.route("pca"),
    )


def build() -> Reply:
    """Return the page."""
    folder = files(__name__)
    data = {
        "options": describe(_METHODS),
        "samples": _read_samples(folder),
        "types": dict(ENDINGS),
        # What it needs beside the module is known only when it is used.
        "offers": {"pdf": find_spec("cairosvg") is not None},
    }
    return build_page(folder, _SCRIPTS, data, header=draw_header("pca"))


def _read_samples(folder: Traversable) -> dict[str, str]:
    """Return the samples: Fisher's iris data (1936), and two of its columns on one line."""
    iris = (folder / "samples" / "iris.csv").read_text("utf-8")
    widths = [row.split(",")[1:4:2] for row in iris.splitlines()[1:]]
    return {"iris": iris, "line": ",".join(",".join(pair) for pair in widths) + "\n"}
