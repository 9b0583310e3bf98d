"""Models in a real state store: replicas start from it, but none depends on it."""

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from installed import need
from mesh import ROOT, Mesh, Profile
from processes import eventually
from redis import Redis
from stall import Stall

from meshlens.classify.models import shipped_models
from meshlens.daprkit.settings import MIB

SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
MODEL = shipped_models() / "digits/1/digits.tflite"
# The store's key of a blob begins with the app's own name.
KEY = "classify||"
# How long a load waits for the store at most, here.
STATE_TIMEOUT = 1.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose card gives its digest."""
    (tmp_path / "models").mkdir()
    return describe(tmp_path / "models", MODEL)


@pytest.fixture
def stall() -> Iterator[Stall]:
    """The proxy between the sidecars and Redis."""
    with Stall() as stall:
        yield stall


@pytest.fixture
def running(folder: Path, tmp_path: Path, stall: Stall) -> Iterator[Mesh]:
    need("redis-server", "apt-get install redis-server")
    (tmp_path / "mesh").mkdir()
    mesh = Mesh(
        Profile.REDIS,
        tmp_path / "mesh",
        models=folder,
        env={"classify": {"EVENTS": "off", "STATE_TIMEOUT": str(STATE_TIMEOUT)}},
        sidecar_env={"REDIS_HOST": f"127.0.0.1:{stall.port}"},
    )
    stall.upstream = mesh.redis_port
    with mesh:
        yield mesh


@pytest.fixture
def store(running: Mesh) -> Redis:
    return Redis(port=running.redis_port)


def describe(folder: Path, model: Path) -> Path:
    shutil.copy(model, folder / "m.tflite")
    (folder / "m.yaml").write_text(
        f"model: {{path: m.tflite}}\nsource: {{sha256: '{name(model)}'}}"
    )
    return folder


def name(model: Path) -> str:
    return hashlib.sha256(model.read_bytes()).hexdigest()


def kept(store: Redis, name: str) -> bool:
    """Whether the store holds a value other than the one damaged by the test."""
    data = store.hget(f"{KEY}{name}", "data")
    return data not in (None, b"", b"garbage")


def seven(mesh: Mesh) -> bool:
    answer = mesh.call("pca", "classify", "classify", SEVEN)
    return answer.status == 200 and json.loads(answer.body)["labels"][0]["label"] == "7"


def test_a_replica_starts_without_the_origin(running: Mesh, store: Redis, folder: Path) -> None:
    eventually(lambda: kept(store, name(MODEL)), "the model is in the store")
    (folder / "m.tflite").unlink()
    running.restart_app("classify")
    assert seven(running)
    assert "is in the state store" in running.process("classify").log()


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_model_is_fetched_again(
    running: Mesh, store: Redis, folder: Path, damage: bytes
) -> None:
    eventually(lambda: kept(store, name(MODEL)), "the model is in the store")
    store.hset(f"{KEY}{name(MODEL)}", "data", damage)
    running.restart_app("classify")
    assert seven(running)
    assert "is from its origin" in running.process("classify").log()
    eventually(lambda: kept(store, name(MODEL)), "the model is whole again")
    (folder / "m.tflite").unlink()
    running.restart_app("classify")
    assert seven(running)


def test_a_lost_or_damaged_chunk_is_fetched_again(
    running: Mesh, store: Redis, folder: Path, shared: Path
) -> None:
    model = shared / "models/mobilenet_v2/mobilenet_v2_1.0_224_quant.tflite"
    describe(folder, model)
    second = f"{KEY}{name(model)}-1"
    running.restart_app("classify")
    eventually(lambda: kept(store, name(model)), "the model is in the store")
    store.hset(second, "data", b"garbage")
    running.restart_app("classify")
    eventually(lambda: kept(store, f"{name(model)}-1"), "the damaged chunk is whole again")
    store.delete(second)
    running.restart_app("classify")
    assert "is from its origin" in running.process("classify").log()
    eventually(lambda: kept(store, f"{name(model)}-1"), "the chunk is whole again")


def loading_seconds(mesh: Mesh, model: str) -> float:
    """How long the service took from LOADING to AVAILABLE, by its own log."""
    lines = [json.loads(line) for line in mesh.process("classify").log().splitlines()]
    times = {line["event"]: datetime.fromisoformat(line["timestamp"]) for line in lines}
    prefix = f"model {model} version 1 is"
    return (times[f"{prefix} AVAILABLE"] - times[f"{prefix} LOADING"]).total_seconds()


def hold(_: Mesh) -> None:
    """Wait until the store has stopped answering, in the middle of a value."""


def kill(mesh: Mesh) -> None:
    mesh.process("redis").kill()


@pytest.mark.parametrize("then", [hold, kill])
@pytest.mark.parametrize("size", [100, MIB + MIB // 2])
def test_a_store_that_fails_in_the_middle_of_a_cold_load_delays_it_by_its_timeout_once(
    running: Mesh,
    stall: Stall,
    store: Redis,
    folder: Path,
    shared: Path,
    size: int,
    then: Callable[[Mesh], None],
) -> None:
    model = shared / "models/mobilenet_v2/mobilenet_v2_1.0_224_quant.tflite"
    describe(folder, model)
    running.restart_app("classify")
    eventually(lambda: kept(store, name(model)), "the model is in the store")
    running.kill_app("classify")
    stall.after(size)
    running.launch_app("classify")
    assert stall.reached.wait(30)
    then(running)
    running.await_app("classify")
    log = running.process("classify").log()
    assert "is in the state store" not in log
    assert "is from its origin" in log
    assert loading_seconds(running, "m") < STATE_TIMEOUT + 3


def test_a_store_that_dies_costs_no_answer_and_delays_a_start_at_most(running: Mesh) -> None:
    assert seven(running)
    running.process("redis").kill()
    assert all(seven(running) for _ in range(20))
    running.restart_app("classify")
    assert seven(running)
    assert "models come from their origin" in running.process("classify").log()


def test_a_store_that_hangs_delays_no_answer(running: Mesh) -> None:
    assert seven(running)
    redis = psutil.Process(running.process("redis").pid)
    redis.send_signal(signal.SIGSTOP)
    for _ in range(20):
        began = time.monotonic()
        assert seven(running)
        assert time.monotonic() - began < STATE_TIMEOUT
    redis.send_signal(signal.SIGCONT)
