"""Versions of models through real sidecars: they come, go and fail while callers get answers."""

import hashlib
import json
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
from installed import need_module
from mesh import ROOT, Answer, Mesh, Profile
from processes import eventually, free_ports
from unit.classify.graphs import build_binary

from meshlens.classify.models import shipped_models
from meshlens.daprkit.client import Client

CALLERS = 8
CYCLES = 100
SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
# What a chopstick of 10 cm is: the float32 that TensorFlow's own session gives, in 12 digits.
TEN = [[3.98174306027e-11, 1.0, 1.83699980923e-18]]


def put(folder: Path, version: int) -> None:
    """Add a version like a slow copy: under a temporary name, renamed once complete."""
    shutil.copytree(shipped_models() / "digits/1", folder / "digits" / str(version))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models/digits").mkdir(parents=True)
    put(tmp_path / "models", 1)
    return tmp_path / "models"


@pytest.fixture
def running(folder: Path, tmp_path: Path) -> Iterator[Mesh]:
    env = {"classify": {"WATCH_SECONDS": "0.2"}}
    work = tmp_path / "mesh"
    work.mkdir()
    with Mesh(Profile.EMBEDDED, work, models=folder, env=env) as mesh:
        yield mesh


def ask(mesh: Mesh, method: str, verb: str = "GET", body: bytes = b"") -> dict[str, Any]:
    answer = mesh.call("pca", "classify", method, body, verb=verb)
    assert answer.status == 200, answer.text
    answered: dict[str, Any] = json.loads(answer.body)
    return answered


def states(mesh: Mesh) -> dict[str, str]:
    return dict(ask(mesh, "models/digits")["versions"])


