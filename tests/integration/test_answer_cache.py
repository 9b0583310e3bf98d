"""Kept answers in a real state store: replicas share them, and no answer depends on the store."""

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from installed import need
from mesh import ROOT, Mesh, Profile
from processes import eventually, free_ports
from redis import Redis

from meshlens.classify.models import shipped_models

SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
KEYS = "classify||answer-*"
SECONDS = 300


@pytest.fixture
def metrics() -> int:
    return next(free_ports())


@pytest.fixture
def running(tmp_path: Path, metrics: int) -> Iterator[Mesh]:
    need("redis-server", "apt-get install redis-server")
    env = {
        "EVENTS": "off",
        "METRICS_PORT": str(metrics),
        "ANSWER_CACHE": "16Mi",
        "ANSWER_CACHE_STORE": "true",
        "ANSWER_CACHE_SECONDS": str(SECONDS),
    }
    models = shipped_models()
    with Mesh(Profile.REDIS, tmp_path, models=models, env={"classify": env}) as mesh:
        yield mesh


@pytest.fixture
def store(running: Mesh) -> Redis:
    return Redis(port=running.redis_port)


def ask(mesh: Mesh, top: int = 5) -> str:
    """Return what the service answers to the same picture, once it is what it should be."""
    answer = mesh.call("pca", "classify", f"classify?model=digits&top_k={top}", SEVEN)
    assert answer.status == 200
    labels = json.loads(answer.body)["labels"]
    assert (labels[0]["label"], len(labels)) == ("7", top)
    return answer.text


def count(metrics: int) -> tuple[int, int]:
    """Return how often an answer was kept, and how often none was."""
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if 'cache="answer_cache"' in line)
    hits, misses = (
        values[f'meshlens_cache_{name}_total{{cache="answer_cache"}}']
        for name in ("hits", "misses")
    )
    return int(float(hits)), int(float(misses))


def kept(store: Redis) -> list[bytes | str]:
    return list(store.keys(KEYS))


def test_an_answer_outlives_the_service_and_ends_by_itself(
    running: Mesh, store: Redis, metrics: int
) -> None:
    first = ask(running)
    assert ask(running) == first
    assert count(metrics) == (1, 1)
    again = running.call("pca", "classify", "classify?model=digits&top_k=5", SEVEN)
    headers = {name.lower(): value for name, value in again.headers.items()}
    assert headers["cache-status"] == "meshlens; hit"
    (key,) = eventually(lambda: kept(store), "the answer is in the store")
    assert 0 < store.ttl(key) <= SECONDS
    running.restart_app("classify")
    assert ask(running) == first
    assert count(metrics) == (1, 0)


@pytest.mark.parametrize("damage", [b"garbage", b'{"labels": []}', b""])
def test_a_damaged_answer_is_computed_again(
    running: Mesh, store: Redis, metrics: int, damage: bytes
) -> None:
    first = ask(running)
    (key,) = eventually(lambda: kept(store), "the answer is in the store")
    whole = store.hget(key, "data")
    store.hset(key, "data", damage)
    running.restart_app("classify")
    assert ask(running) == first
    assert count(metrics) == (0, 1)

    def is_whole() -> bool:
        data = store.hget(key, "data")
        assert isinstance(data, bytes)
        assert isinstance(whole, bytes)
        return len(data) == len(whole)

    eventually(is_whole, "it is whole again")


def test_the_answer_to_another_question_is_none_to_this_one(
    running: Mesh, store: Redis, metrics: int
) -> None:
    ask(running, top=5)
    (first,) = eventually(lambda: kept(store), "the first is in the store")
    ask(running, top=3)
    eventually(lambda: len(kept(store)) == 2, "the second is in the store")
    (second,) = set(kept(store)) - {first}
    other = store.hget(second, "data")
    assert isinstance(other, bytes)
    store.hset(first, "data", other)
    running.restart_app("classify")
    ask(running, top=5)
    assert count(metrics) == (0, 1)


def test_a_store_that_dies_costs_no_answer(running: Mesh, metrics: int) -> None:
    running.process("redis").kill()
    for top in range(1, 10):
        ask(running, top)
    assert count(metrics) == (0, 9)
    ask(running, 9)
    assert count(metrics) == (1, 9)


def test_a_store_that_hangs_is_left_alone_after_one_answer(running: Mesh, metrics: int) -> None:
    redis = psutil.Process(running.process("redis").pid)
    redis.send_signal(signal.SIGSTOP)
    try:
        for top in range(1, 10):
            ask(running, top)
    finally:
        redis.send_signal(signal.SIGCONT)
    assert count(metrics) == (0, 9)
    log = running.process("classify").log()
    assert log.count("answers are not shared for 30 s") == 1
