"""Clients of Triton and KServe, as they are published, call classify by V2 over REST."""

import base64
import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from client_programs import run_client, run_text
from documents import block
from installed import need
from mesh import ROOT, Mesh, Profile
from numpy.typing import NDArray
from ways import BY_HTTP, Way, address_of

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import Kind
from meshlens.classify.models import shipped_models
from meshlens.classify.protocol_models import ProtocolModels
from meshlens.classify.serving.repository import Repository

pytestmark = pytest.mark.timeout(600)  # the first run of a client installs it

MODEL, INPUT, OUTPUT = "digits", "picture", "Identity"
SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), listens=True) as running:
        yield running


@pytest.fixture(params=BY_HTTP)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


@pytest.fixture(scope="module")
def tensor() -> NDArray[np.float32]:
    return np.random.default_rng(7).uniform(0, 255, (1, 32, 32, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def in_process() -> Callable[[NDArray[np.float32]], list[Any]]:
    """The engine without any protocol."""
    (path,) = (shipped_models() / MODEL).glob("*/*.tflite")
    engine = open_engine(Kind.TFLITE, path.read_bytes(), (), (), workers=1)
    (signature,) = engine.signatures.values()

    def run(array: NDArray[np.float32]) -> list[Any]:
        values: list[Any] = signature.run({INPUT: array})[OUTPUT].tolist()
        return values

    return run


@pytest.fixture(scope="module")
def seven() -> NDArray[np.float32]:
    """What the picture of a seven becomes for the model."""
    repository = Repository(
        shipped_models(), lambda *parts: open_engine(*parts, workers=1), default=MODEL
    )
    repository.load(MODEL)
    with ProtocolModels(repository, max_pixels=1_000_000).lease(MODEL) as model:
        (function,) = model.functions.values()
        return function.read_picture(SEVEN).astype(np.float32)


@pytest.fixture
def wanted(mesh: Mesh, way: Way, tensor: NDArray[np.float32]) -> dict[str, Any]:
    """What both clients are given."""
    return {
        **address_of(mesh, way).of_call,
        "model": MODEL,
        "input": INPUT,
        "output": OUTPUT,
        "tensor": tensor.tolist(),
        "picture": base64.b64encode(SEVEN).decode(),
    }


def test_tritonclient_works_unmodified(
    wanted: dict[str, Any],
    tensor: NDArray[np.float32],
    seven: NDArray[np.float32],
    in_process: Callable[[NDArray[np.float32]], list[Any]],
) -> None:
    found = run_client("triton_rest", stdin=json.dumps(wanted).encode())
    for what in ("live", "ready", "model_ready", "version_ready", "loaded"):
        assert found[what] is True, what
    for what in ("unknown_ready", "unloaded"):
        assert found[what] is False, what
    expected = in_process(tensor)
    for what in ("binary", "all_binary", "json", "version", "gzip", "deflate"):
        assert found[what] == expected, what
    assert found["picture"] == in_process(seven)
    best = int(np.argmax(expected))
    assert found["classes"][0][0] == f"{expected[0][best]:f}:{best}:{best}"
    assert len(found["classes"][0]) == 2
    assert found["server"]["name"] == "meshlens-classify"
    assert found["model"]["inputs"] == [
        {"name": INPUT, "datatype": "FP32", "shape": [1, 32, 32, 1]}
    ]
    assert found["config"]["input"][0]["data_type"] == "TYPE_FP32"
    assert {"name": MODEL, "version": "1", "state": "READY", "reason": ""} in found["index"]
    assert found["statistics"]["model_stats"][0]["inference_stats"]["success"]["count"] >= 8


def test_kserve_works_unmodified(
    wanted: dict[str, Any],
    tensor: NDArray[np.float32],
    in_process: Callable[[NDArray[np.float32]], list[Any]],
) -> None:
    found = run_client("kserve_rest", stdin=json.dumps(wanted).encode())
    for what in ("live", "ready", "model_ready"):
        assert found[what] is True, what
    for what in ("binary", "json"):
        assert found[what] == in_process(tensor), what


def test_an_error_keeps_its_text_in_the_body_that_the_sidecar_makes(mesh: Mesh) -> None:
    answer = mesh.call("pca", "classify", "v2/models/no-such/infer", b'{"inputs": []}')
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert json.loads(answer.body)["message"] == "Request for unknown model: 'no-such' is not found"


@pytest.mark.parametrize(
    ("verb", "path", "status", "text"),
    [
        ("GET", "v2/models/no%20such/ready", 404, "Request for unknown model: 'no such' is not"),
        ("GET", f"v2/models/{MODEL}/infer", 405, "infer expects POST"),
        ("POST", f"v2/models/{MODEL}/infer", 400, "failed to parse the request JSON buffer: "),
    ],
)
def test_an_error_of_the_listener_is_tritons(
    mesh: Mesh, verb: str, path: str, status: int, text: str
) -> None:
    answer = httpx.request(verb, f"http://127.0.0.1:{mesh.listener_port('classify')}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json().keys() == {"error"}
    assert text in answer.json()["error"]


def test_a_large_answer_is_packed_if_the_client_accepts_it(mesh: Mesh) -> None:
    outputs = [{"name": OUTPUT, "parameters": {"classification": 10}}]
    given = {
        "name": INPUT,
        "datatype": "BYTES",
        "shape": [1],
        "data": [base64.b64encode(SEVEN).decode()],
        "parameters": {"content_type": "base64"},
    }
    body = {"id": "x" * 2000, "inputs": [given], "outputs": outputs}
    packed = gzip.compress(json.dumps(body).encode())
    headers = {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
    response = mesh.call("pca", "classify", f"v2/models/{MODEL}/infer", packed, headers=headers)
    assert response.status == 200
    assert response.headers["Content-Encoding"] == "gzip"
    answer = json.loads(gzip.decompress(response.body))
    assert answer["outputs"][0]["data"][0] == "1.000000:7:7"


def test_a_bomb_is_refused(mesh: Mesh) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    headers = {"Content-Encoding": "gzip"}
    response = mesh.call("pca", "classify", f"v2/models/{MODEL}/infer", bomb, headers=headers)
    assert response.status == 429
    assert "body must have at most" in json.loads(response.body)["message"]


def test_names_are_percent_encoded_by_clients(mesh: Mesh) -> None:
    answer = mesh.call("pca", "classify", "v2/models/no%20such%C3%A4/ready", verb="GET")
    assert answer.status == 404
    message = json.loads(answer.body)["message"]
    assert message == "Request for unknown model: 'no suchä' is not found"


def at(mesh: Mesh, text: str) -> str:
    """A block of docs/clients.md with the port of a mesh instead of that of `make run`."""
    return text.replace("localhost:3501", f"127.0.0.1:{mesh.http_port('pca')}")


def test_the_program_of_the_document_runs(mesh: Mesh, tmp_path: Path) -> None:
    program = at(mesh, block("docs/clients.md", 'Client("localhost:3501'))
    assert run_text(program, "triton_rest", tmp_path) == "1.000000:7:7\n"


def test_the_program_of_the_document_for_kserve_runs(mesh: Mesh, tmp_path: Path) -> None:
    program = at(mesh, block("docs/clients.md", "import InferenceRESTClient"))
    assert run_text(program, "kserve_rest", tmp_path) == "7\n"


def test_the_call_by_curl_of_the_document_works(mesh: Mesh) -> None:
    need("curl", "apt-get install curl")
    commands = at(mesh, block("docs/clients.md", "models/digits/infer"))
    printed = subprocess.run(
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", commands.replace("curl ", "curl -sSf ")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    (output,) = json.loads(printed.stdout)["outputs"]
    assert output["data"] == ["1.000000:7:7"]
