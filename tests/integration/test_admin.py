"""Who may change what is served, through two sidecars: by app, whatever a caller calls itself."""

import json
from collections.abc import Iterator

import grpc
import pytest
from dapr.proto import appcallback_service_v1, common_v1
from mesh import Mesh, Profile

from meshlens.protocols.wire import inference_pb2 as v2

UNLOAD = "models/digits/versions/1/unload"
CALLER = "dapr-caller-app-id"
POINTS = b"a,b\n1,2\n2,3\n3,5\n4,4\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    env = {"classify": {"DEFAULT_MODEL": "digits", "ADMIN": "pca"}, "pca": {"ADMIN": "ops"}}
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), env=env) as mesh:
        yield mesh


def proxy(mesh: Mesh, via: str, service: str, *metadata: tuple[str, str]) -> grpc.StatusCode:
    """Unload a model, or delete a fit, by a call that the sidecars forward as it is."""
    extension = common_v1.HTTPExtension()
    extension.verb = common_v1.HTTPExtension.Verb.Value("DELETE" if service == "pca" else "POST")
    method = f"fits/{'0' * 64}" if service == "pca" else UNLOAD
    request = common_v1.InvokeRequest(method=method, http_extension=extension)
    with grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port(via)}") as channel:
        try:
            appcallback_service_v1.AppCallbackStub(channel).OnInvoke(
                request, metadata=(("dapr-app-id", service), *metadata), timeout=20
            )
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def unload_by_v2(mesh: Mesh, via: str) -> grpc.StatusCode:
    with grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port(via)}") as channel:
        call = channel.unary_unary(
            "/inference.GRPCInferenceService/RepositoryModelUnload",
            request_serializer=v2.RepositoryModelUnloadRequest.SerializeToString,
            response_deserializer=v2.RepositoryModelUnloadResponse.FromString,
        )
        try:
            call(
                v2.RepositoryModelUnloadRequest(model_name="digits"),
                metadata=(("dapr-app-id", "classify"),),
                timeout=20,
            )
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def test_an_app_that_is_named_changes_what_is_served_by_every_way(running: Mesh) -> None:
    assert running.call("pca", "classify", UNLOAD).status == 200
    assert running.call("pca", "classify", "v2/repository/models/digits/load").status == 200
    assert proxy(running, "pca", "classify") is grpc.StatusCode.OK
    assert unload_by_v2(running, "pca") is grpc.StatusCode.OK


def test_another_app_is_refused_by_every_way(running: Mesh) -> None:
    refused = running.call("classify", "classify", UNLOAD)
    assert refused.status == 403
    assert "ADMIN must name who may change what is served" in json.loads(refused.body)["message"]
    by_v2 = running.call("classify", "classify", "v2/repository/models/digits/unload")
    assert by_v2.status == 403
    assert unload_by_v2(running, "classify") is grpc.StatusCode.PERMISSION_DENIED
    assert running.call("classify", "pca", "fits/0", verb="DELETE").status == 403
    assert proxy(running, "classify", "pca") is grpc.StatusCode.PERMISSION_DENIED
    event = json.dumps({"httpMethod": "DELETE", "path": "/fits/0", "headers": {}, "body": ""})
    relayed = running.call("classify", "pca", "gateway", event.encode())
    assert json.loads(relayed.body)["statusCode"] == 400  # for no app at all


def test_an_app_that_gives_the_name_of_another_is_refused(running: Mesh) -> None:
    for _ in range(20):  # the sidecar adds its own name before this one or behind it
        forged = running.call("classify", "pca", "fits/0", verb="DELETE", headers={CALLER: "ops"})
        assert forged.status == 403
        assert "a call of 'classify, ops'" in json.loads(forged.body)["message"]
    assert proxy(running, "classify", "pca", (CALLER, "ops")) is grpc.StatusCode.PERMISSION_DENIED


def test_what_changes_nothing_is_for_everybody(running: Mesh) -> None:
    model = json.loads(running.call("classify", "pca", "fit", POINTS).body)
    assert running.call("classify", "pca", f"fits/{model['id']}", verb="GET").status == 200
