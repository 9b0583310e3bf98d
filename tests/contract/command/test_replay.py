"""What clients send to a server is recorded, sent again, and compared."""

import base64
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import httpx
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from contract.classify.test_inference import NUMBERS, SEVEN, serving
from processes import free_ports

from meshlens.classify.models import shipped_models
from meshlens.command.dispatch import main
from meshlens.protocols.wire import inference_pb2, tensorflow_pb2, tfserving_pb2

PATIENCE = 30
SHIPPED = shipped_models() / "digits/1"
INFERENCE = "/inference.GRPCInferenceService"
PREDICT = "/tensorflow.serving.PredictionService/Predict"
RECORDED = 11


class Served(NamedTuple):
    """A service, by the ports of its doors."""

    http: int
    grpc: int

    def as_options(self, name: str) -> list[str]:
        return [
            f"--{name}",
            f"http://127.0.0.1:{self.http}",
            f"--{name}",
            f"grpc://127.0.0.1:{self.grpc}",
        ]


def retrain() -> bytes:
    """Return the digits' model with its largest weights a hundredth larger."""
    data = (SHIPPED / "digits.tflite").read_bytes()
    buffers = schema.ModelT.InitFromPackedBuf(data).buffers
    weights = max((it.data for it in buffers if it.data is not None), key=len)
    old = np.asarray(weights, np.uint8).tobytes()
    assert data.count(old) == 1
    return data.replace(old, (np.frombuffer(old, np.float32) * np.float32(1.01)).tobytes())


