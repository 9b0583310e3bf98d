"""Who may call what, by certificates that a real sentry has signed, through every door.

The rules are those of k8s/overlays/prod: `caller` may call all doors, `gateway` what pages need,
and nobody else anything. The service also has an administrator, whom some call themselves.
"""

import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from http.client import HTTPConnection

import grpc
import pytest
from dapr.proto import common_v1
from google.protobuf.message import Message
from installed import need
from mesh import ROOT, Mesh, Profile
from mtls import Authority, GuardedMesh, Visitor, write_access

from meshlens.command.mesh.sidecars import health_through
from meshlens.protocols.wire import inference_pb2 as v2
from meshlens.protocols.wire import tfserving_pb2 as tfs

SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
NAMES = "caller-app-id", "dapr-caller-app-id"
ADMINISTRATOR = "ops"
V2 = "/inference.GRPCInferenceService"
TFS = "/tensorflow.serving"
JSON = ("content-type", "application/json")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    need("go", "https://go.dev/dl, which builds sentry")
    with Authority(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture(scope="module")
def mesh(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    access = write_access(tmp_path_factory.mktemp("access"), ADMINISTRATOR)
    with GuardedMesh(
        Profile.EMBEDDED,
        tmp_path_factory.mktemp("mesh"),
        services=("classify",),
        env={"classify": {"DEFAULT_MODEL": "digits", "ADMIN": ADMINISTRATOR}},
        sidecar_flags=(*authority.flags, "--config", str(access)),
        sidecar_env=authority.env,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def doors(authority: Authority, mesh: Mesh) -> Iterator[Mapping[str, "Doors"]]:
    """The doors of classify, by the app whose sidecar leads to them."""
    with ExitStack() as stack:
        yield {
            app: Doors(
                stack.enter_context(Visitor(app, mesh, flags=authority.flags, env=authority.env))
            )
            for app in ("caller", "gateway", "stranger", ADMINISTRATOR)
        }


class Doors:
    """The doors of classify, through the sidecar of another app.

    Args:
        visitor: that app.
    """

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor

    def request(
        self,
        path: str,
        body: bytes = b"",
        *metadata: tuple[str, str],
        verb: str = "POST",
    ) -> tuple[str, str]:
        """Return status and text of an answer by HTTP."""
        connection = HTTPConnection("127.0.0.1", self._visitor.http, timeout=30)
        try:
            connection.request(verb, f"/v1.0/invoke/classify/method/{path}", body, dict(metadata))
            answer = connection.getresponse()
            return str(answer.status), answer.read().decode(errors="replace")
        finally:
            connection.close()

    def proxy(
        self, method: str, request: Message, answer: type[Message], *metadata: tuple[str, str]
    ) -> tuple[str, str]:
        """Return code and text of an answer by gRPC."""
        with grpc.insecure_channel(f"127.0.0.1:{self._visitor.grpc}") as channel:
            call = channel.unary_unary(
                method,
                request_serializer=type(request).SerializeToString,
                response_deserializer=answer.FromString,
            )
            try:
                got = call(request, metadata=(("dapr-app-id", "classify"), *metadata), timeout=30)
            except grpc.RpcError as error:
                return error.code().name, error.details() or ""
        return "OK", str(got)

    def invoke(self, method: str, body: bytes = b"", *metadata: tuple[str, str]) -> tuple[str, str]:
        """Call a method by a proxied OnInvoke."""
        request = common_v1.InvokeRequest(method=method)
        request.http_extension.verb = common_v1.HTTPExtension.Verb.Value("POST")
        request.data.value = body
        return self.proxy(
            "/dapr.proto.runtime.v1.AppCallback/OnInvoke",
            request,
            common_v1.InvokeResponse,
            *metadata,
        )


def by_path(doors: Doors) -> tuple[str, str]:
    return doors.request("classify", SEVEN)


def by_proxied_invoke(doors: Doors) -> tuple[str, str]:
    return doors.invoke("classify", SEVEN)


def by_v2(doors: Doors) -> tuple[str, str]:
    return doors.proxy(
        f"{V2}/ModelMetadata", v2.ModelMetadataRequest(name="digits"), v2.ModelMetadataResponse
    )


def by_tensorflow_serving(doors: Doors) -> tuple[str, str]:
    request = tfs.GetModelStatusRequest()
    request.model_spec.name = "digits"
    return doors.proxy(f"{TFS}.ModelService/GetModelStatus", request, tfs.GetModelStatusResponse)


def by_mcp(doors: Doors) -> tuple[str, str]:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    return doors.request("mcp", json.dumps(listing).encode(), JSON)


def by_v2_rest(doors: Doors) -> tuple[str, str]:
    return doors.request("v2/models/digits", verb="GET")


def by_tensorflow_serving_rest(doors: Doors) -> tuple[str, str]:
    return doors.request("v1/models/digits", verb="GET")


BY_HTTP = (by_path, by_mcp, by_v2_rest, by_tensorflow_serving_rest)
BY_GRPC = (by_proxied_invoke, by_v2, by_tensorflow_serving)


@pytest.mark.parametrize("call", [*BY_HTTP, *BY_GRPC])
def test_an_app_that_is_named_comes_through_each_door(
    doors: Mapping[str, Doors], call: Callable[[Doors], tuple[str, str]]
) -> None:
    code, text = call(doors["caller"])
    assert code in {"200", "OK"}, text
    assert text


@pytest.mark.parametrize("call", [*BY_HTTP, *BY_GRPC])
def test_an_app_that_is_not_named_comes_through_none(
    doors: Mapping[str, Doors], call: Callable[[Doors], tuple[str, str]]
) -> None:
    code, text = call(doors["stranger"])
    assert code == ("403" if call in BY_HTTP else "PERMISSION_DENIED"), text
    assert "access control policy has denied access" in text


def test_an_app_comes_through_the_doors_that_name_it_and_no_other(
    doors: Mapping[str, Doors],
) -> None:
    assert by_path(doors["gateway"])[0] == "200"
    for call in BY_GRPC:
        assert call(doors["gateway"])[0] == "PERMISSION_DENIED"
    for call in (by_mcp, by_v2_rest, by_tensorflow_serving_rest):
        assert call(doors["gateway"])[0] == "403"


def test_the_gateway_reads_the_models_and_no_report_of_a_shadow(doors: Mapping[str, Doors]) -> None:
    gateway = doors["gateway"]
    for path in ("models", "models/digits"):
        assert gateway.request(path, verb="GET")[0] == "200"
    for verb in ("GET", "DELETE"):
        assert gateway.request("models/digits/shadow", verb=verb)[0] == "403"
    assert gateway.request("models/digits/rollout/back")[0] == "403"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("as_app", ["caller", ADMINISTRATOR])
def test_an_app_that_gives_the_name_of_another_is_who_its_certificate_says(
    doors: Mapping[str, Doors], name: str, as_app: str
) -> None:
    stranger = doors["stranger"]
    assert stranger.request("classify", SEVEN, (name, as_app))[0] == "403"
    assert stranger.invoke("classify", SEVEN, (name, as_app))[0] == "PERMISSION_DENIED"


@pytest.mark.parametrize("name", NAMES)
def test_an_app_that_gives_the_administrators_name_changes_nothing_by_any_door(
    doors: Mapping[str, Doors], name: str
) -> None:
    caller, forged = doors["caller"], (name, ADMINISTRATOR)
    answers = [
        caller.invoke("models/digits/versions/1/unload", b"", forged),
        caller.proxy(
            f"{V2}/RepositoryModelUnload",
            v2.RepositoryModelUnloadRequest(model_name="digits"),
            v2.RepositoryModelUnloadResponse,
            forged,
        ),
        caller.proxy(
            f"{TFS}.ModelService/HandleReloadConfigRequest",
            tfs.ReloadConfigRequest(),
            tfs.ReloadConfigResponse,
            forged,
        ),
    ]
    for code, text in answers:
        assert code == "PERMISSION_DENIED", text
        assert "ADMIN must name who may change what is served" in text
    code, text = caller.request("v2/repository/models/digits/unload", b"", forged)
    assert code == "403"
    assert "ADMIN must name who may change what is served" in text
    assert by_path(caller)[0] == "200"


def test_the_administrator_itself_changes_what_is_served(doors: Mapping[str, Doors]) -> None:
    administrator = doors[ADMINISTRATOR]
    for change in ("unload", "load"):
        code, text = administrator.request(f"v2/repository/models/digits/{change}")
        assert code == "200", text


def test_a_program_without_a_certificate_does_not_reach_the_port_between_sidecars(
    mesh: Mesh,
) -> None:
    port = mesh.internal_port("classify")
    assert health_through(port, "classify").startswith("UNAVAILABLE")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain) as secured,
        pytest.raises(ssl.SSLError, match=r"CERTIFICATE_REQUIRED|BAD_CERTIFICATE"),
    ):
        secured.recv(1)
