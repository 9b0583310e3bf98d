"""What the workflow engine adds to a job, relative to the loop in one process.

First jobs whose parts cost nothing: the milliseconds of an activity by the clock, and of the CPU in
each of the engine's programs, against the same job in the loop. Then a fit of files by two workers,
and by the loop with as many, in turn with the loop with one. Each is compared with half of what one
worker takes, which has memory and disk to itself; and with half of the sum of its own parts, each
by its own clock, which leaves what the engine adds: to plan, to hand out, to merge, to wait, to
end. Once more, while its status is asked for all the time, then it is cancelled: what that takes is
compared with the status of a job that has ended.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from job_kinds import PACED, TIMED, TIMES, Paced, Timed
from jobs_mesh import JobsMesh, jobs_mesh
from load import Call

from meshlens.batch.job import Fields, Job
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.pca.batch.threads import one_thread

_PROGRAMS = ("placement", "scheduler", "jobs-daprd", "jobs")
_LINES = 3
# Each part of a job of nothing is worked on in both of its stages.
_STAGES = 2
_WORKERS = 2
_WORKFLOW = f"workflow, {_WORKERS} workers"
_WITHIN = 1800.0
_PAUSE = 0.05


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--parts", type=int, nargs="*", default=[1, 10, 100, 1000])
    arguments.add_argument("--rows", type=float, default=40, help="millions, to fit")
    arguments.add_argument("--variables", type=int, default=20)
    arguments.add_argument("--files", type=int, default=40, help="in which they are")
    arguments.add_argument("--rounds", type=int, default=3, help="of fits")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name, one_thread():
        os.environ["JOB_INPUTS"] = name
        os.environ[TIMES] = f"{name}/times"
        mesh_folder, folder = Path(name, "mesh"), Path(name, "work")
        mesh_folder.mkdir()
        folder.mkdir()
        with jobs_mesh(mesh_folder) as mesh:
            if options.parts:
                compare_overhead(mesh, folder, options.parts)
            if options.rows:
                write(folder, int(options.rows * 1e6), options.variables, options.files)
                compare_fits(mesh, folder, options.rounds)


def compare_overhead(mesh: JobsMesh, folder: Path, sizes: Sequence[int]) -> None:
    """Print what activities without work take."""
    print("\n          ms an activity by the clock  ms of the CPU in")
    print("parts      loop  workflow  ratio     " + "".join(f"{name:>12}" for name in _PROGRAMS))
    for parts in sizes:
        file = folder / f"{parts}.txt"
        file.write_text("\n".join(str(number % 97) for number in range(parts * _LINES)))
        log = str(file.with_suffix(".log"))
        options = {"file": str(file), "lines": _LINES, "seconds": 0.0, "log": log}
        alone = time_call(partial(loop, Paced(), options, folder / str(parts)))
        before = read_cpu(mesh)
        beside = time_call(partial(finish, mesh, PACED, options))
        used = (read_cpu(mesh) - before) * 1000 / (parts * _STAGES)
        each, other = (seconds * 1000 / (parts * _STAGES) for seconds in (alone, beside))
        print(
            f"{parts:5} {each:9.2f} {other:9.1f} {other / each:6.1f}     "
            + "".join(f"{it:12.1f}" for it in used)
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit took.

    Attributes:
        seconds: by the clock, from its start until it was seen to have ended.
        parts: seconds of its parts, each by its own clock, added up.
        cpu: seconds of the CPU in each of the engine's programs.
        load: of the machine, when it ended.
    """

    seconds: float
    parts: float
    cpu: np.ndarray
    load: float


