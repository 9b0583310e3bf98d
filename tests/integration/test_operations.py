"""What an operator sees of calls through real sidecars: counts, lines of the log, and traces."""

import base64
import hashlib
import json
import re
import secrets
import struct
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

import grpc
import pytest
from collector import Collector, Span, collecting
from dapr.proto import api_service_v1, api_v1
from mesh import ROOT, Mesh, Profile
from opentelemetry import context, propagate
from processes import eventually
from prometheus_client.parser import text_string_to_metric_families
from published import published
from unit.daprkit.gateway import events

from meshlens.command.subscriber import Subscriber
from meshlens.daprkit.client import CallError, Client
from meshlens.protocols.wire import inference_pb2, tensorflow_pb2, tfserving_pb2

IRIS = (ROOT / "examples" / "points" / "iris.csv").read_bytes()
SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
PAGE = (ROOT / "docs" / "operations.md").read_text()
PARENT = "b7ad6b7169203331"
INFER, STREAM = (
    f"inference.GRPCInferenceService/{name}" for name in ("ModelInfer", "ModelStreamInfer")
)
PREDICT = "tensorflow.serving.PredictionService/Predict"
TIME_LIMIT = 60.0

# Method, protocol, model, version and code.
Labels = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Watched:
    """A mesh whose services show their metrics, and whose spans are collected."""

    mesh: Mesh
    collector: Collector

    def read(self, service: str) -> str:
        """The metrics of a service."""
        with urlopen(f"http://127.0.0.1:{self.mesh.listener_port(service)}/metrics") as answer:
            text: str = answer.read().decode()
            return text

    def count(self, service: str) -> Counter[Labels]:
        """The calls that a service has counted."""
        return Counter(
            {
                (
                    labels["method"],
                    labels["protocol"],
                    labels["model"],
                    labels["version"],
                    labels["code"],
                ): int(sample.value)
                for family in text_string_to_metric_families(self.read(service))
                for sample in family.samples
                if sample.name == "meshlens_calls_total" and (labels := sample.labels)
            }
        )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with collecting() as collector:
        told = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "HTTP_METRICS": "true",
            "REQUEST_LOG": "all",
        }
        sidecars = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_INSECURE": "true",
        }
        with Mesh(
            Profile.EMBEDDED,
            tmp_path_factory.mktemp("watched"),
            env={"pca": told, "classify": told},
            sidecar_env=sidecars,
            listens=True,
        ) as mesh:
            yield Watched(mesh, collector)


@pytest.fixture(scope="module")
def client(watched: Watched) -> Iterator[Client]:
    """A caller by pca's sidecar."""
    with Client(f"127.0.0.1:{watched.mesh.grpc_port('pca')}") as client:
        yield client


@pytest.fixture(scope="module")
def channel(watched: Watched) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{watched.mesh.grpc_port('pca')}") as channel:
        yield channel


