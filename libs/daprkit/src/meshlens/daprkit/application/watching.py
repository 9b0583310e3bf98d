"""The method `events`: the service's own last result events, and the next one as it comes.

It is for people who look at one process that they run themselves, such as on the start page; apps
subscribe to the topic instead, which misses nothing and knows of every replica.
"""

import json
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.recent_events import RecentEvents
from meshlens.daprkit.application.result_event import AnyEvent
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.errors import EventsNotShown, InvalidRequest
from meshlens.daprkit.messages import Reply, Request

PATH = "events"
# Seconds; over HTTP no sidecar says that the caller has gone, so its slot is held until then.
LONGEST_WAIT = 10.0
# Of its time limit, the share that a request waits: its answer must arrive within it too.
_SHARE = 0.8


class WatchOptions(BaseModel):
    """Options of the method."""

    model_config = ConfigDict(frozen=True)

    after: str = Field(
        default="",
        description="cursor of an earlier answer: waits for what comes after it, up to"
        f" {LONGEST_WAIT:g} s; every event that is kept, at once, if not given",
    )


class WatchedEvent(BaseModel):
    """A result event, as it was published."""

    time: str = Field(description="when it was published, in UTC")
    data: AnyEvent = Field(description="the event")


class WatchAnswer(BaseModel):
    """The events since a cursor."""

    events: list[WatchedEvent] = Field(description="the earliest first")
    cursor: str = Field(description="where to read on")
    missed: int = Field(
        description="events between the caller's cursor and the first of these, kept no longer"
    )


_OPERATION = Operation(
    summary="Return the last result events of this process, and the next one as it comes.",
    verb="GET",
    options=WatchOptions,
    answers={"application/json": WatchAnswer},
    answer="The events that the service keeps with SHOW_EVENTS=N.",
    faults=(EventsNotShown,),
)


def watch_events(recent: RecentEvents | None, *, why_not: str = "SHOW_EVENTS=0") -> Route:
    """Return the route of the method.

    Args:
        recent: the events; None refuses every request.
        why_not: the setting because of which there are none.
    """
    endpoint = partial(_answer, recent) if recent else partial(_refuse, why_not)
    return Route(PATH, endpoint, verbs=("GET",), lane=Lane.WATCH, operations=(_OPERATION,))


def _answer(recent: RecentEvents, request: Request) -> Reply:
    unknown = sorted({*request.query} - {*WatchOptions.model_fields})
    if unknown:
        raise InvalidRequest(
            "the option must be after", got=unknown[0], remedy="leave it out", option=unknown[0]
        )
    seconds = min(LONGEST_WAIT, _SHARE * request.time_limit)
    seen = recent.read(request.query.get("after", ""), seconds=seconds)
    rest = json.dumps({"cursor": seen.cursor, "missed": seen.missed}).encode()
    body = b'{"events": [%s], %s' % (b", ".join(seen.events), rest[1:])
    return Reply(body, "application/json", headers={"cache-control": "no-store"})


def _refuse(why_not: str, _: Request) -> Reply:
    raise EventsNotShown(
        "result events must be kept to be shown",
        got=why_not,
        remedy="start the service with SHOW_EVENTS=100, and without EVENTS=off, or subscribe to the"
        " topic of the events",
    )
