"""A page as a single response: style, script and data inlined; a policy lets nothing else run.

A page in a single response never mixes the files of two replicas. Its policy names style and script
by their digests, whatever the data contain.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from meshlens.daprkit.messages import Reply

# What every page has, before its own.
_SCRIPTS = ("calls.js", "document.js", "header.js", "code.js")
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def build_page(
    folder: Traversable,
    scripts: Sequence[str],
    data: Mapping[str, Any],
    *,
    header: str = "",
    images: str = "blob: data:",
) -> Reply:
    """Return the page whose parts are in `folder`, with the headers that go with it.

    Args:
        folder: holds page.html with slots such as {{style}}, page.css and the scripts.
        scripts: names of the .js files to append to the common ones, in this order, as one script.
        data: JSON values for the further slots.
        header: HTML for the slot {{header}}.
        images: the policy's sources for images.
    """
    common = files(__name__)
    style = _join([common / "base.css", folder / "page.css"])
    own = [folder / f"{name}.js" for name in scripts]
    script = _join([*(common / name for name in _SCRIPTS), *own])
    slots = {"style": style, "script": script, "header": header}
    slots |= {name: _encode_data(value) for name, value in data.items()}
    page = _SLOT.sub(
        lambda slot: slots[slot.group(1)], (folder / "page.html").read_text("utf-8")
    ).encode()
    policy = (
        "default-src 'none'",
        f"script-src '{_digest(script)}'",
        f"style-src '{_digest(style)}'",
        f"img-src {images}",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    headers = {
        # A sidecar always answers 200, so revalidating with an ETag would save nothing.
        "cache-control": "no-cache",
        "content-security-policy": "; ".join(policy),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Reply(page, "text/html; charset=utf-8", headers=headers)


def _join(parts: Sequence[Traversable]) -> str:
    return "\n".join(part.read_text("utf-8") for part in parts)


def _encode_data(data: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return JSON that is safe inside a script element."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


def _digest(inlined: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