def call_by(channel: grpc.Channel, method: str, body: bytes, *headers: tuple[str, str]) -> str:
    """Call a gRPC method of classify through the sidecar; return the name of its status."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{method}")
    try:
        call(body, timeout=TIME_LIMIT, metadata=(("dapr-app-id", "classify"), *headers))
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def stream_by(channel: grpc.Channel, bodies: list[bytes]) -> int:
    """Send messages of a stream to classify; return how many were answered."""
    call: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(f"/{STREAM}")
    metadata = (("dapr-app-id", "classify"), ("dapr-stream", "true"))
    return len(list(call(iter(bodies), timeout=TIME_LIMIT, metadata=metadata)))


def infer(model: str = "digits", picture: bytes = SEVEN) -> bytes:
    request = inference_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name="picture", datatype="BYTES", shape=[1])
    request.raw_input_contents.append(struct.pack("<I", len(picture)) + picture)
    return request.SerializeToString()


def predict(model: str = "digits", picture: bytes = SEVEN) -> bytes:
    request = tfserving_pb2.PredictRequest()
    request.model_spec.name = model
    tensor = request.inputs["picture"]
    tensor.dtype = tensorflow_pb2.DT_STRING
    tensor.tensor_shape.dim.add(size=1)
    tensor.string_val.append(picture)
    return request.SerializeToString()


def code_of(call: Callable[[], object]) -> str:
    try:
        call()
    except CallError as error:
        return error.code
    return "OK"


def use_tool(picture: bytes) -> bytes:
    image = base64.b64encode(picture).decode()
    params = {"name": "classify", "arguments": {"image": image, "model": "digits"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return json.dumps(call).encode()


def test_the_counts_of_the_services_are_those_of_their_callers(
    watched: Watched, client: Client, channel: grpc.Channel
) -> None:
    mesh = watched.mesh
    before = {service: watched.count(service) for service in mesh.services}
    seen: dict[str, Counter[Labels]] = {service: Counter() for service in mesh.services}

    def note(service: str, code: str, method: str, protocol: str, model: str = "") -> None:
        version = "1" if model else ""
        seen[service][method, protocol, model, version, code] += 1

    for body in (IRIS, b"no table", IRIS):
        code = code_of(lambda body=body: client.invoke("pca", "plot", body, timeout=TIME_LIMIT))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        note("pca", code, "plot", "invoke")
        answer = mesh.call("classify", "pca", "plot", body)
        note("pca", {200: "OK", 400: "INVALID_ARGUMENT"}[answer.status], "plot", "invoke")
    note("pca", code_of(lambda: client.invoke("pca", "guess-42")), "unknown", "invoke")

    def classify(model: str, picture: bytes) -> str:
        query = {"model": model}
        return code_of(
            lambda: client.invoke("classify", "classify", picture, query=query, timeout=TIME_LIMIT)
        )

    note("classify", classify("digits", SEVEN), "classify", "invoke", "digits")
    note("classify", classify("digits", b"none"), "classify", "invoke", "digits")
    note("classify", classify("nobody", SEVEN), "classify", "invoke")

    listener = f"http://127.0.0.1:{mesh.listener_port('classify')}"
    with urlopen(f"{listener}/classify?model=digits", SEVEN) as answered:  # noqa: S310 - of this host
        assert answered.status == 200
    note("classify", "OK", "classify", "http", "digits")

    note("classify", call_by(channel, INFER, infer()), INFER, "grpc", "digits")
    note("classify", call_by(channel, INFER, infer(picture=b"none")), INFER, "grpc", "digits")
    note("classify", call_by(channel, INFER, infer("nobody")), INFER, "grpc")
    note("classify", call_by(channel, INFER, b"\xff"), INFER, "grpc")
    for _ in range(stream_by(channel, [infer(), infer()])):
        note("classify", "OK", STREAM, "stream", "digits")
    note("classify", call_by(channel, PREDICT, predict()), PREDICT, "tfserving", "digits")
    note("classify", call_by(channel, PREDICT, predict("nobody")), PREDICT, "tfserving")

    for picture, code in ((SEVEN, "OK"), (b"none", "INVALID_ARGUMENT")):
        headers = {"content-type": "application/json", "mcp-protocol-version": "2025-06-18"}
        result = mesh.call("pca", "classify", "mcp", use_tool(picture), headers=headers)
        assert json.loads(result.body)["result"].get("isError", False) is (code != "OK")
        note("classify", "OK", "mcp", "invoke")
        note("classify", code, "classify", "mcp", "digits")
    event = events.function_url("/plot", headers={"content-type": "text/csv"}, body=IRIS.decode())
    sent = json.dumps({**event, "isBase64Encoded": False}).encode()
    passed = mesh.call(
        "classify", "pca", "gateway", sent, headers={"content-type": "application/json"}
    )
    assert json.loads(passed.body)["statusCode"] == 200
    note("pca", "OK", "gateway", "invoke")
    note("pca", "OK", "plot", "gateway")

    identity = str(uuid.uuid4())
    with (
        Subscriber(mesh.grpc_port("classify")) as results,
        grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port('classify')}") as own,
    ):
        api_service_v1.DaprStub(own).PublishEvent(
            api_v1.PublishEventRequest(
                pubsub_name="pubsub",
                topic="images",
                data=SEVEN,
                data_content_type="application/octet-stream",
                metadata={"cloudevent.id": identity, "model": "digits"},
            )
        )
        results.next(lambda event: event.data.get("cause") == identity)
    note("classify", "OK", "images", "topic", "digits")

    for service, expected in seen.items():
        eventually(
            lambda service=service, expected=expected: (  # type: ignore[misc] # mypy cannot infer a lambda with a default
                watched.count(service) - before[service] == expected
            ),
            f"{service} has counted {expected}, and not {watched.count(service) - before[service]}",
        )


def test_every_result_by_whichever_door_says_which_bytes_have_answered(
    watched: Watched, client: Client, channel: grpc.Channel
) -> None:
    mesh, seen = watched.mesh, len(published(watched.mesh))
    listener = f"http://127.0.0.1:{mesh.listener_port('classify')}"
    image = base64.b64encode(SEVEN).decode()
    kind = {"content-type": "application/json"}
    client.invoke("classify", "classify", SEVEN, query={"model": "digits"})
    client.invoke("classify", "preview", SEVEN, query={"model": "digits"})
    client.invoke("classify", "models/digits/predict", SEVEN)
    urlopen(f"{listener}/classify?model=digits", SEVEN).close()  # noqa: S310 - of this host
    kept = {"parameters": {"content_type": "base64"}, "data": [image]}
    taken = {"name": "picture", "shape": [1], "datatype": "BYTES", **kept}
    v2 = json.dumps({"inputs": [taken]}).encode()
    mesh.call("pca", "classify", "v2/models/digits/infer", v2, headers=kind)
    tf = json.dumps({"instances": [{"b64": image}]}).encode()
    mesh.call("pca", "classify", "v1/models/digits:predict", tf, headers=kind)
    mcp = {**kind, "mcp-protocol-version": "2025-06-18"}
    mesh.call("pca", "classify", "mcp", use_tool(SEVEN), headers=mcp)
    event = events.function_url(
        "/classify",
        headers={"content-type": "image/png"},
        rawQueryString="model=digits",
        body=image,
    )
    mesh.call("pca", "classify", "gateway", json.dumps(event).encode(), headers=kind)
    assert call_by(channel, INFER, infer()) == "OK"
    assert stream_by(channel, [infer()]) == 1
    assert call_by(channel, PREDICT, predict()) == "OK"
    fitted = json.loads(client.invoke("pca", "fit", IRIS).body)["id"]
    client.invoke("pca", "transform", IRIS, query={"fit": fitted})
    client.invoke("pca", "plot", IRIS)

    def collect() -> list[dict[str, Any]]:
        return [event["data"] for event in published(mesh)[seen:]]

    results = eventually(lambda: it if len(it := collect()) >= 14 else [], "the events")
    assert [it for it in results if it["outcome"] != "OK"] == []
    assert Counter(it["method"] for it in results) == Counter(
        {
            "classify": 4,
            "preview": 1,
            "models/<name>/predict": 1,
            "v2/models/<name>/infer": 1,
            "v1/models/<name>:predict": 1,
            INFER: 1,
            STREAM: 1,
            PREDICT: 1,
            "fit": 1,
            "transform": 1,
            "plot": 1,
        }
    )
    model = ROOT / "services/classify/src/meshlens/classify/models/digits/1/digits.tflite"
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    answered = {"sha256": digest, "signature": "unchecked"}
    for it in results:
        if it["service"] == "classify":
            assert (it["model"], it["version"], it["provenance"]) == ("digits", "1", answered)
    named = {it["method"]: it.get("provenance") for it in results if it["service"] == "pca"}
    fit = {"sha256": fitted, "signature": "unchecked"}
    assert named == {"fit": None, "transform": fit, "plot": None}


def test_the_page_has_every_metric_with_its_labels(watched: Watched) -> None:
    watched.mesh.call("pca", "classify", "classify?model=digits", SEVEN)
    watched.mesh.call("classify", "pca", "plot", IRIS)
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", PAGE, re.MULTILINE)
    shown: dict[str, tuple[str, set[str]]] = {}
    for service in watched.mesh.services:
        for family in text_string_to_metric_families(watched.read(service)):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            kind, known = shown.get(name, (family.type, set[str]()))
            shown[name] = kind, known | labels
    told = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    # What this machine may not have, or nothing has been counted of.
    unseen = {name for name, (_, labels) in told.items() if not shown.get(name, ("", set()))[1]}
    assert shown.keys() == told.keys()
    assert {name: shown[name] for name in told.keys() - unseen} == {
        name: told[name] for name in told.keys() - unseen
    }
    assert all(shown[name][0] == told[name][0] for name in unseen)


def test_a_line_of_the_log_is_as_the_page_has_it(watched: Watched, client: Client) -> None:
    trace = follow(lambda: client.invoke("classify", "classify", SEVEN, query={"model": "digits"}))

    def find() -> dict[str, object]:
        text = watched.mesh.process("classify").log(10_000)
        lines = [json.loads(line) for line in text.splitlines() if f'"trace_id": "{trace}"' in line]
        return next((line for line in lines if line["event"] == "request"), {})

    line = eventually(find, "the line of the request")
    text = PAGE[PAGE.index('{"event": "request"') :].partition("```")[0]
    assert line.keys() == json.loads(text).keys() - {"reason"}
    assert (line["caller"], line["model"], line["code"]) == ("pca", "digits", "OK")
    assert (line["bytes_in"], line["protocol"]) == (len(SEVEN), "invoke")


def follow(call: Callable[[], object]) -> str:
    """Make a call in a new trace; return its id."""
    trace = secrets.token_hex(16)
    token = context.attach(propagate.extract({"traceparent": f"00-{trace}-{PARENT}-01"}))
    try:
        call()
    finally:
        context.detach(token)
    return trace


def await_spans(watched: Watched, trace: str, wanted: Counter[str]) -> dict[str, Span]:
    """The spans of a trace by their ids, once classify's have these names at least.

    By then it is whole: each span's parent is there, but for the caller's.
    """

    def find() -> dict[str, Span]:
        spans = {span.id: span for span in watched.collector.of(trace)}
        own = Counter(span.name for span in spans.values() if is_own(span))
        is_whole = all(span.parent in {PARENT, *spans} for span in spans.values())
        return spans if is_whole and own >= wanted else {}

    try:
        return eventually(find, "the spans")
    except TimeoutError:
        seen = watched.collector.of(trace)
        pytest.fail(f"expected {wanted} and all of their parents, got {seen}")


def is_own(span: Span) -> bool:
    """Whether a span is of a service's phases, and not of a sidecar of the same name."""
    return span.name in {"queue", "decode", "compute", "event", "publish results"} or bool(
        span.attributes.get("meshlens.method")
    )


