"""The page that this service serves: data and options in, the picture beside them.

Style, script, samples and the list of options are inlined into one answer, so that a page never
mixes the files of two replicas. Its policy names style and script by their digests: nothing else
runs, whatever the data say.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from daprkit.routing import Reply, Request, Route

from pca.options import FitOptions, NoOptions, PlotOptions, TransformOptions, parse_options
from pca.web.form import describe

# In this order they are one script.
_SCRIPTS = ("places", "editor", "form", "picture", "calls", "page")
_METHODS: Mapping[str, type[NoOptions]] = {
    "plot": PlotOptions,
    "fit": FitOptions,
    "transform": TransformOptions,
}
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def routes() -> Sequence[Route]:
    """Return the route of the page, which is put together here and now."""
    page, headers = build()

    def ui(request: Request) -> Reply:
        """Return the page."""
        parse_options(NoOptions, request.query)
        return Reply(page, "text/html; charset=utf-8", headers=headers)

    return (Route("ui", ui, verbs=("GET",)),)


def build() -> tuple[bytes, Mapping[str, str]]:
    """Return the page and the headers that go with it."""
    folder = files(__name__)
    style = (folder / "page.css").read_text("utf-8")
    script = "\n".join((folder / f"{name}.js").read_text("utf-8") for name in _SCRIPTS)
    slots = {
        "style": style,
        "script": script,
        "options": _encode_data(describe(_METHODS)),
        "samples": _encode_data(_read_samples(folder)),
    }
    page = _SLOT.sub(
        lambda slot: slots[slot.group(1)], (folder / "page.html").read_text("utf-8")
    ).encode()
    policy = (
        "default-src 'none'",
        f"script-src '{_digest(script)}'",
        f"style-src '{_digest(style)}'",
        "img-src blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    headers = {
        # A sidecar answers 200 always, so that asking again with an ETag would save nothing.
        "cache-control": "no-cache",
        "content-security-policy": "; ".join(policy),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return page, headers


def _read_samples(folder: Traversable) -> dict[str, str]:
    """Return the samples: Fisher's iris (1936) as it is, and two columns of it on one line."""
    iris = (folder / "samples" / "iris.csv").read_text("utf-8")
    widths = [row.split(",")[1:4:2] for row in iris.splitlines()[1:]]
    return {"iris": iris, "line": ",".join(",".join(pair) for pair in widths) + "\n"}


def _encode_data(data: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    """Return JSON that may stand in a script element."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


def _digest(inlined: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
