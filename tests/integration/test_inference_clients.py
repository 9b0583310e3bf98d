"""Clients of Triton and KServe, as they are, call classify by gRPC through two sidecars."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from client_programs import run_client, run_text
from documents import block
from mesh import ROOT, Mesh, Profile
from numpy.typing import NDArray
from toolchains import make_grpcurl, run

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import Kind
from meshlens.classify.models import shipped_models

SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
UNKNOWN = "Request for unknown model: 'nobody' is not found"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    env = {"classify": {"DEFAULT_MODEL": "digits"}}
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), env=env) as mesh:
        yield mesh


def compute(numbers: NDArray[np.generic]) -> bytes:
    """What the engine answers in this process."""
    data = (shipped_models() / "digits/1/digits.tflite").read_bytes()
    engine = open_engine(Kind.TFLITE, data, (), (), workers=1)
    (signature,) = engine.signatures.values()
    (taken,), (given,) = signature.inputs, signature.outputs
    output = signature.run({taken.name: numbers})[given.name]
    engine.close()
    return output.tobytes()


@pytest.fixture(scope="module")
def address(running: Mesh) -> str:
    """The gRPC port of the sidecar of another app."""
    return f"127.0.0.1:{running.grpc_port('pca')}"


@pytest.fixture(scope="module")
def triton(address: str) -> Any:  # noqa: ANN401 - JSON
    return run_client("triton_grpc", address, "classify", stdin=SEVEN)


@pytest.fixture(scope="module")
def kserve(address: str) -> Any:  # noqa: ANN401 - JSON
    return run_client("kserve_grpc", address, "classify", stdin=SEVEN)


@pytest.mark.parametrize("client", ["triton", "kserve"])
def test_a_client_gets_bit_for_bit_what_the_engine_computes(
    client: str, request: pytest.FixtureRequest
) -> None:
    seen = request.getfixturevalue(client)
    assert (seen["live"], seen["ready"], seen["model_ready"]) == (True, True, True)
    numbers = np.frombuffer(bytes.fromhex(seen["input"]), np.float32).reshape(1, 32, 32, 1)
    assert bytes.fromhex(seen["output"]) == compute(numbers)
    assert np.frombuffer(bytes.fromhex(seen["picture"]), np.float32).argmax() == 7


def test_every_call_of_tritons_client_is_answered(triton: Any) -> None:  # noqa: ANN401 - JSON
    assert triton["server"]["name"] == "meshlens-classify"
    assert triton["metadata"] == {
        "name": "digits",
        "versions": ["1"],
        "platform": "tensorflow_tflite",
        "inputs": [{"name": "picture", "datatype": "FP32", "shape": ["1", "32", "32", "1"]}],
        "outputs": [{"name": "Identity", "datatype": "FP32", "shape": ["1", "10"]}],
    }
    assert triton["config"]["config"]["input"][0]["data_type"] == "TYPE_FP32"
    assert {"name": "digits", "version": "1", "state": "READY"} in triton["index"]["models"]
    assert triton["id"] == "mine"
    assert triton["zipped"] == triton["output"]
    assert triton["classes"] == ["1.000000:7:7", triton["classes"][1]]
    assert triton["stream"] == [f"1 {triton['output']}", UNKNOWN, f"3 {triton['output']}"]


def test_what_is_not_there_is_refused_as_triton_does(triton: Any) -> None:  # noqa: ANN401 - JSON
    assert triton["unknown_ready"] is False
    assert triton["unknown_version"][1:] == [
        "StatusCode.NOT_FOUND",
        "Request for unknown model: 'digits' version 9 is not found",
    ]
    assert triton["unknown_output"][1:] == [
        "StatusCode.INVALID_ARGUMENT",
        "unexpected inference output 'nothing' for model 'digits'",
    ]
    assert triton["unloaded"] is False
    assert triton["unavailable"][1:] == [
        "StatusCode.NOT_FOUND",
        "Request for unknown model: 'digits' has no available versions",
    ]


def test_calls_are_counted_and_late_ones_refused(triton: Any) -> None:  # noqa: ANN401 - JSON
    (statistics,) = triton["statistics"]["model_stats"]
    # One in full, one zipped, two of pictures, and two in a stream.
    assert statistics["inference_count"] == "6"
    assert statistics["inference_stats"]["success"]["count"] == "6"
    assert triton["too_late"] == ["InferenceServerException", "StatusCode.DEADLINE_EXCEEDED"]


def test_the_program_of_the_document_runs(address: str, tmp_path: Path) -> None:
    program = block("docs/clients.md", "tritonclient.grpc")
    assert run_text(program.replace("localhost:3511", address), "triton_grpc", tmp_path) == (
        "1.000000:7:7\n"
    )


def test_the_program_of_the_document_for_kserve_runs(address: str, tmp_path: Path) -> None:
    program = block("docs/clients.md", "import InferenceGRPCClient")
    printed = run_text(program.replace("localhost:3511", address), "kserve_grpc", tmp_path)
    assert printed == "7\n"


@pytest.mark.timeout(900)  # the first build fetches and compiles it
def test_the_calls_by_grpcurl_of_the_document_work(running: Mesh, address: str) -> None:
    commands = block("docs/clients.md", "grpcurl -plaintext")
    commands = commands.replace("localhost:3511", address)
    commands = commands.replace("localhost:3542", f"127.0.0.1:{running.app_port('classify')}")
    path = f"{make_grpcurl()}{os.pathsep}{os.environ['PATH']}"
    printed = run(
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", commands], ROOT, env={"PATH": path}
    )
    listed, _, answers = printed.partition("{")
    assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= set(listed.split())
    state, end = json.JSONDecoder().raw_decode(f"{{{answers}")
    assert state == {"status": "SERVING"}
    (best,) = json.loads(f"{{{answers}"[end:])["rawOutputContents"]
    assert base64.b64decode(best)[4:] == b"1.000000:7:7"
