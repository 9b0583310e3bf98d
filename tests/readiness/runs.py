"""A run: random changes of a service while all views of it are observed, then its end."""

import asyncio
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from readiness.changes import Changes
from readiness.views import (
    INFER,
    MODELS,
    NOT_READY,
    PATIENCE,
    PAUSE,
    READY,
    SERVICE,
    VERSIONS,
    GrpcDoor,
    HttpDoor,
    Observers,
)

# For longer runs: READINESS_SEEDS=1,2,3 READINESS_STEPS=100.
SEEDS = [int(seed) for seed in os.environ.get("READINESS_SEEDS", "14").split(",")]
STEPS = int(os.environ.get("READINESS_STEPS", "11"))
# How often all views must agree before the next change, else that comes on top of the last.
_SETTLED = 0.5
# How many views are called more often around a change, and how often at least.
_LOOKED_AT, _TIMES = 6, 40


async def observe_run(
    seed: int,
    make_changes: Callable[[random.Random], Changes],
    grpc_doors: Sequence[GrpcDoor],
    http_doors: Sequence[HttpDoor],
    listener: HttpDoor,
    terminate: Callable[[], None],
) -> None:
    """Change a service at random, and then drain it; fail if its views contradict each other.

    Args:
        seed: of the changes.
        make_changes: returns what makes the changes that a generator decides.
        grpc_doors: where to call its gRPC services, its own port first.
        http_doors: where to call its REST paths.
        listener: the one that answers `/readyz`.
        terminate: sends SIGTERM to its process, which must go on to serve.
    """
    observers = Observers()
    chance = random.Random(seed)  # noqa: S311 - not a secret
    story = [f"seed {seed}"]

    def tell(what: str) -> None:
        story.append(f"{time.monotonic():.3f} {what}")

    async with observers.watching(grpc_doors, http_doors, listener):
        models = [f"model {model}" for model in MODELS]
        await _agree(observers, dict.fromkeys((SERVICE, *models), READY), story)
        changes = make_changes(chance)
        for _ in range(STEPS):
            views = observers.record.views_of(f"model {chance.choice(MODELS)}")
            looking = asyncio.create_task(
                observers.look_at(chance.sample(views, min(_LOOKED_AT, len(views))), _TIMES)
            )
            tell(f"{await changes.make_one()}")
            await looking
            if chance.random() < _SETTLED:
                await _agree(observers, {}, story)
                tell("all agree")
        await _agree(observers, {}, story)
        observers.infers = False  # it answers while it drains, and says that it leaves
        tell("SIGTERM")
        terminate()
        gone = {f"version {model} {it}": ANSWERING for model in MODELS for it in VERSIONS}
        ends = {SERVICE: NOT_READY, **{f"model {model}": NOT_READY for model in MODELS}}
        await _agree(observers, {**gone, **ends}, story)
    tell(f"{observers.record.measure_cover():.0%} of the time of a view is certain")
    contradictions = observers.record.contradictions()
    report = "\n".join([*story, *map(str, contradictions)])
    sys.stdout.write(f"{report}\n")  # with the seed
    assert not contradictions, report
    assert observers.dead == [], report
    assert set(observers.record.constant()) <= {INFER}


ANSWERING = frozenset({"START", "LOADING", "UNLOADING", "END", "NONE"})


async def _agree(
    observers: Observers, expected: Mapping[str, frozenset[str]], story: Sequence[str]
) -> None:
    """Wait until every view says what is expected, and nothing that another denies."""
    since = time.monotonic()
    without = "" if observers.infers else INFER
    while not observers.record.is_agreed(since, expected, without=without):
        if time.monotonic() > since + PATIENCE:
            raise TimeoutError("\n".join([*story, observers.record.describe_latest()]))
        await asyncio.sleep(PAUSE)
