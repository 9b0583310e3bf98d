"""The doors of a service: what each keeps of an answer, and what bites clients that use them.

docs/clients.md has both as text. The traps are Dapr's; a test that fails here after an upgrade says
that a trap has changed.
"""

import base64
import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import grpc
import pytest
from dapr.proto import api_service_v1, appcallback_service_v1, common_v1
from documents import block
from google.protobuf import any_pb2, empty_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from installed import need
from mesh import Mesh, Profile
from processes import eventually

from meshlens.daprkit.client import CallError, Client
from meshlens.daprkit.settings import MIB
from meshlens.protocols.wire import inference_pb2

TOKEN = "swordfish-of-the-services"
MAX_BODY = 64 * 1024


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh in which pca cannot publish, so that its results are withheld."""
    env = {
        "classify": {"MAX_BODY": str(MAX_BODY)},
        "pca": {
            "EVENTS": "confirmed",
            "PUBSUB": "nowhere",
            "HTTP_METRICS": "true",
            "MAX_BODY": "64Mi",
        },
    }
    folder = tmp_path_factory.mktemp("doors")
    with Mesh(Profile.EMBEDDED, folder, listens=True, app_token=TOKEN, env=env) as running:
        yield running


class Door(StrEnum):
    PREFIX = "path prefix"
    HEADER = "header"
    BASIC = "Basic auth"
    ENDPOINT_PREFIX = "HTTPEndpoint by path prefix"
    ENDPOINT_HEADER = "HTTPEndpoint by header"
    ENDPOINT_BASIC = "HTTPEndpoint by Basic auth"
    LISTENER = "own listener"


INVOKE = (Door.PREFIX, Door.HEADER, Door.BASIC)
EXACT = tuple(door for door in Door if door not in INVOKE)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    mesh: Mesh,
    door: Door,
    app: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Call an app through the other one's sidecar, or at its own port."""
    via = "pca" if app == "classify" else "classify"
    port = mesh.http_port(via)
    sent = dict(headers or {})
    name = app if door in INVOKE else f"{app}-rest"
    match door:
        case Door.PREFIX | Door.ENDPOINT_PREFIX:
            path = f"/v1.0/invoke/{name}/method{path}"
        case Door.HEADER | Door.ENDPOINT_HEADER:
            sent["dapr-app-id"] = name
        case Door.BASIC | Door.ENDPOINT_BASIC:
            user = base64.b64encode(f"dapr-app-id:{name}".encode()).decode()
            sent["authorization"] = f"Basic {user}"
        case Door.LISTENER:
            port = mesh.listener_port(app)
            sent["dapr-api-token"] = TOKEN
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET" if body is None else "POST", path, body, sent)
        answer = connection.getresponse()
        named = {key.lower(): value for key, value in answer.getheaders()}
        return Answer(answer.status, named, answer.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Case:
    """A call, and what comes of it: by invoke, and where the service's own answer is kept."""

    app: str
    path: str
    body: bytes | None
    code: int
    by_invoke: int
    exact: int


CASES = {
    "400": Case("classify", "/classify?top_k=no", b"x", 3, 400, 400),
    "404": Case("classify", "/nothing", b"x", 5, 404, 404),
    "405": Case("classify", "/classify", None, 3, 400, 405),
    "413": Case("classify", "/classify", bytes(MAX_BODY + 1), 8, 429, 413),
    "503": Case("pca", "/plot", b"1,2,3,5,4,4,9,1", 14, 503, 503),
}


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("app", ["pca", "classify"])
def test_a_page_has_its_policy_through_each_door(mesh: Mesh, door: Door, app: str) -> None:
    for path in ("/ui", "/home"):
        page = call(mesh, door, app, path)
        assert page.status == 200
        policy = page.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("door", list(Door))
def test_a_result_comes_through_every_door(mesh: Mesh, door: Door) -> None:
    answer = call(mesh, door, "classify", "/models")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert b"objects" in answer.body


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("door", list(Door))
def test_an_error_has_the_status_and_the_body_that_its_door_keeps(
    mesh: Mesh, door: Door, case: str
) -> None:
    asked = CASES[case]
    answer = call(mesh, door, asked.app, asked.path, asked.body)
    told = json.loads(answer.body)
    assert told["code"] == asked.code
    if door in INVOKE:
        # The first trap: not the type of what it is, and nothing of the app's own body.
        assert answer.status == asked.by_invoke
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    else:
        assert answer.status == asked.exact
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers.get("allow") == ("POST, PUT" if case == "405" else None)


@pytest.mark.parametrize("door", EXACT)
def test_an_error_of_another_servers_protocol_has_its_body(mesh: Mesh, door: Door) -> None:
    answer = call(mesh, door, "classify", "/v2/models/nothing")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert list(json.loads(answer.body)) == ["error"]


@pytest.mark.parametrize("case", [case for case in CASES if case != "405"])
def test_proxied_grpc_keeps_code_and_text(mesh: Mesh, case: str) -> None:
    asked = CASES[case]
    port = mesh.grpc_port("pca" if asked.app == "classify" else "classify")
    method, _, query = asked.path[1:].partition("?")
    options = dict([query.split("=")]) if query else {}
    with Client(f"127.0.0.1:{port}") as client, pytest.raises(CallError) as refusal:
        client.invoke(asked.app, method, asked.body or b"", query=options, timeout=30)
    names = {3: "INVALID_ARGUMENT", 5: "NOT_FOUND", 8: "RESOURCE_EXHAUSTED", 14: "UNAVAILABLE"}
    assert refusal.value.code == names[asked.code]


def test_the_listener_takes_nobody_without_the_token_but_the_mesh_sends_it(mesh: Mesh) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", mesh.listener_port("classify"))
    connection.request("GET", "/models")
    assert connection.getresponse().status == 401
    connection.close()
    assert call(mesh, Door.ENDPOINT_PREFIX, "classify", "/models").status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_answered_by_the_listener_alone(mesh: Mesh, path: str) -> None:
    assert call(mesh, Door.LISTENER, "classify", path).body == b"ok"
    assert call(mesh, Door.PREFIX, "classify", path).status == 404


@pytest.mark.parametrize("path", ["/ui", "/openapi.json", "/home"])
def test_pages_are_there_too(mesh: Mesh, path: str) -> None:
    listened = call(mesh, Door.LISTENER, "pca", path)
    assert listened.status == 200
    assert listened.body == call(mesh, Door.PREFIX, "pca", path).body
    assert int(listened.headers["content-length"]) == len(listened.body)


def test_the_calls_of_the_document(mesh: Mesh) -> None:
    need("curl", "apt-get install curl")
    commands = block("docs/clients.md", "classify-rest/method/models")
    commands = commands.replace("localhost:3501", f"127.0.0.1:{mesh.http_port('pca')}")
    commands = commands.replace("localhost:3562", f"127.0.0.1:{mesh.listener_port('classify')}")
    # The mesh of this test has a token.
    commands = commands.replace("curl ", f"curl -fsS -H 'dapr-api-token: {TOKEN}' ")
    done = subprocess.run(
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", commands],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"objects"') == 4


# The traps


def test_over_the_limit_of_a_sidecar_the_answer_is_not_the_services(mesh: Mesh) -> None:
    body = bytes(33 * MIB)
    over_http = call(mesh, Door.PREFIX, "pca", "/plot", body)
    assert over_http.status == 500
    assert json.loads(over_http.body)["errorCode"] == "ERR_DIRECT_INVOKE"
    assert b"stream too large" in over_http.body
    with (
        Client(f"127.0.0.1:{mesh.grpc_port('classify')}") as client,
        pytest.raises(CallError, match="larger than max") as refusal,
    ):
        client.invoke("pca", "plot", body)
    assert refusal.value.code == "RESOURCE_EXHAUSTED"


@pytest.fixture
def channel(mesh: Mesh) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port('pca')}") as channel:
        yield channel


TO_CLASSIFY = (("dapr-app-id", "classify"),)


def invoke(channel: grpc.Channel, compression: grpc.Compression | None = None) -> bytes:
    """Call the method `models` as any stub does."""
    message = common_v1.InvokeRequest(
        method="models",
        data=any_pb2.Any(),
        http_extension=common_v1.HTTPExtension(verb=common_v1.HTTPExtension.GET),
    )
    stub = appcallback_service_v1.AppCallbackStub(channel)
    answer = stub.OnInvoke(message, metadata=TO_CLASSIFY, timeout=30, compression=compression)
    body: bytes = answer.data.value
    return body


def test_a_proxied_call_that_names_no_app_is_unknown(channel: grpc.Channel) -> None:
    check = health_pb2_grpc.HealthStub(channel).Check
    with pytest.raises(grpc.RpcError) as refusal:
        check(health_pb2.HealthCheckRequest(), timeout=30)
    assert refusal.value.code() is grpc.StatusCode.UNKNOWN
    assert "missing dapr-callee-app-id or dapr-app-id metadata" in str(refusal.value.details())


def test_a_sidecar_unpacks_gzip_and_not_deflate(channel: grpc.Channel) -> None:
    assert b"objects" in invoke(channel, grpc.Compression.Gzip)
    with pytest.raises(grpc.RpcError) as refusal:
        invoke(channel, grpc.Compression.Deflate)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "Decompressor is not installed" in str(refusal.value.details())


def test_pings_every_two_seconds_end_the_connection_and_the_next_call_makes_another(
    mesh: Mesh,
) -> None:
    options = [
        ("grpc.keepalive_time_ms", 2000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    states: list[grpc.ChannelConnectivity] = []
    with grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port('pca')}", options) as channel:
        note = states.append
        channel.subscribe(note)
        assert invoke(channel)
        ready = grpc.ChannelConnectivity.READY
        eventually(
            lambda: ready in states and states[-1] is not ready, "the sidecar ends it", within=40
        )
        # Its thread fails if the channel is closed while it watches.
        channel.unsubscribe(note)
        assert invoke(channel)


def test_a_stream_of_two_messages_needs_its_header_where_the_policy_retries(
    channel: grpc.Channel,
) -> None:
    infer = channel.stream_stream(
        "/inference.GRPCInferenceService/ModelStreamInfer",
        request_serializer=inference_pb2.ModelInferRequest.SerializeToString,
        response_deserializer=inference_pb2.ModelStreamInferResponse.FromString,
    )
    sent = [inference_pb2.ModelInferRequest(model_name=name) for name in ("none", "neither")]
    with pytest.raises(grpc.RpcError) as refusal:
        list(infer(iter(sent), metadata=TO_CLASSIFY, timeout=30))
    assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "retries on streaming RPCs" in str(refusal.value.details())
    stream = (*TO_CLASSIFY, ("dapr-stream", "true"))
    answers = list(infer(iter(sent), metadata=stream, timeout=30))
    assert ["neither" in answer.error_message for answer in answers] == [False, True]


@pytest.mark.parametrize("door", [*Door])
def test_an_encoded_slash_is_a_slash_and_the_last_ones_go(mesh: Mesh, door: Door) -> None:
    assert call(mesh, door, "classify", "/models/").status == 200
    assert call(mesh, door, "classify", "/models%2F").status == 200
    answer = call(mesh, door, "classify", "/no%2Fthing%20/")
    assert answer.status == 404
    assert "'no/thing '" in json.loads(answer.body)["message"]


@pytest.mark.parametrize("name", ["50%25", "a%3Fb", "a%23b"])
def test_names_with_signs_of_an_address_pass_the_listener_alone(mesh: Mesh, name: str) -> None:
    assert call(mesh, Door.LISTENER, "classify", f"/{name}").status == 404
    assert call(mesh, Door.ENDPOINT_PREFIX, "classify", f"/{name}").status == 500
    by_invoke = 404 if name == "50%25" else 500
    assert call(mesh, Door.PREFIX, "classify", f"/{name}").status == by_invoke


@pytest.mark.parametrize("door", INVOKE)
def test_answers_have_no_length_through_a_sidecar(mesh: Mesh, door: Door) -> None:
    answer = call(mesh, door, "classify", "/models")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("door", Door)
def test_a_success_is_200_even_if_there_is_nothing_to_say(mesh: Mesh, door: Door) -> None:
    # Elsewhere such a message is answered 202; a sidecar has no way to say that.
    said = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    answer = call(mesh, door, "classify", "/mcp", said)
    assert (answer.status, answer.body) == (200, b"")


def test_a_sidecar_tries_a_proxied_call_26_times_and_one_by_http_once(mesh: Mesh) -> None:
    before = count_unavailable(mesh)
    assert call(mesh, Door.PREFIX, "pca", "/fit", b"1,2,3,5,4,4,9,1").status == 503
    assert count_unavailable(mesh) == before + 1
    with (
        Client(f"127.0.0.1:{mesh.grpc_port('classify')}") as client,
        pytest.raises(CallError, match="event"),
    ):
        client.invoke("pca", "fit", b"1,2,3,5,4,4,9,1", timeout=60)
    assert count_unavailable(mesh) == before + 27


def count_unavailable(mesh: Mesh) -> int:
    """Return how many calls of `fit` the service has answered UNAVAILABLE."""
    lines = call(mesh, Door.LISTENER, "pca", "/metrics").body.decode().splitlines()
    begin = 'meshlens_calls_total{code="UNAVAILABLE",method="fit",'
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(begin))


def test_dapr_says_which_endpoints_it_has_read(mesh: Mesh) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port('pca')}") as channel:
        facts = api_service_v1.DaprStub(channel).GetMetadata(empty_pb2.Empty())
    assert {each.name for each in facts.http_endpoints} == {"pca-rest", "classify-rest"}
