"""What docs/leaving.md says of leaving TensorFlow Serving and Triton."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from client_programs import ROOT, prepare
from contract.classify.test_inference import INFERENCE, NUMBERS
from contract.command.test_replay import RECORDED, call_grpc, call_http, infer_request, recorder
from contract.command.test_replay import Served as Doors
from documents import block
from mesh import Mesh, Profile
from processes import Process, eventually, free_ports, is_listening

from meshlens.classify.models import shipped_models
from meshlens.classify.settings import Settings
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.label_files import find_label_file
from meshlens.command.dispatch import main
from meshlens.protocols.wire import inference_pb2

PATIENCE = 30
DOCUMENT = "docs/leaving.md"
TEXT = (ROOT / DOCUMENT).read_text()
PREDICT = "/tensorflow.serving.PredictionService/Predict"
IN_REGION = {
    "name": "picture",
    "datatype": "FP32",
    "shape": [1, 32, 32, 1],
    "parameters": {"shared_memory_region": "a", "shared_memory_byte_size": 4096},
}
ROW = re.compile(
    r"^\| `(flowers/[^`]+)`(?:, of an ensemble)? \| (served|refused) \|$", re.MULTILINE
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    env = {"classify": {"DEFAULT_MODEL": "digits", "HTTP_METRICS": "true"}}
    folder = tmp_path_factory.mktemp("mesh")
    with Mesh(Profile.EMBEDDED, folder, env=env, listens=True) as mesh:
        yield mesh


@pytest.fixture
def listener(running: Mesh) -> Iterator[httpx.Client]:
    base = f"http://127.0.0.1:{running.listener_port('classify')}"
    with httpx.Client(base_url=base, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def channel(running: Mesh) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{running.app_port('classify')}") as channel:
        yield channel


def serves(channel: grpc.Channel, model: str) -> bool:
    """Return whether a server of V2 says that a model is ready."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
        f"/{INFERENCE}/ModelReady"
    )
    request = inference_pb2.ModelReadyRequest(name=model)
    try:
        answer = call(request.SerializeToString(), timeout=PATIENCE)
    except grpc.RpcError:
        return False
    return bool(inference_pb2.ModelReadyResponse.FromString(answer).ready)


def test_what_clients_of_another_server_would_notice(running: Mesh, tmp_path: Path) -> None:
    """The service's own ports stand for the old server, a sidecar's for the new one."""
    record = block(DOCUMENT, "meshlens record")
    replay = block(DOCUMENT, "meshlens replay")
    free = free_ports()
    clients = Doors(next(free), next(free))
    places = {
        ":8000": f":{running.listener_port('classify')}",
        ":8001": f":{running.app_port('classify')}",
        ":3501": f":{running.http_port('pca')}",
        ":3511": f":{running.grpc_port('pca')}",
        " 9000=": f" {clients.http}=",
        " 9001=": f" {clients.grpc}=",
    }
    for old, new in places.items():
        record, replay = record.replace(old, new), replay.replace(old, new)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = ["/usr/bin/env", f"PATH={path}", "bash", "-euo", "pipefail", "-c"]
    with subprocess.Popen([*shell, f"exec {record}"], cwd=tmp_path) as process:
        try:
            eventually(lambda: all(map(is_listening, clients)), "the recorder listens")
            call_http(clients.http)
            call_grpc(clients.grpc)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
    # A stream goes through a sidecar with a retry policy by this alone, as the document says.
    replay = f"{replay.rstrip()} --second-header dapr-stream=true"
    done = subprocess.run(
        [*shell, replay],
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (
        0,
        f"{RECORDED} equal, 0 different, 0 answered by neither, 0 not sent\n",
    )


@pytest.mark.timeout(900)
def test_mlserver_and_classify_give_the_same_for_the_same_file(
    running: Mesh, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = prepare(ROOT / "bench/peers/mlserver_litert.py")
    file = shipped_models() / "objects/1/objects.tflite"
    free = free_ports()
    ports = [next(free) for _ in range(3)]
    command = [*program, "objects", str(file), *map(str, ports)]
    own = Doors(running.listener_port("classify"), running.app_port("classify"))
    recording = tmp_path / "requests.jsonl"
    pixels = np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3), np.uint8)
    request = inference_pb2.ModelInferRequest(model_name="objects", id="mine")
    request.inputs.add(name="picture", datatype="UINT8", shape=pixels.shape)
    request.raw_input_contents.append(pixels.tobytes())
    with (
        recorder(recording, own) as forwarder,
        grpc.insecure_channel(f"127.0.0.1:{forwarder.grpc}") as channel,
    ):
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            f"/{INFERENCE}/ModelInfer"
        )
        method(request.SerializeToString(), timeout=PATIENCE)
    process = Process("mlserver", command, folder=tmp_path, env=os.environ)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{ports[1]}") as channel:
            eventually(lambda: serves(channel, "objects"), "MLServer serves it", within=120)
        options = ["--first", f"grpc://127.0.0.1:{ports[1]}", *own.as_options("second")[2:]]
        code = main(["replay", str(recording), *options])
    finally:
        process.kill()
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "1 equal, 0 different, 0 answered by neither, 0 not sent"
    assert code == 0


