"""What a caller sees of any service on daprkit's server, over a real gRPC connection."""

import json
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager

import grpc
import pytest
from dapr.proto import appcallback_service_v1, appcallback_v1, common_v1
from google.protobuf import empty_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status  # type: ignore[import-untyped] # it ships no types
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.lanes import MANAGE_SLOTS, Lane
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import LONGEST_MESSAGE, Status, StatusTable
from meshlens.daprkit.client import AppUnavailable, CallError, Client
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.parsing.details import Details
from meshlens.daprkit.server import GrpcService, Lifespan, Server
from meshlens.daprkit.settings import EventMode, ServerSettings
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.transports.topics import Subscription
from meshlens.faults import Fault
from opentelemetry import trace


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


def refuse(_: Request) -> Reply:
    raise Refused("expected a yes", got="a no", remedy="ask again", option="answer")


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


GATE = Gate()
ROUTES = [
    Route("describe", describe, verbs=("GET", "POST")),
    Route("things/<name>/versions/<version>", describe, verbs=("GET",)),
    Route("refuse", refuse, lane=Lane.WORK),
    Route("refuse-at-length", refuse_at_length, lane=Lane.WORK),
    Route("break", break_down, lane=Lane.WORK),
    Route("work", describe, lane=Lane.WORK),
    Route("gate", GATE.pass_through, lane=Lane.WORK),
    Route("manage", GATE.pass_through, lane=Lane.MANAGE),
]
SUBSCRIPTIONS = [Subscription("things", take, options=("color",), dead_letter="things-dead")]
MAX_BODY = 64 * 1024
TOKEN = "swordfish"


@contextmanager
def serving(
    lifespan: Lifespan | None = None,
    services: Sequence[GrpcService] = (),
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
        lifespan=lifespan,
    )
    port = server.start()
    try:
        yield server, port
    finally:
        server.stop()
        sidecar.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as (_, port):
        yield port


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    with Client(f"127.0.0.1:{port}") as client:
        yield client


@pytest.fixture
def gate() -> Iterator[Gate]:
    GATE.close()
    yield GATE
    GATE.open.set()


def refusal_of(call: Callable[[], object]) -> CallError:
    """Make a call that must fail."""
    with pytest.raises(CallError) as fault:
        call()
    return fault.value


def status_of(refusal: CallError) -> status_pb2.Status:
    """Return what a gRPC library reads from the trailers; it checks them against the status."""
    rich = rpc_status.from_call(refusal.__cause__)
    assert isinstance(rich, status_pb2.Status)
    return rich


def seen(reply: Reply) -> dict[str, object]:
    answer = json.loads(reply.body)
    assert isinstance(answer, dict)
    return answer


def test_query_content_type_and_headers_reach_the_method(client: Client) -> None:
    reply = client.invoke(
        "toy",
        "describe",
        b"abc",
        content_type="Text/CSV; charset=utf-8",
        query={"k": "2", "title": "a b&c"},
        accept="text/html, application/json;q=0.5",
    )
    assert reply.content_type == "application/json"
    assert reply.headers["x-seen"] == "yes"
    assert seen(reply) == {
        "verb": "NONE",
        "query": {"k": "2", "title": "a b&c"},
        "content_type": "text/csv",
        "size": 3,
        "x-tag": None,
        "parameters": {},
        "preferred": "text/html",
    }


def test_a_query_may_stand_behind_the_method(client: Client) -> None:
    assert seen(client.invoke("toy", "describe?k=2&t=%20"))["query"] == {"k": "2", "t": " "}
    both = client.invoke("toy", "describe?k=2", query={"t": "1"})
    assert seen(both)["query"] == {"k": "2", "t": "1"}


def test_path_templates_hand_over_their_parts(client: Client) -> None:
    answer = seen(client.invoke("toy", "things/a b/versions/3"))
    assert answer["parameters"] == {"name": "a b", "version": "3"}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/plain"),
        ("image/png", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("nonsense;;q=x,", "application/json"),
    ],
)
def test_accept_picks_the_representation(client: Client, accept: str, expected: str) -> None:
    assert seen(client.invoke("toy", "describe", accept=accept))["preferred"] == expected