def check_phases(spans: dict[str, Span], within: str) -> None:
    """Check that queue, phases and event are in a span of this name, the publication in theirs."""
    for span in spans.values():
        if span.name in {"queue", "decode", "compute", "event"}:
            assert spans[span.parent].name == within
        if span.name == "publish results":
            assert spans[span.parent].name == "event"


ONE = Counter({"queue": 1, "decode": 1, "compute": 1, "event": 1, "publish results": 1})
ON_INVOKE = "dapr.proto.runtime.v1.AppCallback/OnInvoke"


def test_one_trace_holds_caller_sidecars_service_phases_and_event(
    watched: Watched, client: Client
) -> None:
    trace = follow(lambda: client.invoke("classify", "classify", SEVEN, query={"model": "digits"}))
    spans = await_spans(watched, trace, ONE)
    server = next(it for it in spans.values() if it.attributes.get("meshlens.method"))
    assert server.attributes["meshlens.model"] == "digits"
    assert server.attributes["meshlens.caller"] == "pca"
    check_phases(spans, server.name)
    assert server.name.endswith("AppCallback/OnInvoke")

    # A sidecar hands on what the caller's has sent: its own span is beside that of the service.
    def find_beside() -> list[Span]:
        return [
            it
            for it in watched.collector.of(trace)
            if it.name == server.name and it.service == "classify" and it.id != server.id
        ]

    (beside,) = eventually(find_beside, "the span of the service's sidecar")
    above = spans[server.parent]
    assert (beside.parent, above.service, above.parent) == (above.id, "pca", PARENT)
    # And down to the broker: the sidecar's span is within the last try.
    (published,) = (it for it in spans.values() if it.name == "publish results")
    eventually(
        lambda: any(it.parent == published.id for it in watched.collector.of(trace)),
        "the sidecar's span of the publication",
    )


