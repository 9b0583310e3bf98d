"""Which platform an event comes from, by its keys."""

from collections.abc import Mapping
from typing import Any

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.gateway.platforms.amazon import HttpEvent, RestEvent
from meshlens.daprkit.gateway.platforms.event import Event
from meshlens.daprkit.gateway.platforms.netlify import NetlifyEvent
from meshlens.daprkit.gateway.platforms.tencent import ScfEvent
from meshlens.daprkit.gateway.platforms.vercel import VercelEvent

# The last one has hardly a key of its own.
SHAPES: tuple[type[Event], ...] = (VercelEvent, HttpEvent, RestEvent, ScfEvent, NetlifyEvent)
_MOST_KEYS = 12
_LONGEST_KEY = 40


def find_shape(event: Mapping[str, Any]) -> type[Event]:
    """Return the type of an event.

    Raises:
        InvalidRequest: it has the keys of no platform.
    """
    for shape in SHAPES:
        if shape.fits(event):
            return shape
    keys = [repr(key[:_LONGEST_KEY]) for key in [*event][:_MOST_KEYS]]
    more = f" and {len(event) - _MOST_KEYS} more" if len(event) > _MOST_KEYS else ""
    raise InvalidRequest(
        "the event must be one of: " + "; ".join(shape.platform for shape in SHAPES),
        got=f"the keys {', '.join(keys)}{more}" if keys else "no keys",
        remedy="pass the event on as it is: httpMethod and path, or version 2.0 and rawPath, or"
        " Action",
    )
