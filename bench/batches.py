"""Requests with 32 pictures, whose pictures free workers share, relative to one worker for each.

The service is in this process, without a mesh: what is compared is its work. One caller, or one for
each worker, sends batch after batch; then one sends single pictures beside one with batches.

Then a small SavedModel whose card has `batching`, relative to the same one without, by callers that
each wait for an answer before the next request.
"""

import argparse
import base64
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mesh import ROOT

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import Task
from meshlens.classify.models import shipped_models
from meshlens.classify.requests.batches import MOST_IMAGES
from meshlens.classify.service import Service
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.queueing.flows import Flow
from meshlens.daprkit.application.queueing.slots import Slot
from meshlens.daprkit.messages import Reply, Request

SAMPLES = ROOT / "services/classify/samples"
PICTURES = {"digits": "digit-7.png", "objects": "coffee.jpg"}
SECONDS = 600.0


def stays(_: Callable[[], None]) -> bool:
    """Be a caller that does not go away."""
    return True


class Calls:
    """Calls of one model, through the admission of requests.

    Args:
        service: has the model.
        admission: of all calls.
        model: its name.
    """

    def __init__(self, service: Service, admission: Admission, model: str) -> None:
        picture = (SAMPLES / PICTURES[model]).read_bytes()
        texts = [base64.b64encode(picture).decode()] * MOST_IMAGES
        query, body = {"model": model}, json.dumps({"images": texts}).encode()
        self._service, self._admission = service, admission
        self._many = Request("classify", "POST", query, "application/json", body, {})
        self._single = Request("classify", "POST", query, "image/*", picture, {})

    def batch(self) -> Reply:
        """Have a batch answered."""
        return self._run(self._many, "batches")

    def single(self) -> Reply:
        """Have one picture answered, of another caller."""
        return self._run(self._single, "single")

    def _run(self, request: Request, caller: str) -> Reply:
        return self._admission.run(
            partial(self._service.answer, Task.CLASSIFY, request),
            seconds=SECONDS,
            on_caller_gone=stays,
            slot=Slot(Flow(caller, request.query["model"])),
        )


def seconds(call: Callable[[], object], callers: int) -> float:
    """Return the mean seconds of a call, with so many callers at once."""
    with ThreadPoolExecutor(callers) as pool:
        began = time.perf_counter()
        for done in [pool.submit(call) for _ in range(callers)]:
            done.result()
        return (time.perf_counter() - began) / callers


@contextmanager
def repeating(call: Callable[[], object]) -> Iterator[None]:
    """Repeat a call during the body."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            call()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(repeat)
        try:
            yield
        finally:
            ended.set()
            done.result()


def tell(name: str, pairs: list[tuple[float, float]]) -> None:
    """Print a row of pairs, the reference's seconds and ours."""
    theirs, ours = zip(*pairs, strict=True)
    median = statistics.median(own / other for other, own in pairs)
    print(f"| {name} | {median:.2f} | {min(ours) / min(theirs):.2f} | {min(theirs) * 1e3:.1f} ms |")


MAKE = """
import sys, tensorflow as tf
model = tf.Module()
model.inner = tf.Variable(tf.random.stateless_normal([64, 64], (1, 2)) / 8)
model.outer = tf.Variable(tf.random.stateless_normal([64, 10], (3, 4)) / 8)
model.f = tf.function(
    lambda x: {"y": tf.nn.softmax(tf.nn.relu(x @ model.inner) @ model.outer)},
    input_signature=[tf.TensorSpec([None, 64], tf.float32, name="x")],
)
tf.saved_model.save(model, sys.argv[1], signatures={"serving_default": model.f})
"""
CARDS = {"apart": "{}", "together": "batching: {max_size: 16, delay_ms: 2}"}


def rate(call: Callable[[], object], callers: int, length: float) -> float:
    """Return the calls in a second, of callers who call for so many seconds."""
    end = time.perf_counter() + length

    def call_on(_: int) -> int:
        count = 0
        while time.perf_counter() < end:
            call()
            count += 1
        return count

    with ThreadPoolExecutor(callers) as pool:
        return sum(pool.map(call_on, range(callers))) / length


def compare_cards(rounds: int, workers: int, folder: Path) -> None:
    """Print a row for each number of callers."""
    for name, card in CARDS.items():
        version = folder / name / "1"
        command = [sys.executable, "-c", MAKE, str(version)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - all of it is ours
        (version / "card.yaml").write_text(card)
    repository = Repository(folder, partial(open_engine, workers=workers))
    service, admission = Service(repository, max_pixels=1), Admission(workers, 64)
    body = json.dumps({"inputs": {"x": [[0.5] * 64]}}).encode()

    def predict(name: str) -> Reply:
        path = {"name": name}
        request = Request("predict", "POST", {}, "application/json", body, {}, parameters=path)
        work = partial(service.predict, request)
        return admission.run(work, seconds=SECONDS, on_caller_gone=stays)

    calls = {name: partial(predict, name) for name in CARDS}
    for name in CARDS:
        repository.load(name)
    print("\n| `batching` | rate, ratio | of the reference |\n|---|---|---|")
    for callers in (1, 4, 16, 32):
        pairs = [
            (rate(calls["apart"], callers, 1.0), rate(calls["together"], callers, 1.0))
            for _ in range(rounds)
        ]
        median = statistics.median(ours / theirs for theirs, ours in pairs)
        reference = statistics.median(theirs for theirs, _ in pairs)
        print(f"| {callers} callers | {median:.2f} | {reference:.0f}/s |")
    admission.close()
    repository.stop()
    for name in CARDS:
        repository.unload(name, "1")


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = arguments.parse_args()
    workers = options.workers
    repository = Repository(shipped_models(), partial(open_engine, workers=workers))
    service = Service(repository, max_pixels=10_000_000)
    # Nothing takes so long that others would help with it.
    kinds = Admission(workers, 32, shortest_part=math.inf), Admission(workers, 32)
    print(f"\n{workers} workers; the reference: one worker for each batch\n")
    print(f"| a batch of {MOST_IMAGES} | ratio, median | the best of each | of the reference |")
    print("|---|---|---|---|")
    for model in PICTURES:
        repository.load(model)
        alone, shared = (Calls(service, admission, model) for admission in kinds)
        if alone.batch().body != shared.batch().body:
            raise SystemExit("the answers differ")

        def single(calls: Calls) -> float:
            with repeating(calls.batch):
                return statistics.mean(seconds(calls.single, 1) for _ in range(10))

        measures: dict[str, Callable[[Calls], float]] = {
            "one at a time": lambda calls: seconds(calls.batch, 1),
            f"{workers} at once": lambda calls: seconds(calls.batch, workers),
            "a single picture beside it": single,
        }
        for name, measure in measures.items():
            pairs = [(measure(alone), measure(shared)) for _ in range(options.rounds)]
            tell(f"{model}, {name}", pairs)
    for admission in kinds:
        admission.close()
    if importlib.util.find_spec("tensorflow"):
        with tempfile.TemporaryDirectory() as folder:
            compare_cards(options.rounds // 3, workers, Path(folder))
    else:
        print("skipped: a SavedModel, since there is no TensorFlow")


if __name__ == "__main__":
    main()
