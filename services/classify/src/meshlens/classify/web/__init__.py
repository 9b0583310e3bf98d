"""The page that this service serves: pictures in, the answers beside them, the models below."""

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files

from meshlens.classify.web.form import describe_options
from meshlens.classify.web.sample_files import SAMPLES
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.errors import MethodNotFound
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.pages import build_page
from meshlens.home import start
from meshlens.home.header import draw_header

# In this order they are one script.
_SCRIPTS = (
    "data",
    "words",
    "faults",
    "scaling",
    "sending",
    "stage",
    "answer",
    "preview",
    "tasks",
    "options",
    "models",
    "rollouts",
    "agreement",
    "operation",
    "webcam",
    "tray",
    "page",
)
_TYPES = {"png": "image/png", "jpg": "image/jpeg"}

_PAGE = Operation(
    summary="Return the page of this service, for browsers.",
    verb="GET",
    answers={"text/html": str},
)
_SAMPLE = Operation(
    summary="Return one of the pictures that the page offers to try.",
    verb="GET",
    parameters={"name": "name of its file, such as digit-7.png"},
    answers=dict.fromkeys(_TYPES.values(), bytes),
    faults=(MethodNotFound,),
)


def routes(*, max_pixels: int, max_body: int) -> Sequence[Route]:
    """Return the routes of the page and its samples, which are read here and now.

    Args:
        max_pixels: largest picture that is decoded.
        max_body: largest body in bytes.
    """
    page, samples = build(max_pixels=max_pixels, max_body=max_body), read_samples()
    return (
        Route("ui", lambda _: page, verbs=("GET",), operations=(_PAGE,)),
        Route(
            "ui/samples/<name>", partial(_sample, samples), verbs=("GET",), operations=(_SAMPLE,)
        ),
        start.route("classify"),
    )


def build(*, max_pixels: int, max_body: int) -> Reply:
    """Return the page, which scales larger pictures down before it sends them."""
    data = {
        "limits": {"pixels": max_pixels, "bytes": max_body},
        "options": describe_options(),
        "samples": {
            model: [{"name": name, "file": file} for name, file in shown.items()]
            for model, shown in SAMPLES.items()
        },
    }
    return build_page(
        files(__name__),
        _SCRIPTS,
        {"data": data},
        header=draw_header("classify"),
        images="'self' blob: data:",
    )


def read_samples() -> Mapping[str, bytes]:
    """Return the pictures to try, by the names of their files."""
    folder = files(__name__) / "samples"
    names = [name for shown in SAMPLES.values() for name in shown.values()]
    return {name: (folder / name).read_bytes() for name in names}


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
    return Reply(samples[name], _TYPES[name.rpartition(".")[2]], headers=headers)
