"""How loading affects the callers of another model, and how soon a new replica answers.

Eight callers call model A through its sidecar: alone, and in turn while model B is unloaded and
loaded, with and without a pause, and while one of 400 MB is read, verified and loaded; then once
while a SavedModel is loaded and TensorFlow imported for it. Finally the replica is restarted, with
its models only in the state store.
"""

import argparse
import hashlib
import json
import math
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from load import Body, Call, Samples, by_grpc, drive
from mesh import ROOT, Mesh, Profile
from processes import eventually, is_listening
from unit.classify.graphs import Graph, Node, Step, build_graphs

from meshlens.daprkit.client import CallError, Client

SHARED = ROOT.parent / "shared"
A, B, LARGE, TENSORFLOW = "mobilenet_v2", "aiy_birds_v1", "large", "chopstick"
ALONE = "nothing"
LARGE_BYTES = 400_000_000
CALLERS = 8


def add_tflite(name: str, folder: Path) -> None:
    """Add a model of one file, with a card that names its digest."""
    (model,) = (SHARED / "models" / name).glob("*.tflite")
    write(name, model.read_bytes(), folder)


def add_large(folder: Path) -> None:
    """Add a model whose weights are large: some layers, each connected fully with the next."""
    layers = 4
    side = math.isqrt(LARGE_BYTES // 4 // layers)
    random = np.random.default_rng(0)
    nodes = [Node("h0", (1, side))]
    for number in range(layers):
        weights = random.standard_normal((side, side), dtype=np.float32) / side
        nodes += [
            Node(f"w{number}", weights.shape, value=weights),
            Node(f"h{number + 1}", (1, side)),
        ]
    steps = [
        Step("FULLY_CONNECTED", (f"h{number}", f"w{number}"), (f"h{number + 1}",))
        for number in range(layers)
    ]
    write(LARGE, build_graphs(Graph(nodes, steps, ("h0",), (f"h{layers}",))), folder)


def write(name: str, data: bytes, folder: Path) -> None:
    """Write a model, and a card with its digest."""
    (folder / f"{name}.tflite").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    card = {"model": {"path": f"{name}.tflite"}, "source": {"sha256": digest}}
    (folder / f"{name}.yaml").write_text(json.dumps(card))


@contextmanager
def repeating(work: Callable[[], object], pause: float) -> Iterator[None]:
    """Repeat something during the body, with a pause of some seconds after each time."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(pause):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def sample(call: Call, seconds: float, into: Samples) -> None:
    """Call for some seconds and add the calls to the samples."""
    rate, taken = drive(call, CALLERS, seconds)
    into.rates.append(rate)
    into.seconds.extend(taken)


def sample_while(call: Call, going_on: Callable[[], bool]) -> Samples:
    """Return samples of the calls made while something else went on."""
    samples = Samples()
    while going_on():
        sample(call, 0.25, samples)
    return samples


def answers(call: Call) -> bool:
    """Return whether a call is answered."""
    try:
        call()
    except CallError as error:
        if error.code == "UNAVAILABLE":  # it loads
            return False
        raise
    return True


def tell(name: str, samples: Samples, alone: Samples) -> None:
    """Print a row."""
    p50, p99 = samples.quantile(0.5), samples.quantile(0.99)
    print(
        f"{name:34} {samples.rate:7.1f} {p50:8.1f} {p99:8.1f} {max(samples.seconds) * 1000:8.1f}"
        f" {p99 / alone.quantile(0.99):10.2f}"
    )


@contextmanager
def loading_mesh(temporary: Path) -> Iterator[tuple[Mesh, Path, Body]]:
    """Run the mesh with the models; hand over it, their folder and what callers of A send."""
    models = temporary / "models"
    models.mkdir()
    add_tflite(A, models)
    add_tflite(B, models)
    add_large(models)
    env = {"classify": {"EVENTS": "off", "DEFAULT_MODEL": A, "QUEUE_PER_WORKER": "32"}}
    picture = (SHARED / "images/grace_hopper.jpg").read_bytes()
    body = Body("classify", f"classify?model={A}", picture, "image/jpeg")
    with Mesh(Profile.EMBEDDED, temporary, models=models, env=env) as mesh:
        yield mesh, models, body


def measure_loads(
    mesh: Mesh, models: Path, body: Body, rounds: int, seconds: float
) -> Mapping[str, Samples]:
    """Return the calls of A by what went on meanwhile, nothing first."""
    with (
        by_grpc(mesh.grpc_port("classify"), body) as call,
        Client(f"127.0.0.1:{mesh.app_port('classify')}") as client,
    ):

        def reload(model: str) -> None:
            client.invoke("classify", f"models/{model}/versions/1/unload")
            client.invoke("classify", f"models/{model}/versions/1/load", timeout=60)

        loads = {
            f"{B} loads twice a second": (B, 0.5),
            f"{B} loads without a pause": (B, 0.0),
            "400 MB load": (LARGE, 0.5),
        }
        found = {ALONE: Samples(), **{name: Samples() for name in loads}}
        drive(call, CALLERS, 1.0)
        for _ in range(rounds):
            sample(call, seconds, found[ALONE])
            for name, (model, pause) in loads.items():
                with repeating(partial(reload, model), pause):
                    sample(call, seconds, found[name])
        for path in models.glob(f"{LARGE}.*"):
            path.unlink()
        shutil.copytree(SHARED / "models" / TENSORFLOW, models / TENSORFLOW)

        def state() -> str:
            listed = json.loads(client.invoke("classify", "models").body)["models"]
            return next((m["state"] for m in listed if m["model"] == TENSORFLOW), "START")

        importing = sample_while(call, lambda: state() in ("START", "LOADING"))
        return {**found, f"{TENSORFLOW} and TensorFlow": importing}


def measure_starts(mesh: Mesh, models: Path, body: Body, rounds: int) -> Sequence[float]:
    """Return the seconds from each start to the first answer, the models from the state store."""
    shutil.rmtree(models / TENSORFLOW)
    for path in models.glob("*.tflite"):
        path.unlink()
    taken = []
    for _ in range(rounds):
        mesh.stop_app("classify")
        began = time.perf_counter()
        mesh.launch_app("classify")
        eventually(lambda: is_listening(mesh.app_port("classify")), "it listens")
        with by_grpc(mesh.app_port("classify"), body) as call:
            eventually(lambda: answers(call), "it answers")
        taken.append(time.perf_counter() - began)
    return taken


def main() -> None:
    """Print both tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--seconds", type=float, default=3.0)
    options = arguments.parse_args()
    if not (SHARED / "models").is_dir():
        print(f"skipped: {SHARED / 'models'} is missing")
        return
    with (
        tempfile.TemporaryDirectory() as temporary,
        loading_mesh(Path(temporary)) as (mesh, models, body),
    ):
        found = measure_loads(mesh, models, body, options.rounds, options.seconds)
        print(f"\n{A}, {CALLERS} callers through its sidecar, EVENTS=off")
        print(f"{'meanwhile':34} {'per s':>7} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} p99 ratio")
        for name, samples in found.items():
            tell(name, samples, found[ALONE])
        taken = measure_starts(mesh, models, body, options.rounds)
        seconds = f"{statistics.median(taken):.2f} s, {max(taken):.2f} at most"
        print(f"\nfrom start to first answer of {A}, from the state store: {seconds}")


if __name__ == "__main__":
    main()