def compare_fits(mesh: JobsMesh, folder: Path, rounds: int) -> None:
    """Print how long a fit takes, undisturbed, and then what asks after it."""
    options = {"files": f"{folder}/*.npy", "k": 2, "scores": True}
    finish(mesh, TIMED, options)  # so that its workers have imported what they need
    ways: dict[str, Call] = {
        "loop, one worker, its time divided": partial(repeat_loop, options, folder, 1),
        f"loop, {_WORKERS} workers": partial(repeat_loop, options, folder, _WORKERS),
        _WORKFLOW: partial(finish, mesh, TIMED, options, again=True),
    }
    fits: dict[str, list[Fit]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            fits[name].append(fit(mesh, way))
    # Both are what the cores would take if they were never idle.
    ideal = [each.seconds / _WORKERS for each in next(iter(fits.values()))]
    print(
        f"\n{'fit and scores':36}           of one worker divided   of its parts divided\n"
        f"{'':36} median s  ratio   from     to  ratio   from     to"
    )
    for name, each in fits.items():
        seconds = [one.seconds / (1 if name.endswith("workers") else _WORKERS) for one in each]
        own = [one * _WORKERS / it.parts for one, it in zip(seconds, each, strict=True)]
        alone = [one / other for one, other in zip(seconds, ideal, strict=True)]
        print(f"{name:36} {statistics.median(seconds):8.1f} {spread(alone)} {spread(own)}")
    print("\nseconds of the CPU in" + "".join(f"{name:>12}" for name in _PROGRAMS) + "  load")
    for it in fits[_WORKFLOW]:
        cpu = "".join(f"{one:12.1f}" for one in it.cpu)
        print(f"{'a fit by the workflow':21}{cpu}{it.load:6.1f}")
    ask_after(mesh, options)
    own = [it.seconds * _WORKERS / it.parts for it in fits[_WORKFLOW]]
    print(
        f"\na job on {_WORKERS} workers takes {statistics.median(own):.2f} ({min(own):.2f} to"
        f" {max(own):.2f}) times the sum of its parts divided by {_WORKERS}"
    )


def fit(mesh: JobsMesh, way: Call) -> Fit:
    """Return what a fit takes, one of the workflow or the loop."""
    times = Path(os.environ[TIMES])
    times.unlink(missing_ok=True)
    before = read_cpu(mesh)
    seconds = time_call(way)
    lines = [line.split() for line in times.read_text().splitlines()]
    # One that is worked on twice counts once.
    parts = {(stage, number): float(end) - float(begin) for stage, number, _, begin, end in lines}
    return Fit(seconds, sum(parts.values()), read_cpu(mesh) - before, os.getloadavg()[0])


def spread(ratios: Sequence[float]) -> str:
    """Return the median, the least and the greatest ratio, as columns."""
    return f"{statistics.median(ratios):6.2f} {min(ratios):6.2f} {max(ratios):6.2f}"


def ask_after(mesh: JobsMesh, options: Fields) -> None:
    """Print how long it takes to ask after a fit, and to cancel it."""
    job = mesh.start(TIMED, options, again=True)["id"]
    watch = Watch(mesh, job)
    with watch:
        await_completed(mesh, job)
    ended = statistics.median(time_call(partial(ask, mesh, job)) for _ in range(50))
    print("\nanswers while it runs    median ms  at most  median to that of an ended job")
    report("status", watch.seconds, ended)
    cancels = []
    for _ in range(3):
        again = mesh.start(TIMED, options, again=True)["id"]
        mesh.await_done(again, 2)
        cancels.append(time_call(partial(mesh.ask, f"cancel/{again}")))
        mesh.await_end(again)
    report("cancel", cancels, ended)


def repeat_loop(options: Fields, folder: Path, workers: int) -> None:
    """Fit in this process, in a folder that is new each time."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        loop(Timed(), options, Path(name), workers)


def report(name: str, seconds: Sequence[float], ended: float) -> None:
    """Print a row of answers."""
    median = statistics.median(seconds)
    print(
        f"{name:6} {len(seconds):6} of them {median * 1000:9.0f} {max(seconds) * 1000:8.0f}"
        f" {median / ended:8.1f}"
    )


class Watch:
    """Asks for the status of a job from its beginning to its end, one call after another.

    Attributes:
        seconds: that each answer took.
    """

    def __init__(self, mesh: JobsMesh, job: str) -> None:
        self.seconds: list[float] = []
        self._ended = threading.Event()
        self._mesh, self._job = mesh, job
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ended.wait(_PAUSE):
            self.seconds.append(time_call(partial(ask, self._mesh, self._job)))


def ask(mesh: JobsMesh, job: str) -> dict[str, Any]:
    """Return the status of a job."""
    return mesh.ask(f"status/{job}", verb="GET")


def finish(mesh: JobsMesh, kind: str, options: Fields, *, again: bool = False) -> None:
    """Start a job, and return when it has ended."""
    await_completed(mesh, mesh.start(kind, options, again=again)["id"])


def await_completed(mesh: JobsMesh, job: str) -> None:
    """Return when a job has ended, and well."""
    status = mesh.await_end(job, within=_WITHIN)
    if status["state"] != "completed":
        raise SystemExit(f"{job}: {status}")


def loop(job: Job, options: Fields, folder: Path, workers: int = 1) -> None:
    """Do all of a job in this process."""
    run(job, job.identify(options), FolderObjects(folder), workers=workers)


def time_call(call: Call) -> float:
    """Return the seconds of a call."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


def read_cpu(mesh: JobsMesh) -> np.ndarray:
    """Return the CPU seconds of each program so far; of jobs with all of its workers."""
    pids = [[mesh.run.supervisor.pid(name)] for name in _PROGRAMS[:-1]] + [mesh.workers()]
    times = [[psutil.Process(pid).cpu_times() for pid in each] for each in pids]
    return np.array([sum(one.user + one.system for one in each) for each in times])


def write(folder: Path, n: int, p: int, files: int) -> None:
    """Write a table of normal numbers as .npy files."""
    generator = np.random.default_rng(0)
    for number in range(files):
        np.save(folder / f"{number:03}.npy", generator.normal(size=(n // files, p)) + 5)


if __name__ == "__main__":
    main()
