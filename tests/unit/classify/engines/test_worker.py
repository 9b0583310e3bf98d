"""TensorFlow in a process of its own: same answers, same errors, and an end of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from installed import need_module
from processes import eventually
from unit.classify.engines.workers import leaving_no_worker, workers

from meshlens.classify.engines.batching import batch_requests
from meshlens.classify.engines.bounds import Bounds, within
from meshlens.classify.engines.engine import Engine
from meshlens.classify.engines.worker_calls import GRACE_SECONDS
from meshlens.classify.engines.worker_client import WorkerClient
from meshlens.classify.errors import (
    EngineGone,
    InvalidModel,
    InvalidTensor,
    ModelTooSlow,
    NotEnoughMemory,
    OutputTooLarge,
)
from meshlens.classify.formats.card import Kind
from meshlens.classify.formats.packing import pack
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import State

pytestmark = pytest.mark.slow

# Seconds in which a process with TensorFlow starts, even where all cores have other work.
STARTS = 60
MAKE = """
import sys, tensorflow as tf
model = tf.Module()
model.double = tf.function(
    lambda whole: {"twice": whole + whole}, input_signature=[tf.TensorSpec([None], tf.int32)]
)
model.zeros = tf.function(
    lambda n: {"zeros": tf.zeros(n)}, input_signature=[tf.TensorSpec([1], tf.int32)]
)
model.wait = tf.function(
    lambda n: {"end": tf.while_loop(lambda at: at < n, lambda at: [at + 1], [n - n])[0]},
    input_signature=[tf.TensorSpec([], tf.int64)],
)
tf.saved_model.save(
    model,
    sys.argv[1],
    signatures={"double": model.double, "zeros": model.zeros, "wait": model.wait},
)
"""
# Opens a model, says which process has it, and waits to be killed.
OPEN = """
import sys
from pathlib import Path
import psutil
from meshlens.classify.formats.card import Kind
from meshlens.classify.engines.worker_client import WorkerClient
from meshlens.classify.formats.packing import pack
engine = WorkerClient(1).open(Kind.SAVED_MODEL, pack(Path(sys.argv[1])), (), ())
print(psutil.Process().children()[0].pid, flush=True)
sys.stdin.read()
"""

# Opens what is no model, with the log of a service.
LOG = """
from meshlens.classify.formats.card import Kind
from meshlens.classify.engines.worker_client import WorkerClient
from meshlens.classify.errors import InvalidModel
from meshlens.daprkit.telemetry.logs import configure_logs
configure_logs("classify", "DEBUG")
try:
    WorkerClient(1).open(Kind.FROZEN_GRAPH, b"no graph", (), ())
