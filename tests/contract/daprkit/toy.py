"""A toy service on daprkit's server, and how tests call it."""

import json
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.rpc import status_pb2
from grpc_status import rpc_status  # type: ignore[import-untyped] # it ships no types

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status, StatusTable
from meshlens.daprkit.client import CallError, Client
from meshlens.daprkit.gateway.method import open_gateway
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.server import Lifespan, Server
from meshlens.daprkit.settings import EventMode, ServerSettings
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.transports.health import Readiness
from meshlens.daprkit.transports.listener import GrpcService
from meshlens.daprkit.transports.topics import Subscription
from meshlens.faults import Fault


class Refused(Fault):
    """The toy service says no."""


class Gate:
    """A method that stays at work until it is let through."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun: list[str] = []
        self._begun = threading.Semaphore(0)

    def close(self) -> None:
        self.open.clear()
        self.begun.clear()
        self._begun = threading.Semaphore(0)

    def await_begun(self, count: int) -> None:
        for _ in range(count):
            assert self._begun.acquire(timeout=10)

    def pass_through(self, request: Request) -> Reply:
        self.begun.append(request.body.decode())
        self._begun.release()
        self.open.wait(10)
        return Reply(b"through", "text/plain")


def describe(request: Request) -> Reply:
    seen = {
        "verb": request.verb,
        "query": dict(request.query),
        "content_type": request.content_type,
        "size": len(request.body),
        "x-tag": request.headers.get("x-tag"),
        "parameters": dict(request.parameters),
        "preferred": request.preferred(["application/json", "text/plain", "text/html"]),
    }
    return Reply(json.dumps(seen).encode(), "application/json", headers={"x-seen": "yes"})


class Read:
    """What a request was read as."""


READ: list[weakref.ref[Read]] = []


def refuse(_: Request) -> Reply:
    read = Read()
    READ.append(weakref.ref(read))
    raise Refused("expected a yes", got="a no", remedy="ask again", option="answer")


def word_as_another(status: Status, text: str) -> bytes:
    return json.dumps({"error": f"{status.name}: {text}"}).encode()


def refuse_at_length(_: Request) -> Reply:
    raise Refused("no" * 5000)


def break_down(_: Request) -> Reply:
    raise KeyError("the password is swordfish")


THINGS: list[Request] = []


def take(request: Request) -> Reply:
    if request.body == b"poison":
        raise Refused("expected food", got="poison", remedy="send something else")
    THINGS.append(request)
    return describe(request)


def show(request: Request) -> Reply:
    return Reply(request.body, request.query["type"])


GATE = Gate()
ROUTES = [
    Route("describe", describe, verbs=("GET", "POST")),
    Route("things/<name>/versions/<version>", describe, verbs=("GET",)),
    Route("refuse", refuse, lane=Lane.WORK),
    Route("foreign", refuse, lane=Lane.WORK, failure=word_as_another),
    Route("refuse-at-length", refuse_at_length, lane=Lane.WORK),
    Route("break", break_down, lane=Lane.WORK),
    Route("work", describe, lane=Lane.WORK),
    Route("show", show),
    Route("gate", GATE.pass_through, lane=Lane.WORK),
    Route("manage", GATE.pass_through, lane=Lane.MANAGE),
    Route("things", describe, verbs=("GET", "DELETE"), lanes={"DELETE": Lane.ADMIN}),
    Route("rename", describe, lane=Lane.ADMIN),
    open_gateway("work", ("*",)),
]
SUBSCRIPTIONS = [
    Subscription(
        "things",
        take,
        options=("color",),
        dead_letter="things-dead",
        operation=Operation(summary="Take a thing.", answers={}),
    )
]
MAX_BODY = 64 * 1024
TOKEN = "swordfish"


@contextmanager
def serving(
    lifespan: Lifespan | None = None,
    services: Sequence[GrpcService] = (),
    described: Sequence[ServiceDescriptor] = (),
    readiness: Readiness = lambda: {"": True},
    **changes: object,
) -> Iterator[tuple[Server, int]]:
    values: dict[str, object] = {
        "app_id": "toy",
        "app_port": 0,
        "events": EventMode.OFF,
        "max_body": MAX_BODY,
        "workers": 2,
        "queue_per_worker": 2,
    }
    settings = ServerSettings.model_validate(values | changes)
    sidecar = Sidecar(settings)
    statuses: StatusTable = {Refused: Status.FAILED_PRECONDITION}
    server = Server(
        settings,
        ROUTES,
        statuses,
        sidecar,
        SUBSCRIPTIONS,
        services=services,
        described=described,
        lifespan=lifespan,
        readiness=readiness,
    )
    port = server.start()
    try:
        yield server, port
    finally:
        server.stop()
        sidecar.close()


def refusal_of(call: Callable[[], object]) -> CallError:
    """Make a call that must fail."""
    with pytest.raises(CallError) as fault:
        call()
    return fault.value


def seen(reply: Reply) -> dict[str, object]:
    answer = json.loads(reply.body)
    assert isinstance(answer, dict)
    return answer


@contextmanager
def full_queue(client: Client, gate: Gate) -> Iterator[CallError]:
    """Send one call more than the queue has places; hand over the refusal of one."""
    with ThreadPoolExecutor(5) as callers:
        calls = [callers.submit(client.invoke, "toy", "gate", b"x") for _ in range(5)]
        fault = next(as_completed(calls, timeout=10)).exception()
        assert isinstance(fault, CallError)
        yield fault
        assert sum(call.done() for call in calls) == 1
        gate.open.set()
        answers = [call.result().body for call in calls if call.exception() is None]
        assert answers == [b"through"] * 4


def status_of(refusal: CallError) -> status_pb2.Status:
    """Return what a gRPC library reads from the trailers; it checks them against the status."""
    rich = rpc_status.from_call(refusal.__cause__)
    assert isinstance(rich, status_pb2.Status)
    return rich
