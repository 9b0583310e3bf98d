"""Models in a real state store: replicas start from it, and none depends on it."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from classify.models import shipped_models
from installed import need
from mesh import ROOT, Mesh, Profile, eventually
from redis import Redis

SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
MODEL = shipped_models() / "digits/1/digits.tflite"
# The store's key of a blob begins with the app's own name.
KEY = "classify||"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose card names its digest."""
    (tmp_path / "models").mkdir()
    return describe(tmp_path / "models", MODEL)


@pytest.fixture
def running(folder: Path, tmp_path: Path) -> Iterator[Mesh]:
    need("redis-server", "apt-get install redis-server")
    env = {"classify": {"EVENTS": "off", "STATE_TIMEOUT": "1"}}
    (tmp_path / "mesh").mkdir()
    with Mesh(Profile.REDIS, tmp_path / "mesh", models=folder, env=env) as mesh:
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
    """Whether the store holds a value that is not damaged by us."""
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


def test_a_store_that_dies_costs_no_answer_and_delays_a_start_at_most(running: Mesh) -> None:
    assert seven(running)
    running.process("redis").kill()
    assert all(seven(running) for _ in range(20))
    running.restart_app("classify")
    assert seven(running)
    assert "models come from their origin" in running.process("classify").log()
