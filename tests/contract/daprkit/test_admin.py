"""What changes a service is for administrators, by each verb and whatever carries the call."""

import grpc
import pytest
from contract.daprkit.http_calls import call, listening
from contract.daprkit.toy import TOKEN, refusal_of, serving
from dapr.proto import appcallback_service_v1, common_v1

from meshlens.daprkit.client import Client

CALLER = "dapr-caller-app-id"


def change(port: int, *metadata: tuple[str, str], verb: str = "DELETE") -> grpc.StatusCode:
    extension = common_v1.HTTPExtension()
    extension.verb = common_v1.HTTPExtension.Verb.Value(verb)
    request = common_v1.InvokeRequest(method="things", http_extension=extension)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            appcallback_service_v1.AppCallbackStub(channel).OnInvoke(
                request, metadata=metadata, timeout=10
            )
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def test_nobody_changes_a_service_by_default() -> None:
    with serving() as (_, port), Client(f"127.0.0.1:{port}") as client:
        refusal = refusal_of(lambda: client.invoke("toy", "rename"))
        assert refusal.code == "PERMISSION_DENIED"
        assert "ADMIN must name who may" in refusal.message
        assert change(port) is grpc.StatusCode.PERMISSION_DENIED
        assert change(port, verb="GET") is grpc.StatusCode.OK


def test_the_apps_that_the_operator_names_do() -> None:
    with serving(admin="ops") as (_, port):
        assert change(port, (CALLER, "ops")) is grpc.StatusCode.OK
        assert change(port, (CALLER, "web")) is grpc.StatusCode.PERMISSION_DENIED
        assert change(port) is grpc.StatusCode.PERMISSION_DENIED


def test_a_caller_that_calls_itself_another_is_who_its_sidecar_says() -> None:
    with serving(admin="ops") as (_, port):
        assert change(port, (CALLER, "ops"), (CALLER, "web")) is grpc.StatusCode.PERMISSION_DENIED
        assert change(port, ("caller-app-id", "ops")) is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("token", ["", TOKEN])
@pytest.mark.parametrize("name", [CALLER, "caller-app-id", "dapr-dapr-caller-app-id"])
def test_no_caller_of_the_listener_is_an_app_by_its_own_word(token: str, name: str) -> None:
    with listening(admin="ops", app_api_token=token) as (_, _, port):
        headers = {name: "ops", "dapr-api-token": token}
        refused = call(port, "/things", verb="DELETE", headers=headers)
        assert refused.status == 403
        assert "a call without an app id" in str(refused.json()["message"])
