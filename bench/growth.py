"""How throughput grows: with cores, callers and models, and pca's with points."""

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from grpc_litert import METHOD, SERVICE
from litert_model import LiteRtModel
from load import Body, Call, Samples, by_grpc, by_message, take_turns
from mesh import ROOT, Mesh, Profile
from performance import (
    BARE,
    CALLERS,
    FIT,
    INVOKE,
    MODELS,
    PLAIN,
    PLOT,
    POINTS,
    SIDECAR,
    count_cores,
    spread,
)
from plot import make_points, make_ways, time_call
from processes import Process, eventually, free_ports
from servers import on_cores, serving_classify, serving_plainly

from meshlens.classify.models import shipped_models
from meshlens.daprkit.client import Client

Rows = list[dict[str, str]]

SMALL = "digits"
SMALL_PICTURE = ROOT / "services/classify/samples/digit-7.png"
# Seconds after which a number of points has no further round, and for which a round repeats what is
# quick.
PATIENCE, REPEATED_SECONDS = 30.0, 0.2
# No caller of the growth by callers is to be refused.
ROOM = {"QUEUE_PER_WORKER": str(max(CALLERS))}


@dataclass(frozen=True)
class Work:
    """What every way does: a picture and a model, and how long they are measured."""

    models: Path
    model: str
    file: Path
    picture: Path
    rounds: int
    seconds: float

    @property
    def body(self) -> Body:
        """The request by the invoke method."""
        kind = "image/png" if self.picture.suffix == ".png" else "image/jpeg"
        method = f"classify?model={self.model}"
        return Body("classify", method, self.picture.read_bytes(), kind)

    @property
    def settings(self) -> dict[str, str]:
        """What classify is told of it."""
        return {"MODELS": str(self.models), "DEFAULT_MODEL": self.model}


def describe(samples: Samples) -> dict[str, str]:
    """Return the columns of throughput."""
    return {"per s": f"{samples.rate:.1f}", **spread(samples.ratios)}


def describe_latency(samples: Samples) -> dict[str, str]:
    """Return the columns of latency."""
    return {f"p{share} ms": f"{samples.quantile(share / 100):.1f}" for share in (50, 99)}


@contextmanager
def calling_plainly(port: int, picture: bytes) -> Iterator[Call]:
    """Call the plain server."""
    with by_message(port, f"/{SERVICE}/{METHOD}", picture) as call:
        yield call


def grow_cores(work: Work) -> Rows:
    """Return the rows for each number of cores."""
    rows: Rows = []
    first: dict[str, float] = {}
    picture = work.picture.read_bytes()
    for cores in count_cores(len(os.sched_getaffinity(0))):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stack.enter_context(on_cores(cores))
            model = LiteRtModel(str(work.file))
            app, plain = _take_ports(2)
            settings = {**work.settings, **ROOM, "WORKERS": str(cores)}
            stack.enter_context(serving_classify(app, folder, settings))
            stack.enter_context(serving_plainly(work.file, plain, folder))
            ways = {
                INVOKE: stack.enter_context(by_grpc(app, work.body)),
                PLAIN: stack.enter_context(calling_plainly(plain, picture)),
            }
            ground, samples = take_turns(
                {(name, 2 * cores): call for name, call in ways.items()},
                (lambda model=model: model.see(picture), (BARE, cores)),  # type: ignore[misc] # mypy cannot infer a lambda with a default
                rounds=work.rounds,
                seconds=work.seconds,
            )
        for (way, _), each in {(BARE, cores): ground, **samples}.items():
            rate = first.setdefault(way, each.rate)
            grown = {"growth": f"{each.rate / rate:.2f}"}
            rows.append({"cores": str(cores), "way": way, **describe(each), **grown})
    return rows


def grow_callers(work: Work) -> Rows:
    """Return the rows for each number of callers."""
    rows: Rows = []
    picture = work.picture.read_bytes()
    model = LiteRtModel(str(work.file))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        env = {"classify": {**work.settings, **ROOM, "EVENTS": "off"}}
        mesh = stack.enter_context(Mesh(Profile.EMBEDDED, folder, services=["classify"], env=env))
        (plain,) = _take_ports(1)
        stack.enter_context(serving_plainly(work.file, plain, folder))
        ways = {
            INVOKE: stack.enter_context(by_grpc(mesh.app_port("classify"), work.body)),
            SIDECAR: stack.enter_context(by_grpc(mesh.grpc_port("classify"), work.body)),
            PLAIN: stack.enter_context(calling_plainly(plain, picture)),
        }
        for callers in CALLERS:
            _, samples = take_turns(
                {(name, callers): call for name, call in ways.items()},
                (lambda: model.see(picture), (BARE, len(os.sched_getaffinity(0)))),
                rounds=work.rounds,
                seconds=work.seconds,
            )
            for (way, _), each in samples.items():
                named = {"callers": str(callers), "way": way}
                rows.append({**named, **describe(each), **describe_latency(each)})
    return rows


