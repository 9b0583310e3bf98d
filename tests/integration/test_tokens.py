"""With both tokens set the mesh works, and nobody without them reaches a service or a sidecar."""

from collections.abc import Iterator

import grpc
import pytest
from dapr.proto import api_service_v1
from google.protobuf import empty_pb2
from mesh import SERVICES, Mesh, Profile
from processes import eventually
from sockets import is_loopback, listening

from meshlens.command.subscriber import Subscriber
from meshlens.daprkit.client import CallError, Client

API_TOKEN = "swordfish-of-the-sidecars"
APP_TOKEN = "swordfish-of-the-services"
POINTS = b"1,2,3,5,4,4,9,1"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with Mesh(
        Profile.EMBEDDED,
        tmp_path_factory.mktemp("guarded"),
        api_token=API_TOKEN,
        app_token=APP_TOKEN,
    ) as running:
        yield running


def test_a_call_crosses_both_sidecars_and_has_its_event(guarded: Mesh) -> None:
    with Subscriber(guarded.grpc_port("pca"), api_token=API_TOKEN) as results:
        answer = guarded.call("classify", "pca", "plot", POINTS)
        assert answer.status == 200, answer.text
        assert results.next().data["outcome"] == "OK"
        with Client(f"127.0.0.1:{guarded.grpc_port('classify')}", api_token=API_TOKEN) as client:
            assert client.invoke("pca", "plot", POINTS).body
        assert results.next().data["outcome"] == "OK"


def test_the_service_hears_its_topics(guarded: Mesh) -> None:
    def subscribed() -> bool:
        address = f"127.0.0.1:{guarded.grpc_port('classify')}"
        with grpc.insecure_channel(address) as channel:
            facts = api_service_v1.DaprStub(channel).GetMetadata(
                empty_pb2.Empty(), metadata=(("dapr-api-token", API_TOKEN),)
            )
        return "images" in {subscription.topic for subscription in facts.subscriptions}

    assert eventually(subscribed, "classify's sidecar has asked for its subscriptions")


@pytest.mark.parametrize("token", ["", API_TOKEN, "another"])
def test_the_services_port_refuses_callers_without_its_token(guarded: Mesh, token: str) -> None:
    with (
        Client(f"127.0.0.1:{guarded.app_port('pca')}", api_token=token) as client,
        pytest.raises(CallError) as refusal,
    ):
        client.invoke("pca", "plot", POINTS)
    assert refusal.value.code == "UNAUTHENTICATED"


@pytest.mark.parametrize("token", ["", APP_TOKEN, "another"])
def test_the_sidecars_refuse_callers_without_their_token(guarded: Mesh, token: str) -> None:
    headers = {"dapr-api-token": token}
    assert guarded.call("classify", "pca", "plot", POINTS, headers=headers).status == 401
    with (
        Client(f"127.0.0.1:{guarded.grpc_port('classify')}", api_token=token) as client,
        pytest.raises(CallError) as refusal,
    ):
        client.invoke("pca", "plot", POINTS)
    assert refusal.value.code == "UNAUTHENTICATED"


def test_everything_listens_on_this_host_only(guarded: Mesh) -> None:
    for service in SERVICES:
        for name, least in ((service, 1), (f"{service}-daprd", 4)):
            sockets = listening(guarded.process(name).pid)
            assert len(sockets) >= least, name
            assert [port for port, ip in sockets.items() if not is_loopback(ip)] == [], name


def test_no_log_shows_a_token(guarded: Mesh) -> None:
    for service in SERVICES:
        for name in (service, f"{service}-daprd"):
            log = guarded.process(name).log()
            assert log
            assert API_TOKEN not in log, name
            assert APP_TOKEN not in log, name