def test_calls_of_other_protocols_and_batches_are_one_trace_too(
    watched: Watched, channel: grpc.Channel
) -> None:
    def headers(trace: str) -> dict[str, str]:
        return {"traceparent": f"00-{trace}-{PARENT}-01"}

    trace = secrets.token_hex(16)
    assert call_by(channel, INFER, infer(), *headers(trace).items()) == "OK"
    check_phases(await_spans(watched, trace, ONE + Counter({"decode": 1})), f"/{INFER}")

    trace, image = secrets.token_hex(16), base64.b64encode(SEVEN).decode()
    batch = json.dumps({"images": [image, image]}).encode()
    kind = {"content-type": "application/json"}
    answer = watched.mesh.call(
        "pca", "classify", "classify?model=digits", batch, headers={**headers(trace), **kind}
    )
    assert json.loads(answer.body)["count"] == 2
    wanted = ONE + Counter({"decode": 1, "compute": 1})
    check_phases(await_spans(watched, trace, wanted), f"/{ON_INVOKE}")

    trace = secrets.token_hex(16)
    mcp = {**headers(trace), **kind, "mcp-protocol-version": "2025-06-18"}
    watched.mesh.call("pca", "classify", "mcp", use_tool(SEVEN), headers=mcp)
    spans = await_spans(watched, trace, ONE + Counter({"classify": 1}))
    check_phases(spans, "classify")
    (inner,) = (it for it in spans.values() if it.name == "classify")
    assert spans[inner.parent].attributes["meshlens.method"] == "mcp"