@pytest.mark.parametrize(
    ("method", "query", "code", "words"),
    [
        ("nothing", {}, "NOT_FOUND", ["'nothing'", "describe", "work"]),
        ("", {}, "NOT_FOUND", ["''"]),
        ("things/a", {}, "NOT_FOUND", ["things/a"]),
        ("describe", {"timeout": "soon"}, "INVALID_ARGUMENT", ["'soon'", "2.5"]),
        ("describe", {"timeout": "-1"}, "INVALID_ARGUMENT", ["'-1'"]),
        ("describe", {"timeout": "nan"}, "INVALID_ARGUMENT", ["'nan'"]),
        ("refuse", {}, "FAILED_PRECONDITION", ["expected a yes", "ask again"]),
    ],
)
def test_faults_have_a_code_and_say_what_to_do(
    client: Client, method: str, query: dict[str, str], code: str, words: list[str]
) -> None:
    refusal = refusal_of(lambda: client.invoke("toy", method, query=query))
    assert refusal.code == code
    for word in words:
        assert word in refusal.message


def test_a_fault_is_sent_as_data_too(client: Client) -> None:
    assert refusal_of(lambda: client.invoke("toy", "refuse")).details == Details(
        reason="REFUSED",
        domain="toy",
        expected="expected a yes",
        got="a no",
        remedy="ask again",
        option="answer",
    )
    details = refusal_of(lambda: client.invoke("toy", "describe?timeout=soon")).details
    assert (details.reason, details.option) == ("INVALID_REQUEST", "timeout")


def test_status_and_details_are_one_for_grpc_libraries(client: Client) -> None:
    rich = status_of(refusal_of(lambda: client.invoke("toy", "describe?timeout=soon")))
    assert rich.code == code_pb2.INVALID_ARGUMENT
    bad = error_details_pb2.BadRequest()
    assert rich.details[-1].Unpack(bad)
    assert [violation.field for violation in bad.field_violations] == ["timeout"]


def test_an_unexpected_error_is_internal_and_tells_no_secrets(client: Client) -> None:
    refusal = refusal_of(lambda: client.invoke("toy", "break"))
    assert refusal.details == Details()
    assert refusal.code == "INTERNAL"
    assert "swordfish" not in refusal.message
    assert seen(client.invoke("toy", "work", b"next"))["size"] == 4


def refusal_of_raw(port: int, extension: common_v1.HTTPExtension) -> grpc.RpcError:
    """Call with what the client would never send, as a sidecar may; it must fail."""
    message = common_v1.InvokeRequest(method="describe", http_extension=extension)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = appcallback_service_v1.AppCallbackStub(channel)
        with pytest.raises(grpc.RpcError) as fault:
            stub.OnInvoke(message)
    return fault.value


@pytest.mark.parametrize(
    "querystring", ["a=1&a=2", "&".join(f"a{i}=1" for i in range(100)), "a=%ff"]
)
def test_query_strings_that_cannot_be_meant_are_refused(port: int, querystring: str) -> None:
    extension = common_v1.HTTPExtension(querystring=querystring)
    assert refusal_of_raw(port, extension).code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_verb_that_the_method_does_not_take_is_refused(port: int) -> None:
    extension = common_v1.HTTPExtension(verb=common_v1.HTTPExtension.DELETE)
    refusal = refusal_of_raw(port, extension)
    assert refusal.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "GET or POST" in (refusal.details() or "")


def test_the_limit_on_bodies_is_exact_and_named(client: Client) -> None:
    assert seen(client.invoke("toy", "work", bytes(MAX_BODY)))["size"] == MAX_BODY
    refusal = refusal_of(lambda: client.invoke("toy", "work", bytes(MAX_BODY + 1)))
    assert refusal.code == "RESOURCE_EXHAUSTED"
    assert "MAX_BODY" in refusal.message
    assert str(MAX_BODY) in refusal.message


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


def test_a_full_queue_refuses_at_once_and_says_when_to_retry(client: Client, gate: Gate) -> None:
    with full_queue(client, gate) as refusal:
        assert refusal.code == "RESOURCE_EXHAUSTED"
        assert isinstance(refusal, AppUnavailable)
        assert refusal.retry_after is not None
        assert refusal.retry_after >= 0.05
        retry = error_details_pb2.RetryInfo()
        assert status_of(refusal).details[0].Unpack(retry)
        assert retry.retry_delay.ToMilliseconds() >= 50


def test_probes_answer_while_every_place_is_taken(port: int, client: Client, gate: Gate) -> None:
    with full_queue(client, gate), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        appcallback_service_v1.AppCallbackHealthCheckStub(channel).HealthCheck(
            empty_pb2.Empty(), timeout=0.5
        )
        state = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=0.5
        )
        assert state.status == health_pb2.HealthCheckResponse.SERVING


