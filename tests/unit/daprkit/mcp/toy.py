"""A toy service with tools, and how tests send messages to it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.events import Answered, NoEvents
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.lanes import Lane, rule_lanes
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status, Statuses
from meshlens.daprkit.mcp import serve_tools
from meshlens.daprkit.mcp.tools import BodyArgument, Tool
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.reference.about import About
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.faults import Fault

ABOUT = About("toy", "A toy", "It echoes.", "meshlens-daprkit")
MAX_BODY = 1 << 20


class EchoOptions(BaseModel):
    """Options of `echo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: int = Field(default=1, ge=1, description="how often")
    loud: bool = Field(default=False, description="in capitals")
    words: str = Field(default="", description="more of them, as a,b")


class Echo(BaseModel):
    """What was said."""

    said: str = Field(description="all of it")


class Silence(BaseModel):
    """Facts of a picture."""

    size: int = Field(description="letters")


class Refused(Fault):
    """The toy says no."""


def echo(request: Request) -> Reply:
    if request.body == b"no":
        raise Refused("expected a yes", got="a no", remedy="say yes")
    if request.body == b"bug":
        raise KeyError("the password is swordfish")
    said = f"{request.body.decode()} {dict(request.query)}"
    return Reply(json.dumps({"said": said}).encode() + b"\n", "application/json", result={})


def draw(request: Request) -> Reply:
    kind = request.headers["accept"]
    return Reply(b"<%s>" % request.body, kind, result={"size": len(request.body)})


def reflect(request: Request) -> Reply:
    return Reply(b'{"said": "nothing"}', "application/json", result=dict(request.query))


_SAY = Operation(summary="Say it.", answers={"application/json": Echo}, options=EchoOptions)
_LOOK = Operation(summary="Look.", answers={"application/json": Echo}, verb="GET")
_TEXT = BodyArgument("text", "what to say", lambda text: ("text/plain", text.encode()))
TOOLS = (
    Tool(
        name="echo",
        title="Echo",
        description="Once more.",
        path="say/echo",
        operation=_SAY,
        body=_TEXT,
        output=Echo,
        writes=True,
    ),
    Tool(
        name="draw",
        title="Draw",
        description="As a picture.",
        path="draw",
        operation=_LOOK,
        body=_TEXT,
        output=Silence,
        formats={"svg": "image/svg+xml", "png": "image/png"},
    ),
    Tool(
        name="look",
        title="Look",
        description="It is light.",
        path="look",
        operation=_LOOK,
        lane=Lane.LIGHT,
        output=Echo,
    ),
)


@dataclass
class Shelf(NoEvents):
    """Keeps outcomes."""

    kept: list[Answered] = field(default_factory=list)

    def publish(self, answered: Answered) -> None:
        self.kept.append(answered)


@dataclass(frozen=True)
class Toy:
    """A service that is called as a transport calls it."""

    application: Application
    admission: Admission
    events: Shelf
    counted: Callable[[], Mapping[tuple[str, str], float]]

    def post(self, body: bytes, **headers: str) -> bytes:
        """The body of the answer to a body; names of headers have _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        call = Invocation("mcp", "POST", "", "application/json", body, named)
        reply = self.application.invoke(call)
        assert reply.content_type == "application/json"
        return reply.body

    def send(self, method: str, params: object = None, **headers: str) -> Mapping[str, Any]:
        """The answer to a call."""
        message = {"jsonrpc": "2.0", "id": 7, "method": method}
        if params is not None:
            message["params"] = params
        answer: Mapping[str, Any] = json.loads(self.post(json.dumps(message).encode(), **headers))
        assert answer["id"] == 7
        return answer

    def use(self, tool: str, **arguments: object) -> Mapping[str, Any]:
        """The result of a tool."""
        answer = self.send("tools/call", {"name": tool, "arguments": arguments})
        result: Mapping[str, Any] = answer["result"]
        return result


@contextmanager
def serving() -> Iterator[Toy]:
    """The toy, answering."""
    admission, events = Admission(1, 1), Shelf()
    statuses = Statuses({Refused: Status.FAILED_PRECONDITION})
    metrics = Metrics("toy", admitted=int, name_code=lambda it: statuses.describe(it)[0].name)

    def counted() -> Mapping[tuple[str, str], float]:
        return {
            (sample.labels["method"], sample.labels["code"]): sample.value
            for metric in metrics.registry.collect()
            for sample in metric.samples
            if sample.name == "toy_calls_total"
        }

    routes = (
        Route("say/<what>", echo, lane=Lane.WORK),
        Route("draw", draw, verbs=("GET",), lane=Lane.WORK),
        Route("look", reflect, verbs=("GET",)),
        serve_tools(ABOUT, TOOLS),
    )
    application = Application(
        routes,
        lanes=rule_lanes(admission, events),
        statuses=statuses,
        metrics=metrics,
        max_body=MAX_BODY,
        time_limit=10.0,
    )
    yield Toy(application, admission, events, counted)
    admission.close()