@contextmanager
def service(folder: Path) -> Iterator[Served]:
    free = free_ports()
    served = Served(next(free), next(free))
    with serving(folder, http_port=served.http, app_port=served.grpc):
        yield served


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("old")
    shutil.copytree(shipped_models() / "digits", folder / "digits")
    with service(folder) as served:
        yield served


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serves version 2, which was trained on, and nothing that is called as in `old`."""
    folder = tmp_path_factory.mktemp("new")
    version = folder / "digits/2"
    version.mkdir(parents=True)
    (version / "digits.tflite").write_bytes(retrain())
    with service(folder) as served:
        yield served


def infer_request(model: str) -> Any:  # noqa: ANN401 - a class of the pool
    request = inference_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name="picture", datatype="FP32", shape=NUMBERS.shape)
    request.raw_input_contents.append(NUMBERS.tobytes())
    return request


def predict_request() -> bytes:
    request = tfserving_pb2.PredictRequest()
    request.model_spec.name = "digits"
    tensor = request.inputs["picture"]
    tensor.dtype = tensorflow_pb2.DT_STRING
    tensor.tensor_shape.dim.add(size=1)
    tensor.string_val.append(SEVEN)
    return bytes(request.SerializeToString())


def call_http(port: int) -> list[tuple[int, bytes, str | None]]:
    """Call by HTTP as clients do; return what they see."""
    numbers = {
        "name": "picture",
        "datatype": "FP32",
        "shape": NUMBERS.shape,
        "data": NUMBERS.ravel().tolist(),
    }
    raw = NUMBERS.tobytes()
    sized = {**numbers, "parameters": {"binary_data_size": len(raw)}}
    del sized["data"]
    head = json.dumps({"inputs": [sized], "parameters": {"binary_data_output": True}}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    infer = "/v2/models/digits/infer"
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
        answers = [
            client.get("/v2/models/digits"),
            client.get("/v2/models/nobody%20here?x=1", headers={"authorization": "Basic c2VjcmV0"}),
            client.post(infer, json={"inputs": [numbers]}),
            client.post(infer, content=head + raw, headers=length),
            client.post("/v1/models/digits:predict", json={"inputs": NUMBERS.tolist()}),
            client.post(infer, content=iter([head, raw]), headers=length),
            client.head("/v2/health/ready"),
        ]
    return [
        (answer.status_code, answer.content, answer.headers.get("content-length"))
        for answer in answers
    ]


def call_grpc(port: int) -> list[object]:
    """Call by gRPC as clients do; return what they see."""
    seen: list[object] = []
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:

        def call(path: str, body: bytes) -> object:
            method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
            try:
                return method(body, timeout=PATIENCE, metadata=(("x-team", "a"),))
            except grpc.RpcError as error:
                return error.code(), error.details()

        seen.append(call(f"{INFERENCE}/ModelInfer", infer_request("digits").SerializeToString()))
        seen.append(call(f"{INFERENCE}/ModelInfer", infer_request("nobody").SerializeToString()))
        seen.append(call(PREDICT, predict_request()))
        stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            f"{INFERENCE}/ModelStreamInfer"
        )
        requests = [infer_request(name).SerializeToString() for name in ("digits", "nobody")]
        seen.append(list(stream(iter(requests), timeout=PATIENCE)))
    return seen


@contextmanager
def recorder(recording: Path, served: Served, *options: str) -> Iterator[Served]:
    """Run `meshlens record` in front of a service; yield where it listens."""
    ways = [f"0=http://127.0.0.1:{served.http}", f"0=grpc://127.0.0.1:{served.grpc}"]
    command = [sys.executable, "-m", "meshlens.command", "record", str(recording), *ways, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ports = [
                int(process.stdout.readline().split(" -> ")[0].rpartition(":")[2]) for _ in ways
            ]
            yield Served(*ports)
            process.send_signal(signal.SIGINT)
            told, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
            assert "recorded" in told
        finally:
            process.kill()


@pytest.fixture(scope="module")
def recording(old: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "requests.jsonl"
    with recorder(path, old) as forwarder:
        call_http(forwarder.http)
        call_grpc(forwarder.grpc)
    return path


def replay(
    recording: Path, capsys: pytest.CaptureFixture[str], options: Sequence[str]
) -> tuple[int, list[str]]:
    code = main(["replay", str(recording), *options])
    return code, capsys.readouterr().out.splitlines()


def test_a_client_sees_through_the_recorder_what_it_sees_without(
    old: Served, tmp_path: Path
) -> None:
    with recorder(tmp_path / "requests.jsonl", old) as forwarder:
        assert call_http(forwarder.http) == call_http(old.http)
        assert call_grpc(forwarder.grpc) == call_grpc(old.grpc)


def test_a_recording_is_private_and_holds_no_credentials(recording: Path) -> None:
    assert recording.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert len(lines) == RECORDED
    names = {name.lower() for line in lines for name, _ in line["headers"]}
    assert "authorization" not in names
    assert {"x-team", "inference-header-content-length"} <= names
    assert lines[1]["path"] == "/v2/models/nobody%20here?x=1"
    assert [len(line["body"]) for line in lines[-4:]] == [1, 1, 1, 2]
    assert lines[8]["answer"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize("concurrency", ["1", "4"])
def test_the_same_server_answers_the_same(
    recording: Path, old: Served, capsys: pytest.CaptureFixture[str], concurrency: str
) -> None:
    options = [*old.as_options("first"), *old.as_options("second"), "--concurrency", concurrency]
    assert replay(recording, capsys, [*options, "--rtol", "0", "--atol", "0"]) == (
        0,
        [f"{RECORDED} equal, 0 different, 0 answered by neither, 0 not sent"],
    )


def test_another_version_differs_in_its_number_and_in_its_outputs(
    recording: Path, old: Served, new: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = replay(recording, capsys, [*old.as_options("first"), *new.as_options("second")])
    assert code == 1
    infer = f"line 8, POST {INFERENCE}/ModelInfer: "
    assert f"{infer}model_version: 1 | 2" in shown
    assert any(line.startswith(f"{infer}outputs.Identity (") for line in shown)
    assert "3 equal, 8 different, 0 answered by neither, 0 not sent" in shown
    assert any(line.startswith("numbers of outputs.Identity differ by at most ") for line in shown)


def test_what_may_differ_is_left_out_of_the_comparison(
    recording: Path, old: Served, new: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    ignored = ["*version*", "outputs*"]
    options = [*old.as_options("first"), *new.as_options("second")]
    options += [option for place in ignored for option in ("--ignore", place)]
    code, shown = replay(recording, capsys, options)
    assert (code, shown[0]) == (
        0,
        f"{RECORDED} equal, 0 different, 0 answered by neither, 0 not sent",
    )


def test_without_a_first_server_the_recorded_answers_are_compared(
    recording: Path, old: Served, new: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = replay(recording, capsys, old.as_options("second"))
    assert (code, shown[-1].split(",")[0]) == (0, f"{RECORDED} equal")
    code, shown = replay(recording, capsys, [*new.as_options("second"), "--show", "1"])
    assert (code, shown[0][:7]) == (1, "line 1,")
    assert "more differences; --show" in shown[1]


def test_what_has_no_address_is_not_sent(
    recording: Path, old: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = replay(recording, capsys, old.as_options("second")[:2])
    assert (code, shown) == (0, ["7 equal, 0 different, 0 answered by neither, 4 not sent"])


def test_what_changes_a_server_is_sent_only_on_request(
    old: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requests.jsonl"
    line = {
        "door": "http",
        "path": "/v2/repository/models/digits/load",
        "body": [""],
        "answer": {"status": "200", "body": [""]},
    }
    path.write_text(json.dumps(line))
    code, shown = replay(path, capsys, old.as_options("second"))
    assert (code, shown) == (1, ["0 equal, 0 different, 0 answered by neither, 1 not sent"])
    code, shown = replay(path, capsys, [*old.as_options("second"), "--everything"])
    assert (code, shown[1]) == (
        1,
        "0 equal, 1 different, 0 answered by neither, 0 not sent",
    )


def test_a_server_that_is_not_there_is_no_difference_but_a_fault(
    recording: Path, old: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    port = next(free_ports())
    options = [*old.as_options("first"), "--second", f"http://127.0.0.1:{port}"]
    assert main(["replay", str(recording), *options]) == 2
    assert f"expected the second server at http://127.0.0.1:{port}" in capsys.readouterr().err


def test_requests_that_neither_server_answers_are_not_equal(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    free = free_ports()
    nowhere = Served(next(free), next(free))
    with recorder(tmp_path / "other.jsonl", nowhere) as forwarder:
        sides = [*forwarder.as_options("first"), *forwarder.as_options("second")]
        code, shown = replay(recording, capsys, sides)
    assert (code, shown[-1]) == (
        1,
        f"0 equal, 0 different, {RECORDED} answered by neither, 0 not sent",
    )


class Refusing(grpc.GenericRpcHandler):
    """Ends each call without reading it."""

    def service(self, _: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 - as grpc has it
        def refuse(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            context.set_trailing_metadata((("x-why", "closed"),))
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "nobody is let in")
            yield b""  # what makes it a stream

        return grpc.stream_stream_rpc_method_handler(refuse)


@pytest.fixture
def refusing() -> Iterator[Served]:
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([Refusing()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Served(next(free_ports()), port)
    server.stop(0).wait()


def test_a_call_that_the_server_ends_while_it_is_sent_has_the_servers_status(
    refusing: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requests.jsonl"
    calls, messages = 20, [bytes(100_000)] * 20
    ends = []
    with recorder(path, refusing) as forwarder:
        for _ in range(calls):
            # A channel each: what comes first is sent while the connection is made.
            with grpc.insecure_channel(f"127.0.0.1:{forwarder.grpc}") as channel:
                stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
                    f"{INFERENCE}/ModelStreamInfer"
                )
                call = stream(iter(messages), timeout=PATIENCE)
                with pytest.raises(grpc.RpcError):
                    next(call)
                ends.append((call.code(), call.details(), dict(call.trailing_metadata())))
    refused = grpc.StatusCode.FAILED_PRECONDITION
    assert ends == [(refused, "nobody is let in", {"x-why": "closed"})] * calls
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["answer"]["status"] for line in recorded] == [refused.name] * calls

    for line in recorded:
        line["body"] = [base64.b64encode(message).decode() for message in messages]
    path.write_text("\n".join(map(json.dumps, recorded)))
    sides = ["--second", f"grpc://127.0.0.1:{refusing.grpc}"]
    assert replay(path, capsys, sides) == (
        0,
        [f"{calls} equal, 0 different, 0 answered by neither, 0 not sent"],
    )


def test_what_is_too_large_or_too_much_passes_without_being_recorded(
    old: Served, tmp_path: Path
) -> None:
    path = tmp_path / "requests.jsonl"
    with recorder(path, old, "--largest", "1") as forwarder:
        body = b" " * (1 << 20) + b"{}"
        url = "/v2/models/digits/infer"
        seen = [
            httpx.post(f"http://127.0.0.1:{port}{url}", content=body, timeout=PATIENCE)
            for port in (forwarder.http, old.http)
        ]
        assert seen[0].status_code == seen[1].status_code
        assert seen[0].content == seen[1].content
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    "line",
    [
        {"door": "http", "method": "GE T", "path": "/v2"},
        {"door": "http", "path": "/v2", "headers": [["a", "b\nc"]]},
        {"door": "grpc", "path": f"{INFERENCE}/ModelInfer", "headers": [["a b", "c"]]},
        {"door": "grpc", "path": f"{INFERENCE}/ModelInfer", "headers": [["a-bin", "!"]]},
    ],
)
def test_a_request_that_cannot_be_sent_is_answered_by_neither(
    line: dict[str, object], old: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps(line))
    code, shown = replay(path, capsys, [*old.as_options("first"), *old.as_options("second")])
    assert (code, shown) == (1, ["0 equal, 0 different, 1 answered by neither, 0 not sent"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "line 1: expected a recorded request"),
        (b'{"door": "smtp", "path": "/"}', "door"),
        (b'{"door": "http", "path": "v2"}', "path"),
        (b'{"door": "http", "path": "/", "body": ["!"]}', "expected bodies in base64"),
    ],
)
def test_what_is_no_recording_is_refused(
    text: bytes, told: str, old: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(text)
    assert main(["replay", str(path), *old.as_options("second")]) == 2
    assert told in capsys.readouterr().err
