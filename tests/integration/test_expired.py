"""Calls that have expired, or whose callers have left, never reach a model, by proxied gRPC."""

import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from dapr.proto import common_v1
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message
from mesh import Mesh, Profile
from processes import eventually, free_ports
from unit.classify.graphs import build_binary

from meshlens.protocols.tfserving.rpc.tensors import write_tensor
from meshlens.protocols.wire import inference_pb2 as v2
from meshlens.protocols.wire import tfserving_pb2 as tfs

PATIENCE = 60.0
TO_CLASSIFY = (("dapr-app-id", "classify"), ("dapr-stream", "true"))
INPUT = np.array([9, 7], np.int32)

Future = Any  # grpc's own, which has no type


@dataclass
class Running:
    """A mesh whose model computes only while its process may run."""

    mesh: Mesh
    metrics: int
    channel: grpc.Channel

    def read(self, name: str) -> float:
        """Return a metric of the service."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])

    def counts(self) -> dict[str, float]:
        return {
            name: self.read(f"meshlens_{name}_total") for name in ("begun", "expired", "cancelled")
        }

    def statistics(self) -> tuple[int, int]:
        """Return how often the model has run for V2, and how many requests have failed there."""
        answer = self.channel.unary_unary(
            "/inference.GRPCInferenceService/ModelStatistics",
            v2.ModelStatisticsRequest.SerializeToString,
            v2.ModelStatisticsResponse.FromString,
        )(v2.ModelStatisticsRequest(name="rest"), metadata=TO_CLASSIFY, timeout=PATIENCE)
        (stats,) = answer.model_stats
        return stats.execution_count, stats.inference_stats.fail.count

    def signal(self, number: signal.Signals) -> None:
        """Let the process of the model stand still, or go on."""
        (worker,) = psutil.Process(self.mesh.process("classify").pid).children()
        os.kill(worker.pid, number)
        if number is signal.SIGSTOP:
            # The kernel lets threads run on until one of them has taken the signal.
            eventually(lambda: worker.status() == psutil.STATUS_STOPPED, "it stands still")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "rest").mkdir()
    (folder / "rest/rest.tflite").write_bytes(build_binary("FLOOR_MOD"))
    (folder / "rest/card.yaml").write_text("task: tensor")
    metrics = next(free_ports())
    env = {
        "METRICS_PORT": str(metrics),
        "QUEUE_PER_WORKER": "64",
        "REQUEST_TIMEOUT": "300",
        "WORKERS": "1",
    }
    work = tmp_path_factory.mktemp("mesh")
    with (
        Mesh(Profile.EMBEDDED, work, models=folder, env={"classify": env}) as mesh,
        grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port('pca')}") as channel,
    ):
        running = Running(mesh, metrics, channel)
        eventually(lambda: _answers(running), "the model answers", within=PATIENCE)
        yield running


def _answers(running: Running) -> bool:
    return invoke(running.channel, PATIENCE).code() is grpc.StatusCode.OK


def unary(channel: grpc.Channel, path: str, request: Message, seconds: float) -> Future:
    method: Any = channel.unary_unary(path, lambda it: it.SerializeToString(), None)
    return method.future(request, timeout=seconds, metadata=TO_CLASSIFY[:1])


def invoke(channel: grpc.Channel, seconds: float) -> Future:
    body = json.dumps({"inputs": {"a": INPUT.tolist(), "b": INPUT.tolist()}}).encode()
    request = common_v1.InvokeRequest(
        method="models/rest/predict",
        data=Packed(value=body),
        content_type="application/json",
        http_extension=common_v1.HTTPExtension(verb=common_v1.HTTPExtension.POST),
    )
    return unary(channel, "/dapr.proto.runtime.v1.AppCallback/OnInvoke", request, seconds)


def v2_request(timeout: int = 0) -> Message:
    request: Message = v2.ModelInferRequest(
        model_name="rest",
        parameters={"timeout": v2.InferParameter(int64_param=timeout)} if timeout else {},
        inputs=[{"name": name, "datatype": "INT32", "shape": [2]} for name in "ab"],
        raw_input_contents=[INPUT.tobytes()] * 2,
    )
    return request


def infer(channel: grpc.Channel, seconds: float) -> Future:
    return unary(channel, "/inference.GRPCInferenceService/ModelInfer", v2_request(), seconds)


def stream(channel: grpc.Channel, seconds: float) -> Future:
    method: Any = channel.stream_stream(
        "/inference.GRPCInferenceService/ModelStreamInfer",
        lambda it: it.SerializeToString(),
        v2.ModelStreamInferResponse.FromString,
    )
    return method(iter([v2_request()]), timeout=seconds, metadata=TO_CLASSIFY)


def predict(channel: grpc.Channel, seconds: float) -> Future:
    request = tfs.PredictRequest()
    request.model_spec.name = "rest"
    for name in "ab":
        write_tensor(INPUT, request.inputs[name])
    return unary(channel, "/tensorflow.serving.PredictionService/Predict", request, seconds)


WAYS: Mapping[str, Callable[[grpc.Channel, float], Future]] = {
    "invoke": invoke,
    "ModelInfer": infer,
    "ModelStreamInfer": stream,
    "Predict": predict,
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", WAYS)
def test_exactly_the_calls_that_are_answered_reach_the_model(running: Running, way: str) -> None:
    send, channel, streams = WAYS[way], running.channel, way == "ModelStreamInfer"
    before, (runs, failures) = running.counts(), running.statistics()
    running.signal(signal.SIGSTOP)
    try:
        first = send(channel, PATIENCE)
        eventually(lambda: running.counts()["begun"] == before["begun"] + 1, "a call has begun")
        waiting = send(channel, PATIENCE)
        leaving = [send(channel, PATIENCE) for _ in range(3)]
        eventually(lambda: running.read("meshlens_admitted") == 5, "the others wait")
        for call in leaving:
            call.cancel()
        eventually(
            lambda: running.counts()["cancelled"] == before["cancelled"] + 3, "callers have left"
        )
        late = [send(channel, 1.0) for _ in range(3)]
        # A sidecar ends them, too, by a reset. The library takes one that comes a moment before its
        # own deadline for a cancellation, in one of six calls.
        assert {code(call, streams=streams) for call in late} <= {
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.CANCELLED,
        }
        eventually(lambda: running.read("meshlens_admitted") == 2, "what expired waits no more")
        gone = running.counts()
        assert sum(gone[name] - before[name] for name in ("expired", "cancelled")) == 6
    finally:
        running.signal(signal.SIGCONT)
    for call in (first, waiting):
        assert code(call, streams=streams) is grpc.StatusCode.OK
    assert running.counts()["begun"] == before["begun"] + 2
    by_v2 = 2 if way in ("ModelInfer", "ModelStreamInfer") else 0
    assert running.statistics() == (runs + by_v2, failures)


def code(call: Future, *, streams: bool = False) -> grpc.StatusCode:
    """Return the status of a call once it has ended."""
    if streams:
        with suppress(grpc.RpcError):  # its status says the same
            list(call)
    status: grpc.StatusCode = call.code()
    return status


def test_a_call_that_has_waited_longer_than_its_parameter_allows_does_not_reach_the_model(
    running: Running,
) -> None:
    runs, _ = running.statistics()
    call = unary(
        running.channel, "/inference.GRPCInferenceService/ModelInfer", v2_request(1), PATIENCE
    )
    assert code(call) is grpc.StatusCode.UNAVAILABLE
    assert "Request timeout expired" in call.details()
    assert running.statistics()[0] == runs
