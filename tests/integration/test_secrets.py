"""Address and password of a Redis, and of the recorder's database, come from a secret store."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import redis
from installed import need
from integration.recording import Postgres, Recorder
from mesh import ROOT, Mesh, Profile
from processes import Process, eventually, free_ports, is_listening

EXAMPLE = ROOT / "examples" / "secrets"
PASSWORD = "swordfish-of-the-broker"
POINTS = b"1,2,3,5,4,4,9,1"


@dataclass(frozen=True)
class Sealed:
    """A mesh whose sidecars know the secrets from the store alone."""

    mesh: Mesh
    broker: "redis.Redis"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    folder, port = tmp_path_factory.mktemp("sealed"), next(free_ports())
    server = need("redis-server", "apt-get install redis-server")
    flags = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD]
    with ExitStack() as stack:
        running = Process("redis", [server, *flags], folder=folder, env=os.environ)
        stack.callback(running.kill)
        database = stack.enter_context(closing(Postgres()))
        database.start()
        eventually(lambda: is_listening(port), "redis-server listens")
        secrets = {
            "redis": {"host": f"127.0.0.1:{port}", "password": PASSWORD},
            "records": {"connection": database.address},
        }
        (folder / ".dapr").mkdir()
        (folder / ".dapr" / "secrets.json").write_text(json.dumps(secrets))
        mesh = Mesh(Profile.EMBEDDED, folder, components=EXAMPLE, services=("pca",))
        stack.enter_context(mesh)
        yield Sealed(mesh, stack.enter_context(redis.Redis(port=port, password=PASSWORD)))


def test_fits_and_events_reach_the_redis_whose_password_is_in_the_store(sealed: Sealed) -> None:
    answer = sealed.mesh.call("pca", "pca", "fit", POINTS)
    assert answer.status == 200, answer.text
    fit = json.loads(answer.body)["id"]
    assert sealed.broker.exists(f"pca||{fit}")

    def published() -> list[Any]:
        entries: Any = sealed.broker.xrange("results")
        return [json.loads(fields[b"data"]) for _, fields in entries]

    event, *_ = eventually(published, "the event")
    assert event["data"]["result"]["fit"] == fit


def test_the_recorder_has_its_connection_from_the_store(sealed: Sealed) -> None:
    assert sealed.mesh.call("pca", "pca", "plot", POINTS).status == 200
    with closing(Recorder(sealed.mesh, "binding:records", ["resources"], {}, EXAMPLE)) as recorder:
        recorder.await_database()
        window = {"from": "2000-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}

        def find() -> list[str]:
            seen = recorder.ask(**window, service="pca")[1]["events"]
            return [event["data"]["method"] for event in seen]

        eventually(lambda: "plot" in find(), "the event is recorded")


def test_a_sidecar_shows_nobody_what_its_components_may_read(sealed: Sealed) -> None:
    store = f"{sealed.mesh.http('pca')}/v1.0/secrets/secrets"
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{store}/redis")  # noqa: S310 - of this host
    refused.value.close()
    assert refused.value.code == 403
    with urlopen(f"{store}/bulk") as answer:  # noqa: S310 - of this host
        assert json.loads(answer.read()) == {}
    assert not any(PASSWORD in log for log in sealed.mesh.logs.values())