def grow_models(work: Work, counts: Sequence[int] = MODELS) -> Rows:
    """Return the rows for each number of models, of which the first is the reference."""
    (file,) = (shipped_models() / SMALL).glob("*/*.tflite")
    picture = SMALL_PICTURE.read_bytes()
    rows: Rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ways: dict[int, Call] = {}
        clients: dict[int, Client] = {}
        for count, port in zip(counts, _take_ports(len(counts)), strict=True):
            place = folder / str(count)
            for number in range(count):
                version = place / "models" / f"m{number}" / "1"
                version.mkdir(parents=True)
                shutil.copy(file, version / "m.tflite")
            settings = {"MODELS": str(place / "models"), "DEFAULT_MODEL": "m0"}
            began = time.perf_counter()
            process = stack.enter_context(serving_classify(port, place, settings))
            clients[count] = stack.enter_context(Client(f"127.0.0.1:{port}"))
            eventually(lambda count=count: _ready(clients[count]) == count, "all are ready")  # type: ignore[misc] # mypy cannot infer a lambda with a default
            taken = time.perf_counter() - began
            body = Body("classify", f"classify?model=m{count // 2}", picture, "image/png")
            ways[count] = stack.enter_context(by_grpc(port, body))
            row = {"models": str(count), "start s": f"{taken:.1f}"}
            rows.append({**row, "memory MiB": f"{_memory(process):.0f}"})
        looks: Mapping[int, list[float]] = {count: [] for count in counts}
        for _ in range(20 * work.rounds):
            for count, client in clients.items():
                looks[count].append(
                    time_call(lambda c=client, n=count: c.invoke("classify", f"models/m{n // 2}"))  # type: ignore[misc] # mypy cannot infer a lambda with defaults
                )
        ground, samples = take_turns(
            {(str(count), 2): ways[count] for count in counts[1:]},
            (ways[counts[0]], (str(counts[0]), 2)),
            rounds=work.rounds,
            seconds=work.seconds,
        )
    found = [ground, *samples.values()]
    return [
        {**row, "look-up ms": f"{statistics.median(look) * 1000:.2f}", **describe(each)}
        for row, look, each in zip(rows, looks.values(), found, strict=True)
    ]


def grow_points(rounds: int, sizes: Sequence[int] = POINTS) -> tuple[Rows, dict[str, list[float]]]:
    """Return the rows for each number of points, and the ratios of each row."""
    rows: Rows = []
    ratios: dict[str, list[float]] = {}
    for size in sizes:
        ways = make_ways(make_points(size))
        pairs = {work: (ways[f"limit, {work}"], ways[f"pca, {work}"]) for work in (FIT, PLOT)}
        began = time.perf_counter()
        taken = {work: [_time_in_turn(*pair, repeats=1)] for work, pair in pairs.items()}
        repeats = max(1, int(REPEATED_SECONDS / (time.perf_counter() - began)))
        for number in range(rounds):
            if number and time.perf_counter() - began > PATIENCE:
                break
            for work, pair in pairs.items():
                taken[work].append(_time_in_turn(*pair, repeats=repeats))
        for work, each in taken.items():
            # The first round warms up; it counts where there was no time for all others.
            later = each[1:] if len(each) > rounds else each
            limits, owns = zip(*later, strict=True)
            found = [limit / own for limit, own in later]
            ratios[f"{work} of {size:,} points"] = found
            times = {
                name: f"{statistics.median(them) * 1000:.3f}"
                for name, them in (("numpy ms", limits), ("pca ms", owns))
            }
            rows.append({"points": f"{size:,}", "work": work, **times, **spread(found)})
    return rows, ratios


def _time_in_turn(limit: Call, own: Call, *, repeats: int) -> tuple[float, float]:
    """Return the median seconds of each."""
    taken = [(time_call(limit), time_call(own)) for _ in range(repeats)]
    limits, owns = zip(*taken, strict=True)
    return statistics.median(limits), statistics.median(owns)


def _take_ports(count: int) -> list[int]:
    free = free_ports()
    return [next(free) for _ in range(count)]


def _ready(client: Client) -> int:
    listed = json.loads(client.invoke("classify", "models").body)["models"]
    return sum(model["state"] == "AVAILABLE" for model in listed)


def _memory(process: Process) -> float:
    return float(psutil.Process(process.pid).memory_info().rss) / 1024**2
