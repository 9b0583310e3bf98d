"""A model that may end its process runs in one of its own, and takes nothing along."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
from processes import eventually
from unit.classify.engines.workers import leaving_no_worker, workers
from unit.classify.graphs import Graph, Node, Step, build_binary, build_graphs, build_scaled

from meshlens.classify.engines import opening, worker_calls, worker_process
from meshlens.classify.engines.bounds import NO_BOUNDS, Bounds, within
from meshlens.classify.engines.engine import Elsewhere, Engine
from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import (
    EngineCrashed,
    EngineGone,
    InvalidModel,
    InvalidTensor,
    ModelTooSlow,
    OutputTooLarge,
)
from meshlens.classify.formats.card import Kind
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import State

LEAST = -(2**31)
FILL = build_graphs(
    Graph(
        [Node("n", (1,), "int32"), Node("value", ()), Node("y", (-1,))],
        [Step("FILL", ("n", "value"), ("y",))],
        ["n", "value"],
        ["y"],
    )
)


pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    with leaving_no_worker():
        yield


def open_tflite(data: bytes, bounds: Bounds = NO_BOUNDS) -> Engine:
    return open_engine(Kind.TFLITE, data, (), (), workers=2, bounds=bounds)


def compute(engine: Engine, a: list[int], b: list[int]) -> list[int]:
    (signature,) = engine.signatures.values()
    given = {"a": np.array(a, np.int32), "b": np.array(b, np.int32)}
    answer: list[int] = signature.run(given)["c"].tolist()
    return answer


def fill(engine: Engine, n: int) -> int:
    (signature,) = engine.signatures.values()
    given = {"n": np.array([n], np.int32), "value": np.array(1, np.float32)}
    return signature.run(given)["y"].size


def test_a_model_without_risk_runs_in_this_process(digits: bytes) -> None:
    engine = open_tflite(digits)
    assert isinstance(engine, LiteRtEngine)
    assert not workers()
    engine.close()


def test_a_model_that_dies_of_its_inputs_says_so_and_takes_no_other_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        engine, other = open_tflite(build_binary("FLOOR_MOD")), open_tflite(build_binary("DIV"))
    assert "process of its own: it has FLOOR_MOD of integers" in caplog.text
    assert len(workers()) == 2
    assert compute(engine, [7, -7], [4, 4]) == [3, 1]
    with pytest.raises(EngineCrashed, match=r"cannot compute with these inputs.*SIGFPE"):
        compute(engine, [LEAST, 1], [-1, 1])
    with pytest.raises(EngineGone, match="try again"):
        compute(engine, [7, 7], [4, 4])
    assert compute(other, [8, 9], [2, 3]) == [4, 3]
    engine.close()
    other.close()


def test_a_model_that_has_died_is_loaded_again(tmp_path: Path) -> None:
    (tmp_path / "mod.tflite").write_bytes(build_binary("FLOOR_MOD"))
    (tmp_path / "mod.yaml").write_text("{model: {path: mod.tflite}, task: tensor}")

    def open_any(*model: object) -> Engine:
        return open_tflite(bytes(model[1]))  # type: ignore[call-overload] # the bytes of the file

    repository = Repository(tmp_path, open_any)
    repository.start(lambda _: None)

    def ask(a: list[int], b: list[int]) -> list[int]:
        with repository.lease("mod") as servable:
            assert servable.loaded
            return compute(servable.loaded.engine, a, b)

    def available() -> bool:
        return repository.describe("mod").state is State.AVAILABLE

    eventually(available, "the model is loaded", within=60)
    with pytest.raises(EngineCrashed):
        ask([LEAST, 1], [-1, 1])
    eventually(available, "the model is loaded again", within=60)
    assert ask([9, 9], [4, 5]) == [1, 4]
    repository.unload("mod", "1")
    repository.stop()


def test_a_model_whose_process_is_killed_is_loaded_again_though_nobody_calls_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "mod.tflite").write_bytes(build_binary("FLOOR_MOD"))
    (tmp_path / "mod.yaml").write_text("{model: {path: mod.tflite}, task: tensor}")
    seen: Queue[State] = Queue()

    def open_any(*model: object) -> Engine:
        return open_tflite(bytes(model[1]))  # type: ignore[call-overload] # the bytes of the file

    repository = Repository(tmp_path, open_any)
    repository.start(lambda servable: seen.put(servable.state))
    assert [seen.get(timeout=60) for _ in range(2)] == [State.LOADING, State.AVAILABLE]
    (worker,) = workers()
    worker.kill()
    assert [seen.get(timeout=60) for _ in range(3)] == [
        State.START,
        State.LOADING,
        State.AVAILABLE,
    ]
    repository.unload("mod", "1")
    repository.stop()


def test_of_calls_at_the_same_time_none_is_blamed_for_the_end() -> None:
    engine = open_tflite(build_binary("FLOOR_MOD"))
    with ThreadPoolExecutor(2) as callers:
        calls = [callers.submit(compute, engine, [LEAST, 1], [-1, 1]) for _ in range(2)]
    for call in calls:
        with pytest.raises(EngineGone):
            call.result()
    engine.close()


def test_memory_beyond_the_bound_is_refused_and_the_process_lives() -> None:
    engine = open_tflite(FILL, Bounds(memory=200_000_000))
    assert fill(engine, 1000) == 1000
    with pytest.raises(InvalidTensor, match="cannot compute with these inputs"):
        fill(engine, 500_000_000)
    assert fill(engine, 1000) == 1000
    engine.close()


def test_an_answer_with_more_numbers_than_the_bound_is_refused() -> None:
    engine = open_tflite(FILL, Bounds(numbers=1000))
    assert fill(engine, 1000) == 1000
    with pytest.raises(OutputTooLarge, match=r"at most 1000 numbers.*got 1001; .*MAX_BODY"):
        fill(engine, 1001)
    engine.close()


def test_a_file_that_litert_cannot_run_leaves_no_process() -> None:
    with pytest.raises(InvalidModel, match="LiteRT cannot run the model"):
        open_tflite(b"no model")
    assert not workers()


def test_a_call_that_takes_longer_than_its_request_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_calls, "_TICK_SECONDS", 0.05)
    engine = open_tflite(FILL)
    (worker,) = workers()
    worker.suspend()
    # Only then have all its threads stopped.
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WNOWAIT)
    with pytest.raises(ModelTooSlow, match="within the time of the request"), within(-60):
        fill(engine, 1)
    engine.close()


def test_a_large_model_runs_in_another_process_and_goes_there_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = build_scaled(3.0)
    monkeypatch.setattr(opening, "LARGEST_HERE", len(data))
    monkeypatch.setattr(worker_process, "_PART_BYTES", 100)
    assert len(data) > 300
    here = open_tflite(data)
    monkeypatch.setattr(opening, "LARGEST_HERE", len(data) - 1)
    there = open_tflite(data)
    assert isinstance(here, LiteRtEngine)
    assert isinstance(there, Elsewhere)
    assert [worker.pid for worker in workers()] == [there.pid]
    for engine in (here, there):
        (function,) = engine.signatures.values()
        assert function.run({"x": np.array([2.0], np.float32)})["y"].tolist() == [6.0]
        engine.close()