def test_the_folder_of_models_is_read_as_the_document_says(tmp_path: Path) -> None:
    rows = ROW.findall(TEXT)
    assert len(rows) > 10
    for number, (path, state) in enumerate(rows):
        folder = tmp_path / str(number)
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(b"")
        (source,) = find_models(folder)
        assert (source.model, state) == ("flowers", "refused" if source.error else "served"), path


def test_the_settings_that_the_document_names_are_there() -> None:
    fields = {name.upper() for name in Settings.model_fields}
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)(?:=[^`]*)?`", TEXT))
    assert len(named) > 15
    assert named - fields <= {"OTEL_EXPORTER_OTLP_ENDPOINT", "BYTES"}


def test_labels_stand_in_the_folder_of_the_version(tmp_path: Path) -> None:
    model = tmp_path / "flowers/1/model.tflite"
    model.parent.mkdir(parents=True)
    model.touch()
    (tmp_path / "flowers/labels.txt").touch()
    assert find_label_file(model) is None
    labels = model.with_name("labels.txt")
    labels.touch()
    assert find_label_file(model) == labels


def test_the_metrics_that_the_document_names_are_there(
    listener: httpx.Client, channel: grpc.Channel
) -> None:
    numbers = NUMBERS.tolist()
    listener.post("/v2/models/digits/infer", content=b"{}")
    listener.post("/v1/models/digits:predict", json={"inputs": numbers})
    for method in (f"/{INFERENCE}/ModelInfer", PREDICT):
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        with pytest.raises(grpc.RpcError):
            call(b"", timeout=PATIENCE)
    shown = listener.get("/metrics").text
    for name in re.findall(r"`(meshlens_[a-z_]+)`", TEXT):
        assert f"# HELP {name} " in shown
    (told,) = re.findall(r"The label `method` is (.*?), the first two", TEXT, re.DOTALL)
    methods = re.findall(r"`([^`]+)`", told)
    assert len(methods) == 4
    for method in methods:
        assert f'method="{method}"' in shown
    stats = listener.get("/v2/models/digits/stats").json()["model_stats"][0]
    assert {"inference_count", "execution_count"} <= stats.keys()
    assert {"queue", "compute_infer"} <= stats["inference_stats"].keys()


@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/readyz",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/digits/ready",
        "/v1/models/digits",
    ],
)
def test_the_probes_of_both_servers_are_answered(listener: httpx.Client, path: str) -> None:
    assert listener.get(path).status_code == 200


def test_what_a_model_without_sequences_ignores_in_triton_is_ignored(
    channel: grpc.Channel,
) -> None:
    request = infer_request("digits")
    request.parameters["sequence_id"].int64_param = 3
    request.parameters["sequence_start"].bool_param = True
    request.parameters["priority"].uint64_param = 1
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
        f"/{INFERENCE}/ModelInfer"
    )
    answers = [
        inference_pb2.ModelInferResponse.FromString(call(it.SerializeToString(), timeout=PATIENCE))
        for it in (request, infer_request("digits"))
    ]
    assert answers[0].raw_output_contents == answers[1].raw_output_contents


@pytest.mark.parametrize(
    "method",
    [
        f"/{INFERENCE}/SystemSharedMemoryRegister",
        f"/{INFERENCE}/CudaSharedMemoryStatus",
        f"/{INFERENCE}/TraceSetting",
        f"/{INFERENCE}/LogSettings",
        "/tensorflow.serving.SessionService/SessionRun",
    ],
)
def test_calls_that_are_not_here_are_unimplemented(channel: grpc.Channel, method: str) -> None:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    with pytest.raises(grpc.RpcError) as refusal:
        call(b"", timeout=PATIENCE)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/systemsharedmemory/region/a/register", {"key": "/a"}, 404),
        ("/v2/trace/setting", {}, 404),
        ("/v2/logging", {}, 404),
        ("/v2/models/digits/generate", {}, 404),
        ("/v2/repository/models/digits/load", {"parameters": {"config": "{}"}}, 400),
        ("/v2/repository/models/digits/load", {"parameters": {"file:1/a": "AA=="}}, 400),
        ("/v2/models/digits/infer", {"inputs": [IN_REGION]}, 404),
    ],
)
def test_paths_that_are_not_here_are_refused(
    listener: httpx.Client, path: str, body: dict[str, object], status: int
) -> None:
    assert listener.post(path, json=body).status_code == status


def test_a_tensor_in_shared_memory_is_refused(channel: grpc.Channel) -> None:
    request = infer_request("digits")
    request.ClearField("raw_input_contents")
    request.inputs[0].parameters["shared_memory_region"].string_param = "a"
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
        f"/{INFERENCE}/ModelInfer"
    )
    with pytest.raises(grpc.RpcError) as refusal:
        call(request.SerializeToString(), timeout=PATIENCE)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
