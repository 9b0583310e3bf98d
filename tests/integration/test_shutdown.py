"""SIGTERM under constant load: no call fails beyond what callers are told to make again."""

from collections.abc import Iterator
from functools import partial

import grpc
import pytest
import redis
from constant_load import Load, results
from grpc_health.v1 import health_pb2, health_pb2_grpc
from installed import need
from mesh import Mesh, Profile
from processes import eventually

from meshlens.command.mesh.sidecars import SERVING, health_through
from meshlens.protocols.wire import inference_pb2 as v2

BLOCK = 2
SERVICES = ("pca", "classify")
# The second of each comes and goes; callers call through the sidecar of the other service's first.
LEAVERS = ("pca.2", "classify.2")
SHORT = pytest.mark.timeout(300)
LONG = [pytest.mark.soak, pytest.mark.timeout(3600)]


def find_ready(port: int) -> tuple[bool, bool]:
    """Return whether a service calls itself ready, by the Open Inference Protocol and by health."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        live = channel.unary_unary(
            "/inference.GRPCInferenceService/ServerReady",
            request_serializer=v2.ServerReadyRequest.SerializeToString,
            response_deserializer=v2.ServerReadyResponse.FromString,
        )(v2.ServerReadyRequest(), timeout=10)
        health = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=10
        )
        return live.ready, health.status == health_pb2.HealthCheckResponse.SERVING


@pytest.fixture(scope="module")
def draining_mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mesh]:
    """Sidecars that stay in the mesh for some seconds, and services that drain a second longer.

    The parameter is OUTBOX_STAYS.
    """
    need("redis-server", "apt-get install redis-server")
    settings = {"DRAIN_SECONDS": str(BLOCK + 1), "OUTBOX_STAYS": request.param}
    with Mesh(
        Profile.REDIS,
        tmp_path_factory.mktemp("draining"),
        services=(*SERVICES, *LEAVERS),
        env=dict.fromkeys(SERVICES, settings),
        sidecar_flags=("--dapr-block-shutdown-duration", f"{BLOCK}s"),
    ) as running:
        yield running


@pytest.fixture
def loads(draining_mesh: Mesh) -> Iterator[dict[str, Load]]:
    """Callers of both services, whose answers all have one event each in the end."""
    mesh = draining_mesh
    before = set(results(mesh))
    with Load(mesh, "pca", via="classify") as pca, Load(mesh, "classify", via="pca") as classify:
        yield {"pca": pca, "classify": classify}
    answered = set(pca.answered + classify.answered)
    eventually(lambda: answered <= results(mesh).keys(), "each answer has its event")
    found = results(mesh)
    assert found.keys() - before == answered, "events without an answer"
    assert {len(ids) for ids in found.values()} == {1}, "answers with two events"


def drains(mesh: Mesh, name: str) -> bool:
    return '"draining"' in mesh.process(name).log()


def is_ready(mesh: Mesh, name: str) -> bool:
    return health_through(mesh.app_port(name), name) == SERVING


def count_readers(mesh: Mesh) -> int:
    """Count the connections that wait for events at the broker."""
    with redis.Redis(port=mesh.redis_port) as broker:
        return sum("b" in client["flags"] for client in broker.client_list())


def await_answers(loads: dict[str, Load], count: int) -> None:
    for load in loads.values():
        load.await_answers(count)


def leave_and_come_back(mesh: Mesh, loads: dict[str, Load], times: int) -> None:
    for _ in range(times):
        await_answers(loads, 20)
        assert all(all(find_ready(mesh.app_port(name))) for name in LEAVERS)
        leaving = [mesh.process(name) for leaver in LEAVERS for name in (leaver, f"{leaver}-daprd")]
        for process in leaving:
            process.terminate()
        for name in LEAVERS:
            eventually(partial(drains, mesh, name), f"{name} drains")
            assert not any(find_ready(mesh.app_port(name)))
        await_answers(loads, 20)
        assert [process.wait(30) for process in leaving] == [0] * len(leaving)
        await_answers(loads, 20)
        for name in LEAVERS:
            mesh.launch_app(name)
        for name in LEAVERS:
            # The mesh knows a sidecar from its start, and calls its app, ready or not.
            eventually(partial(is_ready, mesh, name), f"{name} is ready", within=120)
            mesh.start_sidecar(name)
        for name in LEAVERS:
            mesh.await_app(name)


@pytest.mark.parametrize("draining_mesh", ["true"], indirect=True)
@pytest.mark.parametrize("stops", [pytest.param(3, marks=SHORT), pytest.param(50, marks=LONG)])
def test_no_call_fails_while_replicas_leave_with_their_sidecars_and_come_back(
    draining_mesh: Mesh, loads: dict[str, Load], stops: int
) -> None:
    leave_and_come_back(draining_mesh, loads, stops)
    assert [load.refused() for load in loads.values()] == [{}, {}]


@pytest.mark.parametrize("draining_mesh", ["false"], indirect=True)
@pytest.mark.parametrize("stops", [pytest.param(1, marks=SHORT), pytest.param(50, marks=LONG)])
def test_where_the_outbox_ends_with_its_replica_only_calls_by_http_can_fail_for_their_event(
    draining_mesh: Mesh, loads: dict[str, Load], stops: int
) -> None:
    leave_and_come_back(draining_mesh, loads, stops)
    for load in loads.values():
        for way, code, reason in load.refused():
            assert (way, code) == ("http", "503")
            assert "EVENT_NOT_CONFIRMED" in reason


@pytest.mark.parametrize("draining_mesh", ["true"], indirect=True)
@pytest.mark.parametrize("stops", [pytest.param(1, marks=SHORT), pytest.param(50, marks=LONG)])
def test_a_service_that_restarts_beside_its_sidecar_fails_calls_by_http_alone(
    draining_mesh: Mesh, loads: dict[str, Load], stops: int
) -> None:
    mesh = draining_mesh
    for _ in range(stops):
        await_answers(loads, 20)
        for name in LEAVERS:
            mesh.process(name).terminate()
        assert [mesh.process(name).wait(30) for name in LEAVERS] == [0, 0]
        for name in LEAVERS:
            mesh.launch_app(name)
        for name in LEAVERS:
            mesh.await_app(name)
    await_answers(loads, 20)
    # One for each replica of classify, which alone takes events.
    eventually(lambda: count_readers(mesh) <= 2, "readers end with their subscriptions")
    plain = {("http", "503"), ("http", "500")}
    for load in loads.values():
        assert {(way, code) for way, code, _ in load.refused()} <= plain
