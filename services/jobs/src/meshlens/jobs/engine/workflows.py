"""The workflows: what runs when, by names and counts alone, the same at each replay.

`job_1` runs a job, a page of parts in each of its lives, so that its history stays small however
many parts there are; `parts_1` runs a block of parts. Another behaviour has another name, since a
workflow that has begun is replayed by the code that is there.
"""

import json
from collections.abc import Callable, Generator, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from meshlens.batch.job import count_levels, count_nodes
from meshlens.jobs.engine.activities import CANCELLED_PART, DONE, FAILED, LEFT_OUT
from meshlens.jobs.engine.sdk import (
    DaprWorkflowContext,
    RetryPolicy,
    TaskFailedError,
    when_all,
    when_any,
)

JOB, PARTS = "job_1", "parts_1"

# Blocks of parts in one life of a workflow: a hundred entries of its history, some 100 kB.
PAGE_BLOCKS = 50
# Nodes of a level that one activity merges, and such activities outstanding at a time.
_NODES = 16
_MERGES = 16
_LONGEST = 500

# For what may pass: a full disk, a broken connection. What is wrong with the input is an answer.
_RETRY = RetryPolicy(
    first_retry_interval=timedelta(seconds=1), max_number_of_attempts=3, backoff_coefficient=2.0
)
# For how a job has ended, which nobody would keep or publish later: two hours, at most some 500 kB
# of history.
_RETRY_END = RetryPolicy(
    first_retry_interval=timedelta(seconds=1),
    max_number_of_attempts=240,
    backoff_coefficient=2.0,
    max_retry_interval=timedelta(seconds=30),
)

Given: TypeAlias = dict[str, Any]
# A workflow yields tasks, gets their answers, and returns its own.
Flow: TypeAlias = Generator[Any, Any, Any]


class JobEnded(Exception):
    """A job has ended without a result; the archive says why."""


def table() -> Mapping[str, Callable[[DaprWorkflowContext, Given], Flow]]:
    """Return each workflow by its name, as functions that nobody has registered yet."""

    def job(ctx: DaprWorkflowContext, given: Given) -> Flow:
        return (yield from run_job(ctx, given))

    def parts(ctx: DaprWorkflowContext, given: Given) -> Flow:
        return (yield from run_parts(ctx, given))

    return {JOB: job, PARTS: parts}


def begin(job: str, run: str, *, block: int, window: int) -> Given:
    """Return what `job_1` is started with.

    Args:
        job: id of the job.
        run: tells this start of it from others.
        block: parts of a child.
        window: children outstanding at a time.
    """
    return {"job": job, "run": run, "block": block, "window": window, "stage": None}


def run_job(ctx: DaprWorkflowContext, given: Given) -> Flow:
    """Run a job from where `given` says, until its page of parts is done or it has ended."""
    job = given["job"]
    try:
        end = yield from _run_page(ctx, given)
    except TaskFailedError as error:
        end = FAILED
        message = str(error)[:_LONGEST]
        yield _call(ctx, "fail", {"job": job, "message": message}, _RETRY_END)
    if end is None:
        return None
    if end == CANCELLED_PART:
        return end
    yield _call(ctx, "tell", {"job": job, "run": given["run"]}, _RETRY_END)
    if end == FAILED:
        raise JobEnded("its status says why")
    return end


def run_parts(ctx: DaprWorkflowContext, given: Given) -> Flow:
    """Run a block of parts at a time; answer how many are done or left out, and what ends it."""
    numbers = range(given["start"], given["stop"])
    common = {"job": given["job"], "run": given.get("run", ""), "stage": given["stage"]}
    # Who has nothing else to do helps with what is outstanding: in this block, and before it.
    common["help"] = [given.get("oldest", given["start"]), given["stop"]]
    answers = yield when_all(
        [_call(ctx, "part", {**common, "number": number}) for number in numbers]
    )
    ends = [answer["end"] for answer in answers]
    done = ends.count(DONE) + ends.count(LEFT_OUT)
    return {"done": done, "failed": ends.count(LEFT_OUT), "end": _worst(ends)}


