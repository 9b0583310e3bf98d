"""The page that this service serves: a picture in, the verdict beside it, the models below."""

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files

from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.errors import MethodNotFound
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.pages import build_page
from meshlens.home import start
from meshlens.home.header import draw_header

# In this order they are one script.
_SCRIPTS = ("stage", "answer", "tasks", "models", "page")


def routes() -> Sequence[Route]:
    """Return the routes of the page and its samples, which are read here and now."""
    page, samples = build(), read_samples()
    return (
        Route("ui", lambda _: page, verbs=("GET",)),
        Route("ui/samples/<name>", partial(_sample, samples), verbs=("GET",)),
        start.route("classify"),
    )


def build() -> Reply:
    """Return the page."""
    return build_page(
        files(__name__),
        _SCRIPTS,
        {"samples": [*read_samples()]},
        header=draw_header("classify"),
        images="'self' blob: data:",
    )


def read_samples() -> Mapping[str, bytes]:
    """Return pictures to try, of digits that the shipped model names, by the name of the file."""
    folder = files(__name__) / "samples"
    found = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name: file.read_bytes() for file in found if file.name.endswith(".png")}


def _sample(samples: Mapping[str, bytes], request: Request) -> Reply:
    """Return one picture to try."""
    name = request.parameters["name"]
    if name not in samples:
        raise MethodNotFound(
            f"expected one of the samples {', '.join(samples)}",
            got=repr(name),
            remedy="check the name",
        )
    headers = {"cache-control": "max-age=3600", "x-content-type-options": "nosniff"}
    return Reply(samples[name], "image/png", headers=headers)
