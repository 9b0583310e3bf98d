"""Fixtures that start the real mesh, one pair of sidecars for each module."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dapr_run import dapr_runtime
from history.stage import Stage
from installed import need
from mesh import Mesh, Profile
from statuses import Statuses, statuses_mesh

from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.sidecar.channel import Sidecar

_HERE = Path(__file__).parent


def pytest_collection_finish(session: pytest.Session) -> None:
    """Find or build Dapr's programs before any test's time limit runs."""
    here = any(_HERE in item.path.parents for item in session.items)
    if here and not session.config.option.collectonly:
        dapr_runtime()
        if shutil.which("go") and any(item.path.stem == "test_mtls" for item in session.items):
            dapr_runtime("sentry")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Append the logs of the mesh to the report of a failed test."""
    report: pytest.TestReport = yield  # type: ignore[assignment] # a wrapper receives the report
    if report.failed and isinstance(item, pytest.Function):
        for value in item.funcargs.values():
            mesh = value.mesh if isinstance(value, Stage | Statuses) else value
            if isinstance(mesh, Mesh):
                report.sections.extend((f"log of {name}", log) for name, log in mesh.logs.items())
    return report  # type: ignore[return-value] # a wrapper hands the report on


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services with the embedded components, enough for most tests."""
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture(scope="module")
def redis_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services with a real Redis for state and events."""
    need("redis-server", "apt-get install redis-server")
    with Mesh(Profile.REDIS, tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module", params=list(Profile))
def each_mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mesh]:
    """Both profiles in turn, for behaviour that must not depend on the components."""
    if request.param is Profile.REDIS:
        need("redis-server", "apt-get install redis-server")
    with Mesh(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(scope="module")
def statuses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Statuses]:
    """The mesh in which each status can be provoked."""
    with statuses_mesh(tmp_path_factory.mktemp("statuses")) as running:
        yield running


@pytest.fixture(scope="module")
def sidecar(each_mesh: Mesh) -> Iterator[Sidecar]:
    """The API of pca's own sidecar, as the service uses it."""
    sidecar = Sidecar(ServerSettings(dapr_grpc_port=each_mesh.grpc_port("pca")))
    yield sidecar
    sidecar.close()