@dataclass
class Callers:
    """Eight callers that never stop calling, and their answers."""

    mesh: Mesh
    versions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.threads = ThreadPoolExecutor(CALLERS)
        self.running = [self.threads.submit(self._call) for _ in range(CALLERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for caller in self.running:
            caller.result()
        self.threads.shutdown()

    def _call(self) -> None:
        while not self.stop.is_set():
            answer = self.mesh.call("pca", "classify", "classify?model=digits", SEVEN)
            if answer.status != 200:
                self.failures.append(answer.text)
                continue
            answered = json.loads(answer.body)
            self.versions.append(answered["version"])
            if answered["labels"][0]["label"] != "7":
                self.failures.append(answer.text)


def until(condition: Callable[[], bool], what: str) -> None:
    eventually(condition, what, within=60)


def test_a_new_version_takes_over_while_callers_ask_and_none_of_them_fails(
    running: Mesh, folder: Path
) -> None:
    with Callers(running) as callers:
        until(lambda: len(callers.versions) > 50, "version 1 is asked")
        put(folder, 2)
        until(lambda: states(running) == {"2": "AVAILABLE", "1": "END"}, "version 2 took over")
        after = len(callers.versions)
        until(lambda: len(callers.versions) > after + 50, "version 2 is asked")
        late = callers.versions[after + CALLERS :]
    assert callers.failures == []
    assert set(callers.versions) == {"1", "2"}
    assert set(late) == {"2"}


def test_a_version_replaced_in_place_takes_over_while_callers_ask_and_none_of_them_fails(
    running: Mesh, folder: Path
) -> None:
    file = folder / "digits/1/digits.tflite"
    changed = file.read_bytes() + b"other bytes behind the model"

    def shown() -> str:
        return str(ask(running, "models/digits")["sha256"])

    with Callers(running) as callers:
        until(lambda: len(callers.versions) > 50, "the first content is asked")
        file.write_bytes(changed)
        until(lambda: shown() == hashlib.sha256(changed).hexdigest(), "the new content took over")
        after = len(callers.versions)
        until(lambda: len(callers.versions) > after + 50, "the new content is asked")
        file.write_bytes(b"half a model")
        until(lambda: "replacement" in ask(running, "models/digits"), "the change is noticed")
        until(
            lambda: ask(running, "models/digits")["replacement"]["state"] == "END",
            "a content that cannot be loaded is named",
        )
        after = len(callers.versions)
        until(lambda: len(callers.versions) > after + 50, "the content before it answers on")
    assert callers.failures == []


def test_a_call_that_ends_its_model_is_refused_and_takes_nothing_along(
    running: Mesh, folder: Path
) -> None:
    (folder / "rest").mkdir()
    (folder / "rest/rest.tflite").write_bytes(build_binary("FLOOR_MOD"))
    (folder / "rest/card.yaml").write_text("task: tensor")

    def compute(a: list[int], b: list[int]) -> Answer:
        body = json.dumps({"inputs": {"a": a, "b": b}}).encode()
        return running.call("pca", "classify", "models/rest/predict", body)

    until(lambda: compute([7, 9], [4, 4]).status == 200, "the model answers")
    with Callers(running) as callers:
        until(lambda: len(callers.versions) > 10, "another model is asked")
        refused = compute([-(2**31), 1], [-1, 1])
        assert (refused.status, "SIGFPE" in refused.text) == (400, True)
        until(lambda: compute([7, 9], [4, 4]).status == 200, "the model answers again")
    assert callers.failures == []


def test_a_version_that_cannot_be_loaded_is_named_and_harms_nobody(
    running: Mesh, folder: Path
) -> None:
    (folder / "digits/2").mkdir()
    (folder / "digits/2/digits.tflite").write_bytes(b"half a model")
    until(lambda: states(running).get("2") == "END", "version 2 has failed")
    assert "TFL3" in ask(running, "models/digits/versions/2")["error"]
    refused = running.call("pca", "classify", "classify?model=digits@2", SEVEN)
    assert refused.status == 400
    assert "TFL3" in refused.text
    assert ask(running, "classify", "POST", SEVEN)["version"] == "1"


def test_a_hundred_loads_and_unloads_leave_no_memory_behind(running: Mesh, folder: Path) -> None:
    put(folder, 2)
    until(lambda: states(running) == {"2": "AVAILABLE", "1": "END"}, "version 2 took over")
    process = psutil.Process(running.process("classify").pid)

    def cycle() -> None:
        assert ask(running, "models/digits/versions/1/load", "POST")["state"] == "AVAILABLE"
        assert ask(running, "classify?model=digits@1", "POST", SEVEN)["version"] == "1"
        assert ask(running, "models/digits/versions/1/unload", "POST")["state"] == "END"

    for _ in range(10):
        cycle()
    before = process.memory_info().rss
    for _ in range(CYCLES):
        cycle()
    assert process.memory_info().rss <= 1.05 * before
    assert ask(running, "classify", "POST", SEVEN)["version"] == "2"


def test_a_budget_swaps_models_and_counts_how_often(folder: Path, tmp_path: Path) -> None:
    (folder / "digits").rename(folder / "a")
    shutil.copytree(folder / "a", folder / "b")
    size = (shipped_models() / "digits/1/digits.tflite").stat().st_size
    metrics = next(free_ports())
    env = {"MODEL_BUDGET": str(size), "METRICS_PORT": str(metrics), "DEFAULT_MODEL": "b"}
    work = tmp_path / "mesh"
    work.mkdir()

    def answers(mesh: Mesh, model: str) -> bool:
        return mesh.call("pca", "classify", f"classify?model={model}", SEVEN).status == 200

    with Mesh(Profile.EMBEDDED, work, models=folder, env={"classify": env}) as mesh:
        for model in ("a", "b", "a"):
            until(lambda model=model: answers(mesh, model), f"{model} is loaded again")  # type: ignore[misc] # mypy cannot infer a lambda with a default
        assert ask(mesh, "models/b")["state"] == "END"
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics") as answer:
            lines = answer.read().decode().splitlines()
    assert "meshlens_evictions_total 3.0" in lines


def test_tensorflow_models_answer_through_the_sidecar(shared: Path, tmp_path: Path) -> None:
    need_module("tensorflow", "uv sync --group train")
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("chopstick", "mtcnn"):
        shutil.copytree(shared / "models" / name, folder / name)
    shutil.copytree(shipped_models() / "digits", folder / "digits")
    work = tmp_path / "mesh"
    work.mkdir()
    with Mesh(Profile.EMBEDDED, work, models=folder) as mesh:
        method = "models/chopstick/predict"
        body = b'{"signature": "serving_default", "inputs": {"chopstick_length": [[10.0]]}}'
        answered = ask(mesh, method, "POST", body)
        assert answered["version"] == "1"
        with Client(f"127.0.0.1:{mesh.grpc_port('pca')}") as client:
            assert json.loads(client.invoke("classify", method, body, timeout=30).body) == answered
        assert answered["outputs"]["classes_prob"] == TEN
        for line in mesh.process("classify").log().splitlines():
            assert json.loads(line)["service"] == "classify"
        states = {model["model"]: model["state"] for model in ask(mesh, "models")["models"]}
        assert states == {"chopstick": "AVAILABLE", "digits": "AVAILABLE", "mtcnn": "AVAILABLE"}
        assert ask(mesh, "models/mtcnn")["signatures"]["serving_default"]["inputs"][0]["name"] == (
            "input"
        )
        (host,) = psutil.Process(mesh.process("classify").pid).children()
        host.kill()
        lost = mesh.call("pca", "classify", method, body)
        assert (lost.status, "try again" in lost.text) == (503, True)
        assert mesh.call("pca", "classify", "classify?model=digits", SEVEN).status == 200
        until(
            lambda: mesh.call("pca", "classify", method, body).status == 200,
            "the lost model is loaded again",
        )