except InvalidModel:
    pass
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel that doubles, made by a TensorFlow that has ended."""
    need_module("tensorflow", "uv sync --group train")
    made = tmp_path_factory.mktemp("double")
    subprocess.run([sys.executable, "-c", MAKE, made], check=True, capture_output=True)
    return made


@pytest.fixture
def client() -> Iterator[WorkerClient]:
    with leaving_no_worker():
        yield WorkerClient(2, Bounds(memory=1_000_000_000, numbers=1_000_000))


def open_model(client: WorkerClient, folder: Path) -> Engine:
    return client.open(Kind.SAVED_MODEL, pack(folder), (), ())


def double(engine: Engine, numbers: object) -> Any:  # noqa: ANN401 - an array of any type
    return engine.signatures["double"].run({"whole": np.array(numbers, np.int32)})["twice"]


def test_it_answers_any_number_of_threads(
    client: WorkerClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests import it.
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    engine = open_model(client, folder)
    (spec,) = engine.signatures["double"].inputs
    assert (spec.name, spec.shape, spec.dtype.name) == ("whole", (-1,), "int32")
    with ThreadPoolExecutor(4) as callers:
        answers = callers.map(lambda number: double(engine, [number, 7]).tolist(), range(100))
    assert list(answers) == [[2 * number, 14] for number in range(100)]
    assert "tensorflow" not in sys.modules
    engine.close()


def test_requests_that_come_together_get_their_own_rows(client: WorkerClient, folder: Path) -> None:
    engine = batch_requests(open_model(client, folder), max_size=8, delay=0.01, digest="double")
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda number: double(engine, [number, -number]), range(100))
        assert [answer.tolist() for answer in answers] == [[2 * n, -2 * n] for n in range(100)]
    # What has no rows is run as before.
    assert engine.signatures["wait"].run({"n": np.array(3, np.int64)})["end"] == 3
    engine.close()


def test_its_errors_arrive_as_they_are(client: WorkerClient, folder: Path) -> None:
    engine = open_model(client, folder)
    with pytest.raises(InvalidTensor, match="cannot compute with these inputs"):
        engine.signatures["double"].run({"whole": np.array(["one"])})
    with pytest.raises(InvalidModel, match="archive of the model is damaged"):
        client.open(Kind.SAVED_MODEL, b"no archive", (), ())
    assert double(engine, [21]).tolist() == [42]
    engine.close()


def test_models_share_one_process_and_the_last_one_ends_it(
    client: WorkerClient, folder: Path
) -> None:
    first, second = open_model(client, folder), open_model(client, folder)
    (worker,) = workers()
    first.close()
    assert double(second, [2]).tolist() == [4]
    second.close()
    assert not psutil.pid_exists(worker.pid)
    third = open_model(client, folder)
    assert double(third, [3]).tolist() == [6]
    third.close()


def test_a_model_that_cannot_be_opened_leaves_no_process(client: WorkerClient) -> None:
    need_module("tensorflow", "uv sync --group train")
    with pytest.raises(InvalidModel, match="TensorFlow cannot load the frozen graph"):
        client.open(Kind.FROZEN_GRAPH, b"no graph", (), ())
    assert not workers()


def test_a_process_that_ends_before_it_listens_fails_the_model_and_leaves_nothing(
    client: WorkerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # a Python that finds nothing to start with
    children = psutil.Process().children()
    with pytest.raises(InvalidModel, match="has ended with code 1"):
        client.open(Kind.FROZEN_GRAPH, b"no graph", (), ())
    assert psutil.Process().children() == children
    assert not [*tmp_path.iterdir()]


def test_a_killed_process_is_named_and_the_next_model_gets_a_new_one(
    client: WorkerClient, folder: Path
) -> None:
    engine = open_model(client, folder)
    (worker,) = workers()
    worker.kill()
    with pytest.raises(EngineGone, match=rf"{worker.pid} has ended with code -9.*try again"):
        double(engine, [1])
    other = open_model(client, folder)
    engine.close()
    assert double(other, [4]).tolist() == [8]
    other.close()


def run_zeros(engine: Engine, n: int) -> int:
    signature = engine.signatures["zeros"]
    return signature.run({"n": np.array([n], np.int32)})["zeros"].size


def test_memory_and_numbers_beyond_the_bounds_are_refused_and_the_process_lives(
    client: WorkerClient, folder: Path
) -> None:
    engine = open_model(client, folder)
    assert run_zeros(engine, 1_000_000) == 1_000_000
    with pytest.raises(OutputTooLarge, match="at most 1000000 numbers"):
        run_zeros(engine, 1_000_001)
    with pytest.raises(NotEnoughMemory, match="more memory"):
        run_zeros(engine, 2_000_000_000)
    assert double(engine, [4]).tolist() == [8]
    engine.close()


def test_a_model_that_does_not_end_is_ended_and_then_has_a_process_of_its_own(
    client: WorkerClient, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other/notes.txt").write_text("another model")
    marked = pack(tmp_path / "other")
    engine = open_model(client, folder)
    with pytest.raises(ModelTooSlow), within(-GRACE_SECONDS):
        engine.signatures["wait"].run({"n": np.array(2**62, np.int64)})
    engine.close()
    again, other = open_model(client, folder), client.open(Kind.SAVED_MODEL, marked, (), ())
    assert len(workers()) == 2
    assert double(again, [4]).tolist() == [8]
    again.close()
    other.close()


def test_a_lost_model_is_loaded_again(client: WorkerClient, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "double" / "1").parent.mkdir()
    (tmp_path / "double" / "1").symlink_to(folder)
    repository = Repository(tmp_path, client.open)
    repository.start(lambda _: None)

    def ask(numbers: object) -> list[int]:
        with repository.lease("double") as servable:
            assert servable.loaded
            answer: list[int] = double(servable.loaded.engine, numbers).tolist()
            return answer

    def available() -> bool:
        return repository.describe("double").state is State.AVAILABLE

    eventually(available, "the model is loaded", within=STARTS)
    (worker,) = workers()
    worker.kill()
    # Without a call: a death is noticed as it happens.
    again = "the model is loaded again"
    eventually(lambda: workers() not in ([], [worker]), again, within=STARTS)
    eventually(available, "it answers again", within=STARTS)
    assert ask([5]) == [10]
    repository.unload("double", "1")
    repository.stop()


def test_it_ends_with_the_process_that_started_it(folder: Path) -> None:
    opener = subprocess.Popen(
        [sys.executable, "-c", OPEN, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with opener:
        assert opener.stdout
        worker = psutil.Process(int(opener.stdout.readline()))
        (place,) = [Path(part) for part in worker.cmdline() if "classify-" in part]
        os.kill(opener.pid, signal.SIGKILL)
    eventually(lambda: not worker.is_running(), "TensorFlow's process has ended")
    assert not place.exists()


def test_what_tensorflow_says_is_logged_as_json() -> None:
    need_module("tensorflow", "uv sync --group train")
    done = subprocess.run([sys.executable, "-c", LOG], capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["service"] for line in lines} == {"classify"}
    assert any("absl::InitializeLog" in line["event"] for line in lines)
    assert done.stdout == b""
