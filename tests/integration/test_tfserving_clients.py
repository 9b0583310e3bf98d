"""Clients of TensorFlow Serving, as they are, call classify through two sidecars."""

import base64
import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from client_programs import run_client, run_text
from documents import block
from installed import need
from mesh import ROOT, Mesh, Profile
from numpy.typing import NDArray

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import Kind
from meshlens.classify.models import shipped_models

SEVEN = ROOT / "services/classify/samples/digit-7.png"
CHOSEN = "Servable not found for request:"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    env = {"classify": {"DEFAULT_MODEL": "digits", "ADMIN": "false"}}
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), env=env) as mesh:
        yield mesh


@pytest.fixture(scope="module")
def seen(running: Mesh) -> dict[str, Any]:
    """What the stub of tensorflow-serving-api has got, at the sidecar of pca."""
    address = f"127.0.0.1:{running.grpc_port('pca')}"
    answers: dict[str, Any] = run_client(
        "tfserving_grpc", address, "classify", stdin=SEVEN.read_bytes()
    )
    return answers


def compute(numbers: NDArray[np.float32]) -> NDArray[np.generic]:
    """What the engine answers in this process."""
    data = (shipped_models() / "digits/1/digits.tflite").read_bytes()
    engine = open_engine(Kind.TFLITE, data, (), (), workers=1)
    (signature,) = engine.signatures.values()
    (taken,), (given,) = signature.inputs, signature.outputs
    output = signature.run({taken.name: numbers.reshape(taken.shape or ())})[given.name]
    engine.close()
    return output


def test_the_stub_gets_what_the_engine_answers_bit_for_bit(seen: dict[str, Any]) -> None:
    numbers = np.frombuffer(bytes.fromhex(seen["input"]), np.float32)
    expected = compute(numbers).tobytes().hex()
    assert seen["output"] == seen["listed"] == seen["zipped"] == expected
    assert seen["content"] == "", "values stand in float_val"
    assert seen["answered"] == ["digits", 1]


def test_a_picture_goes_into_a_model_of_pictures(seen: dict[str, Any]) -> None:
    scores = np.frombuffer(bytes.fromhex(seen["picture"]), np.float32)
    assert scores.argmax() == 7
    assert [label for label, _ in seen["classes"]] == list("0123456789")
    assert [score for _, score in seen["classes"]] == scores.tolist()


def test_states_and_signatures_are_read(seen: dict[str, Any]) -> None:
    assert seen["signature"] == "serving_default"
    assert seen["method"] == "tensorflow/serving/predict"
    assert (seen["dtype"], seen["state"]) == (1, [1, 30, 0])


def test_the_stub_sees_the_statuses_and_texts_of_the_original(seen: dict[str, Any]) -> None:
    texts = {
        "no_spec": ["INVALID_ARGUMENT", "Missing ModelSpec"],
        "no_name": ["INVALID_ARGUMENT", "ModelSpec has no name specified."],
        "unknown_version": ["NOT_FOUND", f"{CHOSEN} Specific(digits, 5)"],
        "unknown_label": ["INVALID_ARGUMENT", "Unrecognized servable version label: x"],
        "unknown_signature": ["FAILED_PRECONDITION", 'Serving signature key "x" not found.'],
        "wrong_type": ["INVALID_ARGUMENT", "Expects arg[0] to be float but int64 is provided"],
        "unknown_state": ["NOT_FOUND", "Could not find any versions of model nobody"],
    }
    assert {name: seen[name] for name in texts} == texts
    assert seen["unknown_output"][0] == "INVALID_ARGUMENT"
    assert seen["unknown_output"][1].startswith("output tensor alias not found in signature:")
    assert seen["no_regression"][0] == "INVALID_ARGUMENT"
    assert seen["reload"][0] == "PERMISSION_DENIED"
    assert seen["too_late"] == "DEADLINE_EXCEEDED"


def test_a_call_that_names_no_app_is_refused_by_the_sidecar(seen: dict[str, Any]) -> None:
    status, text = seen["no_app"]
    assert status == "UNKNOWN"
    assert "missing dapr-callee-app-id or dapr-app-id metadata" in text