def test_management_that_waits_starves_neither_lists_nor_work(client: Client, gate: Gate) -> None:
    with ThreadPoolExecutor(MANAGE_SLOTS) as callers:
        calls = [callers.submit(client.invoke, "toy", "manage", b"x") for _ in range(MANAGE_SLOTS)]
        gate.await_begun(MANAGE_SLOTS)
        assert seen(client.invoke("toy", "describe"))["size"] == 0
        assert seen(client.invoke("toy", "work"))["size"] == 0
        refusal = refusal_of(lambda: client.invoke("toy", "manage"))
        assert refusal.code == "RESOURCE_EXHAUSTED"
        gate.open.set()
        assert [call.result().body for call in calls] == [b"through"] * MANAGE_SLOTS


@pytest.mark.parametrize("way", ["deadline", "timeout"])
def test_work_whose_time_is_over_never_begins(client: Client, gate: Gate, way: str) -> None:
    with ThreadPoolExecutor(2) as callers:
        holders = [callers.submit(client.invoke, "toy", "gate", b"hold") for _ in range(2)]
        gate.await_begun(2)
        deadline, query = (0.2, {}) if way == "deadline" else (None, {"timeout": "0.2"})
        refusal = refusal_of(
            lambda: client.invoke("toy", "gate", b"late", timeout=deadline, query=query)
        )
        assert refusal.code == "DEADLINE_EXCEEDED"
        gate.open.set()
        assert [holder.result().body for holder in holders] == [b"through"] * 2
    assert seen(client.invoke("toy", "work"))["size"] == 0
    assert gate.begun == ["hold", "hold"]


def test_requests_in_flight_are_answered_before_the_server_stops(gate: Gate) -> None:
    with (
        serving(stop_grace=10) as (server, port),
        Client(f"127.0.0.1:{port}") as client,
        ThreadPoolExecutor(2) as callers,
    ):
        running = [callers.submit(client.invoke, "toy", "gate", b"x") for _ in range(2)]
        gate.await_begun(2)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        gate.open.set()
        assert [call.result().body for call in running] == [b"through"] * 2
        stopping.join(10)
        assert not stopping.is_alive()


def test_a_result_whose_event_no_broker_takes_is_not_answered() -> None:
    with (
        # Port 1 answers nobody: the service has no sidecar.
        serving(events=EventMode.CONFIRMED, dapr_grpc_port=1, publish_timeout=0.3) as (_, port),
        Client(f"127.0.0.1:{port}") as client,
    ):
        refusal = refusal_of(lambda: client.invoke("toy", "work"))
        assert refusal.code == "UNAVAILABLE"
        assert "EVENTS=off" in refusal.message
        assert seen(client.invoke("toy", "describe"))["size"] == 0


def test_with_a_token_only_callers_who_know_it_are_served_but_probes_are_free() -> None:
    with serving(app_api_token=TOKEN) as (_, port):
        with Client(f"127.0.0.1:{port}", api_token=TOKEN) as sidecar:
            assert seen(sidecar.invoke("toy", "work"))["size"] == 0
        for token in ("", "swordfisch"):
            with Client(f"127.0.0.1:{port}", api_token=token) as stranger:
                refusal = refusal_of(lambda: stranger.invoke("toy", "work"))
            assert refusal.code == "UNAUTHENTICATED"
            assert "APP_API_TOKEN" in refusal.message
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            state = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert state.status == health_pb2.HealthCheckResponse.SERVING


def test_a_service_that_cannot_be_asked_yet_lives_all_the_same() -> None:
    states = health_pb2.HealthCheckResponse
    with serving() as (server, port), grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        server.set_serving("", serving=False)
        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest()).status == states.NOT_SERVING
        assert check(health_pb2.HealthCheckRequest(service="/live")).status == states.SERVING


