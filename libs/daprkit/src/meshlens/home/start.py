"""The start page, the same in every app: what is there, tried by a click, and the events of it."""

from importlib.resources import files

from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.messages import Reply
from meshlens.daprkit.pages import build_page
from meshlens.home.header import draw_start_header

# In this order they are one script.
_SCRIPTS = ("trial", "table", "picture", "events", "methods", "page")

_OPERATION = Operation(
    summary="Return the start page of all services, for browsers.",
    verb="GET",
    answers={"text/html": str},
)


def route(app: str) -> Route:
    """Return the route of the start page as `app` serves it; the page is built once, by this."""
    page = build(app)
    return Route("home", lambda _: page, verbs=("GET",), operations=(_OPERATION,))


def build(app: str) -> Reply:
    """Return the start page as `app` serves it."""
    header = draw_start_header(app)
    return build_page(files(__package__), _SCRIPTS, {}, header=header, images="'self' blob: data:")
