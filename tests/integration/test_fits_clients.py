"""Clients of Triton and KServe, as they are, call fits of pca as models through two sidecars."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from client_programs import run_client, run_text
from documents import block
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from mesh import ROOT, Mesh, Profile

pytestmark = pytest.mark.timeout(600)  # the first run of a client installs it

IRIS = (ROOT / "services/pca/src/meshlens/pca/web/samples/iris.csv").read_bytes()
UNKNOWN = f"Request for unknown model: '{'0' * 64}' is not found"
OUTPUTS = ("scores", "t2", "spe")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    env = {"pca": {"SHOW_EVENTS": "99"}}
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), env=env) as running:
        yield running


@pytest.fixture(scope="module")
def fitted(mesh: Mesh) -> dict[str, Any]:
    """What fit answers."""
    answer = mesh.call("classify", "pca", "fit?k=2&scaling=standard", IRIS)
    assert answer.status == 200, answer.body
    fit: dict[str, Any] = json.loads(answer.body)
    return fit


@pytest.fixture(scope="module")
def values() -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(7).normal(4, 2, (25, 4))


@pytest.fixture(scope="module")
def expected(
    mesh: Mesh, fitted: dict[str, Any], values: np.ndarray[Any, np.dtype[np.float64]]
) -> dict[str, str]:
    """The bits of what transform answers."""
    body = json.dumps([fitted["names"], *values.tolist()]).encode()
    answer = mesh.call(
        "classify",
        "pca",
        f"transform?fit={fitted['id']}&diagnostics=true",
        body,
        headers={"content-type": "application/json"},
    )
    assert answer.status == 200, answer.body
    answered = json.loads(answer.body)
    return {name: np.array(answered[name]).tobytes().hex() for name in OUTPUTS}


@pytest.fixture(scope="module")
def stdin(fitted: dict[str, Any], values: np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    return json.dumps({"model": fitted["id"], "values": values.tolist()}).encode()


@pytest.fixture(scope="module")
def grpc_address(mesh: Mesh) -> str:
    """The gRPC port of the sidecar of another app."""
    return f"127.0.0.1:{mesh.grpc_port('classify')}"


@pytest.fixture(scope="module")
def http_address(mesh: Mesh) -> str:
    return f"127.0.0.1:{mesh.http_port('classify')}"


@pytest.fixture(scope="module")
def by_grpc(grpc_address: str, stdin: bytes) -> Any:  # noqa: ANN401 - JSON
    return run_client("fits_triton_grpc", grpc_address, stdin=stdin)


@pytest.fixture(scope="module")
def by_rest(http_address: str, stdin: bytes) -> Any:  # noqa: ANN401 - JSON
    return run_client("fits_triton_rest", http_address, stdin=stdin)


@pytest.mark.parametrize("client", ["by_grpc", "by_rest"])
def test_tritons_clients_get_bit_for_bit_what_transform_answers(
    client: str, request: pytest.FixtureRequest, expected: dict[str, str], fitted: dict[str, Any]
) -> None:
    seen = request.getfixturevalue(client)
    assert (seen["live"], seen["ready"], seen["model_ready"]) == (True, True, True)
    assert seen["unknown_ready"] is False
    assert seen["outputs"] == expected
    assert seen.get("json", expected) == expected
    assert seen["narrow"].keys() == expected.keys()
    entry = {"name": fitted["id"], "version": "1", "state": "READY"}
    listed = seen["index"]["models"] if client == "by_grpc" else seen["index"]
    assert {name: listed[0][name] for name in entry} == entry
    (statistics,) = seen["statistics"]["model_stats"]
    assert int(statistics["inference_count"]) >= 3 * 25


def test_a_fit_is_described_to_tritons_client(by_grpc: Any, fitted: dict[str, Any]) -> None:  # noqa: ANN401 - JSON
    assert by_grpc["server"]["name"] == "meshlens-pca"
    assert by_grpc["metadata"] == {
        "name": fitted["id"],
        "versions": ["1"],
        "platform": "meshlens_pca",
        "inputs": [{"name": "observations", "datatype": "FP64", "shape": ["-1", "4"]}],
        "outputs": [
            {"name": "scores", "datatype": "FP64", "shape": ["-1", "2"]},
            {"name": "t2", "datatype": "FP64", "shape": ["-1"]},
            {"name": "spe", "datatype": "FP64", "shape": ["-1"]},
        ],
    }
    assert by_grpc["config"]["config"]["input"][0]["data_type"] == "TYPE_FP64"
    assert by_grpc["only"] == ["t2"]


def test_what_is_wrong_is_refused_with_its_status_and_text(by_grpc: Any, by_rest: Any) -> None:  # noqa: ANN401 - JSON
    invalid = "StatusCode.INVALID_ARGUMENT"
    status, text = by_grpc["nan"]
    assert status == invalid
    assert "every number must be there, got 1 of 100 NaN, the first at row 2, column 3" in text
    assert "missing=mean" in text
    status, text = by_grpc["columns"]
    assert status == invalid
    assert "Expected [-1,4], got [25,2]" in text
    assert by_grpc["integers"][0] == invalid
    assert "expects 'FP64'" in by_grpc["integers"][1]
    assert by_grpc["unknown"] == ["StatusCode.NOT_FOUND", UNKNOWN]
    assert by_grpc["no_id"] == [
        "StatusCode.NOT_FOUND",
        "Request for unknown model: 'digits' is not found",
    ]
    assert by_grpc["version"][0] == "StatusCode.NOT_FOUND"
    assert by_grpc["unload"][0] == "StatusCode.UNIMPLEMENTED"
    assert "DELETE fits/" in by_grpc["unload"][1]
    assert (by_rest["columns"], by_rest["unknown"], by_rest["unload"]) == ("400", "404", "501")


def test_kserves_clients_get_the_same(
    grpc_address: str, http_address: str, stdin: bytes, expected: Mapping[str, str]
) -> None:
    seen = run_client("fits_kserve", grpc_address, http_address, stdin=stdin)
    assert seen["ready"] == [True, True, True, True]
    assert seen["grpc"] == expected
    assert seen["rest"] == expected
    assert seen["unknown"] == [["NOT_FOUND", UNKNOWN], 404]


@pytest.mark.usefixtures("by_grpc")
def test_a_call_of_a_fit_is_published_as_one_of_transform_is(
    mesh: Mesh, fitted: dict[str, Any]
) -> None:
    shown = json.loads(mesh.call("classify", "pca", "events", verb="GET").body)
    method = "inference.GRPCInferenceService/ModelInfer"
    events = [it["data"] for it in shown["events"] if it["data"]["method"] == method]
    good = next(it for it in events if it["outcome"] == "OK")
    assert (good["model"], good["version"]) == (fitted["id"], "1")
    assert good["result"]["shapes"] == {"scores": [25, 2], "t2": [25], "spe": [25]}
    assert any(it["outcome"] == "INVALID_ARGUMENT" for it in events)


def test_a_fit_that_is_deleted_is_listed_no_more_and_not_found(mesh: Mesh) -> None:
    fit = json.loads(mesh.call("classify", "pca", "fit", b"1,2\n3,5\n4,4\n9,1").body)["id"]

    def names() -> list[str]:
        answer = mesh.call("classify", "pca", "v2/models", verb="GET")
        listed: list[str] = json.loads(answer.body)["models"]
        return listed

    assert names()[0] == fit
    assert mesh.call("classify", "pca", f"fits/{fit}", verb="DELETE").status == 200
    assert fit not in names()
    assert mesh.call("classify", "pca", f"v2/models/{fit}/ready", verb="GET").status == 404


def test_the_service_is_described_and_serving_on_its_own_port(mesh: Mesh) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{mesh.app_port('pca')}") as channel:
        services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
        assert "inference.GRPCInferenceService" in services
        assert not any(name.startswith("tensorflow") for name in services)
        answer = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service="inference.GRPCInferenceService"), timeout=20
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_program_of_the_document_runs(http_address: str, tmp_path: Path) -> None:
    program = block("docs/clients.md", "observations.set_data_from_numpy")
    program = program.replace("localhost:3502", http_address)
    assert run_text(program, "fits_triton_rest", tmp_path) == "[[-2.68]]\n"
