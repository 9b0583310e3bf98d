"""The engine in one process: a job's steps in a loop, several parts at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

from meshlens.batch.job import Fields, GoOn, Job, Result, Stage, count_levels, count_nodes
from meshlens.batch.objects import Objects
from meshlens.batch.steps import Steps


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is.

    Attributes:
        stage: its name.
        done: parts that are done.
        of: parts that there are.
        failed: parts that were left out in this run, among those that are done.
        rows: of the parts that are done and not left out, in this run or before.
    """

    stage: str
    done: int
    of: int
    failed: int
    rows: int


def _nothing(progress: Progress) -> None:
    del progress


def run(
    job: Job,
    identity: Fields,
    objects: Objects,
    *,
    workers: int = 1,
    skip: bool = False,
    go_on: GoOn = lambda: None,
    watch: Callable[[Progress], None] = _nothing,
) -> Result:
    """Run a job to its end; parts that were done before are not done again.

    Args:
        job: what to do.
        identity: what `job.identify` has said of it.
        objects: where the job is kept; the ones of an earlier run make it go on there.
        workers: parts that are worked on at a time, each in a thread.
        skip: leave out parts that cannot be worked on.
        go_on: raises Cancelled when the job is to end.
        watch: called as parts become done, from the thread that has called `run`.

    Raises:
        PartFailed: a part cannot be worked on; those that were being worked on have ended.
        Fault: there is no answer, or the objects cannot be kept.
        Cancelled: by `go_on`.
    """
    steps = Steps(job, objects, skip)
    follows: Stage | Result = steps.plan(identity)
    while isinstance(follows, Stage):
        _run_parts(steps, follows, workers, go_on, watch)
        _merge(steps, follows, go_on)
        follows = steps.finish(follows)
    return follows


def _run_parts(
    steps: Steps, stage: Stage, workers: int, go_on: GoOn, watch: Callable[[Progress], None]
) -> None:
    missing = [*steps.missing(stage)]
    of, failed = len(stage.parts), 0
    done = of - len(missing)
    rows = sum(steps.job.count_rows(stage, number) for number in {*range(of)}.difference(missing))
    watch(Progress(stage.name, done, of, failed, rows))
    numbers = iter(missing)
    with ThreadPoolExecutor(workers, thread_name_prefix="part") as pool:

        def begin(some: Iterable[int]) -> dict[Future[bool], int]:
            return {pool.submit(steps.part, stage, number, go_on): number for number in some}

        running = begin(islice(numbers, workers))
        try:
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    number = running.pop(future)
                    done += 1
                    if future.result():
                        rows += steps.job.count_rows(stage, number)
                    else:
                        failed += 1
                go_on()
                running |= begin(islice(numbers, len(ended)))
                watch(Progress(stage.name, done, of, failed, rows))
        finally:
            for future in running:
                future.cancel()


def _merge(steps: Steps, stage: Stage, go_on: GoOn) -> None:
    parts = len(stage.parts)
    for level in range(1, count_levels(parts) + 1):
        for node in range(count_nodes(parts, level)):
            go_on()
            steps.merge(stage, level, node)
