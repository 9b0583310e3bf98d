"""The goals of speed, and what is measured of each: one table, in ten minutes.

    make goals

Goals are ratios within the same minutes, or hold on a quiet machine. What each one is measured by
is in the module that its group names, which prints more. Writes build/goals.json.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import loading
import peers
import plot
import points
import start
from growth import Work
from load import take_turns
from mesh import ROOT
from performance import FAR, INVOKE, OTHERS, SIDECAR

from meshlens.classify.models import shipped_models

RESULT = ROOT / "build/goals.json"
MODEL = "objects"
# p99 in medians, by how many callers there are.
EVEN = {"peers-8": 1.3, "peers-32": 1.15}
# Of direct calls a second.
FAR_SHARE = 0.9
LOADED = 1.2
BEYOND_NUMPY = 5.0
PLOT_MS = 2.0
START_SECONDS, IDLE_MIB = 0.6, 100.0


@dataclass(frozen=True)
class Figure:
    """One goal.

    Attributes:
        group: the module that measures it.
        what: is measured.
        goal: in the same unit.
        value: what has been measured.
        more: whether more than the goal is better.
    """

    group: str
    what: str
    goal: float
    value: float
    more: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is reached, as far as two decimals tell."""
        value = round(self.value, 2)
        return value >= self.goal if self.more else value <= self.goal


def measure_peers(rounds: int) -> Iterator[Figure]:
    """Yield how even answers are, what sidecars leave, and what a call takes beside the others."""
    (file,) = (shipped_models() / MODEL).rglob("*.tflite")
    work = Work(shipped_models(), MODEL, file, peers.PICTURE, rounds, 0.6)
    for name, rows, _ in peers.compare_servers(work):
        callers = f"c = {name.rpartition('-')[2]}"
        row = {it["way"]: it for it in rows}
        for way in (INVOKE, SIDECAR, FAR) if name in EVEN else ():
            tail = float(row[way]["p99 ms"]) / float(row[way]["p50 ms"])
            yield Figure("peers", f"{way}, {callers}: p99 in p50", EVEN[name], tail)
        share = float(row[FAR]["per s"]) / float(row[INVOKE]["per s"])
        yield Figure("peers", f"two sidecars, {callers}: of direct", FAR_SHARE, share, more=True)
        for other, own in OTHERS.items():
            spent = float(row[own]["CPU ms"]) / float(row[other]["CPU ms"])
            yield Figure("peers", f"{own}, {callers}: CPU a call, in that of {other}", 1, spent)


def measure_loading(rounds: int) -> Iterator[Figure]:
    """Yield how much later the latest answers come while models are loaded."""
    if not (loading.SHARED / "models").is_dir():
        print(f"loading is left out: {loading.SHARED / 'models'} is missing", file=sys.stderr)
        return
    with (
        tempfile.TemporaryDirectory() as temporary,
        loading.loading_mesh(Path(temporary)) as (mesh, models, body),
    ):
        found = loading.measure_loads(mesh, models, body, rounds, 3.0)
    alone = found[loading.ALONE].quantile(0.99)
    for name, samples in found.items():
        if name != loading.ALONE:
            later = samples.quantile(0.99) / alone
            yield Figure("loading", f"p99 in that of no load: {name}", LOADED, later)


def measure_points(rounds: int) -> Iterator[Figure]:
    """Yield what 150 points take beside bare numpy, and through two sidecars."""
    taken = plot.time_in_turn(plot.make_ways(plot.make_points(150)), 2.0)
    for kind in ("fit", "plot"):
        ratio = taken[f"pca, {kind}"] / taken[f"limit, {kind}"]
        yield Figure("plot", f"150 points in process: {kind}, in bare numpy", BEYOND_NUMPY, ratio)
    with points.opening_ways() as calls:
        case = points.FAR, 1
        reference = points.plot, ("in process", 1)
        _, samples = take_turns({case: calls[points.FAR]}, reference, rounds=rounds, seconds=1.0)
    yield Figure("points", "plot through two sidecars, ms", PLOT_MS, samples[case].quantile(0.5))


def measure_start(rounds: int) -> Iterator[Figure]:
    """Yield how soon each service answers, and what it holds when it is idle after that."""
    for service in start.BARE:
        costs = start.measure(sys.executable, service, rounds)[service]
        seconds = statistics.median(it.seconds for it in costs)
        memory = statistics.median(it.memory for it in costs)
        yield Figure("start", f"{service}: seconds to the first answer", START_SECONDS, seconds)
        yield Figure("start", f"{service}: idle, MiB", IDLE_MIB, memory)


GROUPS: Mapping[str, Callable[[int], Iterator[Figure]]] = {
    "peers": measure_peers,
    "loading": measure_loading,
    "points": measure_points,
    "start": measure_start,
}


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    width = max(len(it.what) for it in figures)
    for it in figures:
        bound = f"{'>=' if it.more else '<='} {it.goal:g}"
        verdict = "" if it.met else "missed"
        print(f"{it.group:8} {it.what:{width}} {bound:>8} {it.value:8.2f} {verdict}")


def main() -> None:
    """Measure, print and write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--groups", nargs="+", choices=GROUPS, default=[*GROUPS])
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    load = os.getloadavg()[0]
    figures = [it for group in options.groups for it in GROUPS[group](options.rounds)]
    print(f"\n{os.cpu_count()} cores, load {load:.1f} at the beginning")
    show(figures)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(it), "met": it.met} for it in figures]
    RESULT.write_text(json.dumps({"load": load, "figures": rows}, indent=1))


if __name__ == "__main__":
    main()