def _run_page(ctx: DaprWorkflowContext, given: Given) -> Flow:
    """Run a page; return how the job has ended, or None if it goes on in another life."""
    job = given["job"]
    if given["stage"] is None:
        stage = yield _call(ctx, "plan", {"job": job})
        if "end" in stage:
            return stage["end"]
        given = _enter(given, stage)
    done, failed = given["done"], given["failed"]
    stop = min(given["start"] + PAGE_BLOCKS * given["block"], given["parts"])
    common = {"job": job, "run": given["run"], "stage": given["stage"]}
    _show(ctx, given, done, failed)
    page = {**common, "start": given["start"], "stop": stop, "block": given["block"]}
    seen = yield _call(ctx, "look", page)
    done += seen["done"]
    _show(ctx, given, done, failed)

    blocks = list(seen["blocks"])
    # In the order in which they were started, each with its first part.
    running: dict[int, Any] = {}
    ends: list[str] = []
    while blocks or running:
        while blocks and len(running) < given["window"] and not _worst(ends):
            start = blocks.pop(0)
            oldest = next(iter(running), start)
            running[start] = _start_block(ctx, given, start, stop, oldest)
        if not running:
            break
        ended = yield when_any([*running.values()])
        running = {start: block for start, block in running.items() if block is not ended}
        answer = ended.get_result()
        done += answer["done"]
        failed += answer["failed"]
        ends.append(answer["end"] or DONE)
        _show(ctx, given, done, failed)
    if end := _worst(ends):
        return end
    if stop < given["parts"]:
        return _go_on(ctx, {**given, "start": stop, "done": done, "failed": failed})
    if end := (yield from _merge(ctx, common, given["parts"])):
        return end
    follows = yield _call(ctx, "finish", common)
    if "end" in follows:
        return follows["end"]
    return _go_on(ctx, _enter(given, follows))


def _merge(ctx: DaprWorkflowContext, common: Given, parts: int) -> Flow:
    """Merge the pieces of all parts level by level; return what ends the job, or None."""
    for level in range(1, count_levels(parts) + 1):
        nodes = count_nodes(parts, level)
        starts = range(0, nodes, _NODES)
        for first in range(0, len(starts), _MERGES):
            answers = yield when_all(
                [
                    _call(
                        ctx,
                        "merge",
                        {
                            **common,
                            "level": level,
                            "start": start,
                            "stop": min(start + _NODES, nodes),
                        },
                    )
                    for start in starts[first : first + _MERGES]
                ]
            )
            if end := _worst([answer["end"] for answer in answers]):
                return end
    return None


def _start_block(
    ctx: DaprWorkflowContext, given: Given, start: int, page_stop: int, oldest: int
) -> Any:  # noqa: ANN401 - a task of the engine, whose type is private
    stop = min(start + given["block"], page_stop)
    return ctx.call_child_workflow(
        PARTS,
        input={
            **{name: given[name] for name in ("job", "run", "stage")},
            "start": start,
            "stop": stop,
            "oldest": oldest,
        },
        # By default it follows from the parent's place, which comes again in another life.
        instance_id=f"{given['job'][:16]}-{given['run']}-{given['stage'][:16]}-{start}",
    )


def _enter(given: Given, stage: Given) -> Given:
    """Return where a job is that enters a stage."""
    return {**given, **stage, "start": 0, "done": 0, "failed": 0}


def _go_on(ctx: DaprWorkflowContext, given: Given) -> None:
    """Let the workflow begin again with an empty history; nothing of it is outstanding."""
    ctx.continue_as_new(given)


def _show(ctx: DaprWorkflowContext, given: Given, done: int, failed: int) -> None:
    progress = {"stage": given["name"], "done": done, "of": given["parts"], "failed": failed}
    ctx.set_custom_status(json.dumps(progress))


def _call(
    ctx: DaprWorkflowContext, activity: str, given: Given, retry: RetryPolicy = _RETRY
) -> Any:  # noqa: ANN401 - as above
    return ctx.call_activity(activity, input=given, retry_policy=retry)


def _worst(ends: list[str]) -> str | None:
    return next((end for end in (FAILED, CANCELLED_PART) if end in ends), None)
