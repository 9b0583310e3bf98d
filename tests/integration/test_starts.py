"""Starts and restarts in any order: each heals by itself, and says until then what is missing."""

import hashlib
import http.client
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from constant_load import results
from installed import need
from mesh import ROOT, Answer, Mesh, Profile
from processes import eventually, free_ports

from meshlens.daprkit.client import AppUnavailable, Client

pytestmark = pytest.mark.timeout(300)

SERVICES = ("pca", "classify")
PATIENCE = 60.0
DIGIT = (ROOT / "services/classify/samples/digit-7.png").read_bytes()


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The components of the profile redis, in a folder whose files come and go."""
    return shutil.copytree(
        ROOT / "components" / Profile.REDIS, tmp_path_factory.mktemp("starts") / "components"
    )


@pytest.fixture(scope="module")
def mesh(components: Path) -> Iterator[Mesh]:
    """A mesh whose sidecars look for a scheduler that never comes."""
    need("redis-server", "apt-get install redis-server")
    scheduler = f"127.0.0.1:{next(free_ports())}"
    with Mesh(
        Profile.REDIS,
        components.parent,
        components=components,
        sidecar_flags=("--scheduler-host-address", scheduler),
    ) as running:
        yield running


def points() -> bytes:
    return ",".join(str(byte) for byte in uuid.uuid4().bytes[:12]).encode()


def call(mesh: Mesh, via: str, path: str, body: bytes) -> Answer | None:
    """Post to the HTTP API of a sidecar; return None while it is away."""
    connection = http.client.HTTPConnection("127.0.0.1", mesh.http_port(via), timeout=PATIENCE)
    try:
        head = {"content-type": "application/octet-stream"}
        connection.request("POST", f"/v1.0/{path}", body, head)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    except OSError:
        return None
    finally:
        connection.close()


def fit(mesh: Mesh, body: bytes) -> Answer | None:
    """Store a fit, which needs pca, its sidecar and the state store."""
    return call(mesh, "classify", "invoke/pca/method/fit", body)


def await_whole(mesh: Mesh) -> None:
    """Wait until state, events and subscription serve again."""
    for name in SERVICES:
        mesh.await_app(name)
    body = points()

    def is_stored() -> bool:
        said = fit(mesh, body)
        return said is not None and said.status == 200

    eventually(is_stored, "a fit is stored", within=PATIENCE)
    eventually(lambda: digest(body) in results(mesh), "its event arrives", within=PATIENCE)
    pictures: set[str] = set()

    def is_delivered() -> bool:
        # After a pause, daprd keeps the first event back for the processingTimeout, a minute.
        picture = DIGIT + uuid.uuid4().bytes
        call(mesh, "classify", "publish/pubsub/images", picture)
        pictures.add(digest(picture))
        return not pictures.isdisjoint(results(mesh))

    eventually(is_delivered, "a picture has its result", within=PATIENCE)


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def await_refusal(mesh: Mesh, words: str) -> None:
    """Wait until pca refuses what needs state, and says why."""
    answers: list[str] = []

    def refuses() -> bool:
        said = fit(mesh, points())
        if said is not None and said.status == 503:
            answers.append(said.text)
        return bool(answers) and words in answers[-1]

    try:
        eventually(refuses, f"a refusal that says {words!r}", within=PATIENCE)
    except TimeoutError:
        pytest.fail(f"expected {words!r} in one of {answers}")


def says(mesh: Mesh, name: str, words: str) -> Callable[[], bool]:
    return lambda: words in mesh.process(name).log()


def kill_all(mesh: Mesh) -> None:
    for name in SERVICES:
        mesh.kill_sidecar(name)
        mesh.kill_app(name)


def refuse(mesh: Mesh, method: str, body: bytes) -> str:
    """Return what pca says at its own port when it refuses a call."""
    with (
        Client(f"127.0.0.1:{mesh.app_port('pca')}") as client,
        pytest.raises(AppUnavailable) as fault,
    ):
        client.invoke("pca", method, body, timeout=30)
    return fault.value.message


# The cases: each leaves a mesh that should heal.


def start_apps_first(mesh: Mesh, _components: Path) -> None:
    kill_all(mesh)
    for name in SERVICES:
        mesh.launch_app(name)
    address = f"127.0.0.1:{mesh.grpc_port('pca')}"
    eventually(says(mesh, "pca", "no sidecar answers"), "pca says so", within=PATIENCE)
    log = mesh.process("pca").log()
    assert log.count("no sidecar answers") == 1
    assert address in log
    with Client(f"127.0.0.1:{mesh.app_port('pca')}") as client:
        assert client.invoke("pca", "plot", points()).body
    said = refuse(mesh, "fit", points())
    assert f"there is no sidecar at {address}; start the service beside a sidecar" in said
    for name in SERVICES:
        mesh.start_sidecar(name)


def start_sidecars_first(mesh: Mesh, _components: Path) -> None:
    kill_all(mesh)
    for name in SERVICES:
        mesh.start_sidecar(name)
    for name in SERVICES:
        waits = "This will block until the app is listening"
        eventually(says(mesh, f"{name}-daprd", waits), "the sidecar waits", within=PATIENCE)
        mesh.launch_app(name)


def restart_sidecars(mesh: Mesh, _components: Path) -> None:
    for name in SERVICES:
        mesh.kill_sidecar(name)
    for name in SERVICES:
        mesh.start_sidecar(name)


def restart_apps(mesh: Mesh, _components: Path) -> None:
    for name in SERVICES:
        mesh.kill_app(name)
    for name in SERVICES:
        unhealthy = says(mesh, f"{name}-daprd", "App entered un-healthy")
        eventually(unhealthy, "the sidecar misses its app", within=PATIENCE)
        mesh.launch_app(name)


def restart_redis(mesh: Mesh, _components: Path) -> None:
    mesh.process("redis").kill()
    await_refusal(mesh, "state store 'statestore' must answer")
    mesh.start_redis()


def start_redis_last(mesh: Mesh, components: Path) -> None:
    mesh.process("redis").kill()
    for name in SERVICES:
        mesh.kill_sidecar(name)
        mesh.start_sidecar(name)
    for name in SERVICES:
        mesh.await_app(name)
    await_refusal(mesh, "state store statestore is not configured")
    mesh.start_redis()
    # Sidecars look for themselves each minute, and when a file changes.
    for file in components.iterdir():
        file.touch()


def add_components_later(mesh: Mesh, components: Path) -> None:
    files = {path: path.read_text() for path in components.iterdir()}
    for path in files:
        path.unlink()
    await_refusal(mesh, "state store statestore is not configured")
    for path, text in files.items():
        path.write_text(text)


CASES = (
    start_apps_first,
    start_sidecars_first,
    restart_sidecars,
    restart_apps,
    restart_redis,
    start_redis_last,
    add_components_later,
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_it_heals(case: Callable[[Mesh, Path], None], mesh: Mesh, components: Path) -> None:
    case(mesh, components)
    await_whole(mesh)