def curl(mesh: Mesh, path: str, body: str = "", *more: str) -> tuple[int, Any]:
    """Call a path by curl at the sidecar of pca, whose header names classify."""
    program = need("curl", "apt-get install curl")
    data = ["--data-binary", body] if body else []
    done = subprocess.run(
        [
            *(program, "--silent", "--show-error", "--write-out", "\n%{http_code}"),
            *("--header", "dapr-app-id: classify", *data, *more),
            f"http://127.0.0.1:{mesh.http_port('pca')}/{path}",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(answer)


def test_curl_gets_what_the_engine_answers_bit_for_bit(running: Mesh) -> None:
    status, answer = curl(running, "v1/models/digits/metadata")
    assert status == 200
    function = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    ((name, info),) = function["inputs"].items()
    shape = [int(dim["size"]) for dim in info["tensor_shape"]["dim"]]
    numbers = np.random.default_rng(1).random(shape, np.float32)
    expected = compute(numbers)
    rows = json.dumps({"instances": numbers.tolist()})
    columns = json.dumps({"signature_name": "serving_default", "inputs": {name: numbers.tolist()}})
    for body, key in ((rows, "predictions"), (columns, "outputs")):
        status, answer = curl(running, "v1/models/digits:predict", body)
        assert status == 200
        assert np.array(answer[key], np.float32).tobytes() == expected.tobytes()


def test_curl_sends_a_picture(running: Mesh, tmp_path: Path) -> None:
    text = base64.b64encode(SEVEN.read_bytes()).decode()
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"instances": [{"b64": text}]}))
    status, answer = curl(running, "v1/models/digits/versions/1:predict", f"@{body}")
    assert status == 200
    assert int(np.argmax(answer["predictions"][0])) == 7
    body.write_text(json.dumps({"examples": [{"image/encoded": {"b64": text}}]}))
    status, answer = curl(running, "v1/models/digits:classify", f"@{body}")
    assert status == 200
    assert max(answer["results"][0], key=lambda each: float(each[1]))[0] == "7"


def test_curl_sends_a_packed_body(running: Mesh, tmp_path: Path) -> None:
    body = tmp_path / "body.gz"
    body.write_bytes(gzip.compress(b'{"instances": [1]}'))
    header = ("--header", "content-encoding: gzip")
    status, answer = curl(running, "v1/models/digits:predict", f"@{body}", *header)
    assert status == 400
    assert answer["message"].startswith("input tensor shape does not match signature:")


def test_curl_reads_the_state_of_a_model(running: Mesh) -> None:
    status, answer = curl(running, "v1/models/digits")
    assert status == 200
    assert answer["model_version_status"] == [
        {
            "version": "1",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("v1/models/digits:foo", "{}", 400, "Malformed request: POST /v1/models/digits:foo"),
        ("v1/models/digits:predict", "{}", 400, "Missing 'inputs' or 'instances' key"),
        ("v1/models/digits:predict", "", 400, "Malformed request: GET /v1/models/digits:predict"),
        ("v1/models", "", 400, "Missing model name in request."),
        ("v1/models/nobody", "", 404, "Could not find any versions of model nobody"),
    ],
)
def test_curl_gets_the_status_of_the_original_and_its_text_as_a_sidecar_writes_it(
    running: Mesh, path: str, body: str, status: int, text: str
) -> None:
    got, answer = curl(running, path, body)
    assert (got, answer["message"]) == (status, text)


def test_the_calls_of_the_page(running: Mesh) -> None:
    need("curl", "apt-get install curl")
    commands = block("docs/clients.md", "v1/models/digits:predict")
    here = f"127.0.0.1:{running.http_port('pca')}"
    done = subprocess.run(
        ["/usr/bin/env", "bash", "-euc", commands.replace("localhost:3501", here)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    state, end = json.JSONDecoder().raw_decode(done.stdout.decode())
    assert state["model_version_status"][0]["state"] == "AVAILABLE"
    answer = json.loads(done.stdout.decode()[end:])
    assert int(np.argmax(answer["predictions"][0])) == 7


def test_the_program_of_the_page(running: Mesh, tmp_path: Path) -> None:
    program = block("docs/clients.md", "import predict_pb2")
    here = f"127.0.0.1:{running.grpc_port('pca')}"
    assert run_text(program.replace("localhost:3511", here), "tfserving_grpc", tmp_path) == "7\n"