def deliver(port: int, data: bytes, **metadata: str) -> grpc.StatusCode | None:
    """Deliver an event as a sidecar does, its metadata beside it; return how it was refused."""
    request = appcallback_v1.TopicEventRequest(
        id="frame-1",
        source="camera",
        type="picture",
        data=data,
        data_content_type="application/octet-stream",
        pubsub_name="pubsub",
        topic="things",
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = appcallback_service_v1.AppCallbackStub(channel)
        try:
            stub.OnTopicEvent(request, metadata=tuple(metadata.items()))
        except grpc.RpcError as error:
            return error.code()
    return None


def test_a_sidecar_learns_of_the_subscriptions(port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = appcallback_service_v1.AppCallbackStub(channel)
        (subscription,) = stub.ListTopicSubscriptions(empty_pb2.Empty()).subscriptions
    assert (subscription.pubsub_name, subscription.topic) == ("pubsub", "things")
    assert subscription.dead_letter_topic == "things-dead"


def test_an_event_is_a_request_whose_metadata_are_options(port: int) -> None:
    assert deliver(port, b"abc", color="red", weight="much") is None
    assert THINGS[-1].body == b"abc"
    assert THINGS[-1].query == {"color": "red"}
    assert THINGS[-1].content_type == "application/octet-stream"


def test_an_event_that_cannot_be_answered_is_refused_by_its_code(port: int) -> None:
    assert deliver(port, b"poison") is grpc.StatusCode.FAILED_PRECONDITION


def test_no_spans_are_made_if_the_environment_names_no_exporter_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with serving(otel_traces_exporter="none") as (_, port):
        assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
        with Client(f"127.0.0.1:{port}") as client:
            assert seen(client.invoke("toy", "work"))["size"] == 0


def test_a_lifespan_begins_behind_a_port_that_answers_and_ends_when_the_service_drains() -> None:
    told: list[str] = []

    @contextmanager
    def live(server: Server) -> Iterator[None]:
        told.append("begun")
        server.set_serving("model", serving=True)
        yield
        told.append("ended")

    states = health_pb2.HealthCheckResponse
    with (
        serving(lifespan=live) as (server, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        check = health_pb2_grpc.HealthStub(channel).Check
        assert check(health_pb2.HealthCheckRequest(service="model")).status == states.SERVING
        assert told == ["begun"]
        server.drain()
        assert told == ["begun", "ended"]
        assert check(health_pb2.HealthCheckRequest()).status == states.NOT_SERVING
        with Client(f"127.0.0.1:{port}") as client:
            assert seen(client.invoke("toy", "work"))["size"] == 0
    assert told == ["begun", "ended"]


def test_a_lifespan_ends_though_nobody_drains_the_service() -> None:
    told: list[str] = []

    @contextmanager
    def live(_: Server) -> Iterator[None]:
        yield
        told.append("ended")

    with serving(lifespan=live):
        assert told == []
    assert told == ["ended"]


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_an_ipv6_address_in_either_spelling_serves_calls_and_metrics(address: str) -> None:
    metrics_port = free_port("::1")
    with serving(listen_address=address, metrics_port=metrics_port) as (_, port):
        with Client(f"[::1]:{port}") as client:
            assert seen(client.invoke("toy", "work"))["size"] == 0
        with urllib.request.urlopen(f"http://[::1]:{metrics_port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
    assert 'calls_total{code="OK",method="work"} 1.0' in lines


def free_port(address: str) -> int:
    with socket.create_server((address, 0), family=socket.AF_INET6) as probe:
        port: int = probe.getsockname()[1]
        return port


class Number:
    """A message of a gRPC service of the toy's own."""

    model = "doubler"
    version = "1"
    time_limit = 10.0

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.value = int(body)

    @property
    def result(self) -> dict[str, int]:
        return {"value": self.value}


def double(number: Number) -> Number:
    if not number.value:
        raise Refused("expected a number above 0, got 0; send another")
    return Number(str(2 * number.value).encode())


def add_doubler(application: Application, server: grpc.Server) -> None:
    def answer(request: Number, context: grpc.ServicerContext) -> Number:
        return application.answer(
            request,
            double,
            method="Double",
            lane=Lane.WORK,
            on_caller_gone=context.add_callback,
        )

    handler: grpc.RpcMethodHandler[Number, Number] = grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=Number, response_serializer=lambda number: number.body
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("toy.Numbers", {"Double": handler})]
    )


def test_a_grpc_service_of_its_own_messages_is_admitted_and_refused_as_methods_are(
    gate: Gate,
) -> None:
    with (
        serving(services=[add_doubler]) as (_, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        Client(f"127.0.0.1:{port}") as client,
    ):
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/toy.Numbers/Double"
        )
        assert call(b"21") == b"42"
        with pytest.raises(grpc.RpcError) as fault:
            call(b"0")
        assert fault.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert fault.value.details() == "expected a number above 0, got 0; send another"
        with full_queue(client, gate), pytest.raises(grpc.RpcError) as fault:
            call(b"21")
        assert fault.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("method", ["refuse-at-length", "work"])
def test_long_messages_are_cut_before_they_fill_the_trailers(client: Client, method: str) -> None:
    query = {"timeout": "x" * 5000} if method == "work" else {}
    refusal = refusal_of(lambda: client.invoke("toy", method, query=query))
    assert refusal.code in {"FAILED_PRECONDITION", "INVALID_ARGUMENT"}
    assert len(refusal.message) == LONGEST_MESSAGE
    assert refusal.message.endswith("...")
