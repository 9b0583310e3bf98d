"""V2 over REST as a sidecar calls it: by OnInvoke, on the app's own port."""

import gzip
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from contract.classify.test_inference import (
    NUMBERS,
    PATIENCE,
    SEVEN,
    GatedEngine,
    call,
    request_for,
    serving,
)
from dapr.proto import appcallback_service_v1, common_v1
from processes import eventually
from unit.classify.models import build_model

from meshlens.classify.models import shipped_models
from meshlens.protocols.wire import inference_pb2 as pb

HEADER = "inference-header-content-length"


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(shipped_models() / "digits", folder / "digits")
    with serving(folder) as (_, channel, _):
        yield channel


def start(
    channel: grpc.Channel, path: str, body: bytes = b"", verb: str = "POST", **headers: str
) -> Any:  # noqa: ANN401 - grpc's stubs have no type for a call
    """Begin a call as a sidecar makes it, which gives each header a prefix."""
    extension = common_v1.HTTPExtension(verb=common_v1.HTTPExtension.Verb.Value(verb))
    message = common_v1.InvokeRequest(method=path, http_extension=extension)
    message.data.value = body
    metadata = [(f"dapr-{name.replace('_', '-')}", value) for name, value in headers.items()]
    stub = appcallback_service_v1.AppCallbackStub(channel)
    return stub.OnInvoke.future(message, timeout=PATIENCE, metadata=metadata)


def invoke(
    channel: grpc.Channel, path: str, body: bytes = b"", verb: str = "POST", **headers: str
) -> tuple[bytes, Mapping[str, str]]:
    """Return the body and the headers of an answer."""
    running = start(channel, path, body, verb, **headers)
    answer: bytes = running.result().data.value
    return answer, dict(running.initial_metadata())


def refusal_of(running: Any) -> tuple[grpc.StatusCode, str]:  # noqa: ANN401 - as above
    with pytest.raises(grpc.RpcError) as fault:
        running.result()
    return fault.value.code(), fault.value.details() or ""


def describe(**fields: object) -> dict[str, Any]:
    return {"name": "picture", "datatype": "FP32", "shape": NUMBERS.shape, **fields}


def test_json_binary_data_and_grpc_give_the_same_bits(channel: grpc.Channel) -> None:
    (expected,) = call(channel, "ModelInfer", request_for()).raw_output_contents
    data = NUMBERS.ravel().tolist()
    text, headers = invoke(
        channel, "v2/models/digits/infer", json.dumps({"inputs": [describe(data=data)]}).encode()
    )
    assert HEADER not in headers
    (output,) = json.loads(text)["outputs"]
    assert np.array(output["data"], np.float32).tobytes() == expected
    tensor = describe(parameters={"binary_data_size": NUMBERS.nbytes})
    whole = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    head = json.dumps(whole).encode()
    body, headers = invoke(
        channel,
        "v2/models/digits/infer",
        gzip.compress(head + NUMBERS.tobytes()),
        inference_header_content_length=str(len(head)),
        content_encoding="gzip",
    )
    assert body[int(headers[HEADER]) :] == expected
    raw, headers = invoke(
        channel,
        "v2/models/digits/infer",
        NUMBERS.tobytes(),
        inference_header_content_length="0",
    )
    assert raw[int(headers[HEADER]) :] == expected


def test_both_encodings_of_the_protocol_count_together(channel: grpc.Channel) -> None:
    def count() -> int:
        stats = json.loads(invoke(channel, "v2/models/digits/stats", verb="GET")[0])
        known: int = stats["model_stats"][0]["inference_stats"]["success"]["count"]
        return known

    before = count()
    call(channel, "ModelInfer", request_for())
    tensor = {
        "name": "picture",
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"binary_data_size": 4 + len(SEVEN)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    body = head + len(SEVEN).to_bytes(4, "little") + SEVEN
    invoke(channel, "v2/models/digits/infer", body, inference_header_content_length=str(len(head)))
    assert count() == before + 2
    (known,) = call(channel, "ModelStatistics", pb.ModelStatisticsRequest()).model_stats
    assert known.inference_stats.success.count == before + 2


@pytest.mark.parametrize(
    ("verb", "path", "code", "text"),
    [
        ("GET", "v2/models/nobody/ready", grpc.StatusCode.NOT_FOUND, "'nobody' is not found"),
        ("POST", "v2/models/digits/infer", grpc.StatusCode.INVALID_ARGUMENT, "failed to parse"),
        ("PUT", "v2/models/digits/infer", grpc.StatusCode.INVALID_ARGUMENT, "expects POST"),
        ("GET", "v2/models/digits/no-such", grpc.StatusCode.NOT_FOUND, "the method must be one of"),
    ],
)
def test_a_refusal_has_its_status_and_text(
    channel: grpc.Channel, verb: str, path: str, code: grpc.StatusCode, text: str
) -> None:
    found, said = refusal_of(start(channel, path, verb=verb))
    assert found is code
    assert text in said


def test_what_waits_too_long_or_finds_no_place_reaches_no_model(tmp_path: Path) -> None:
    (tmp_path / "digits.tflite").write_bytes(build_model(None))
    engine = GatedEngine()
    tensor = {"name": "picture", "datatype": "UINT8", "shape": [1, 2, 3, 3], "data": [0] * 18}
    path = "v2/models/digits/infer"
    body = json.dumps({"inputs": [tensor]}).encode()
    late = json.dumps({"inputs": [tensor], "parameters": {"timeout": 1}}).encode()
    with serving(tmp_path, lambda *_: engine, workers=1, queue_per_worker=2) as (_, channel, _):
        engine.gate.clear()
        before = engine.runs
        running = start(channel, path, body)
        eventually(lambda: engine.runs > before, "the first call is being computed")
        # There is one place in the queue, and whichever of them comes second finds it taken.
        both = [start(channel, path, late) for _ in range(2)]
        eventually(lambda: any(each.done() for each in both), "one of them is refused")
        refused, waiting = sorted(both, key=lambda each: not each.done())
        code, _ = refusal_of(refused)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        engine.gate.set()
        assert json.loads(running.result().data.value)["model_name"] == "digits"
        assert refusal_of(waiting) == (grpc.StatusCode.UNAVAILABLE, "Request timeout expired")
        assert engine.runs == before + 1
