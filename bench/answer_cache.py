"""Requests to a service that keeps answers, relative to the same ones to one that does not.

Both are in this process, without a mesh, and have the same models. A miss is a picture that has not
come before: it costs its digest, and the answer as JSON. A hit is one that comes again.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

from mesh import ROOT

from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.answer_cache.recent import RecentAnswers
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import Task
from meshlens.classify.models import shipped_models
from meshlens.classify.service import Service
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.settings import MIB

SAMPLES = ROOT / "services/classify/samples"
PICTURES = {"digits": "digit-7.png", "objects": "coffee.jpg"}
LIMIT = 10_000_000
CALLS = 20


def new_pictures(picture: bytes) -> Iterator[bytes]:
    """Yield files that all show the same and differ in what follows the picture."""
    for number in itertools.count():
        yield picture + number.to_bytes(8, "big")


def seconds(call: Callable[[Request], Reply], model: str, bodies: Iterator[bytes]) -> float:
    """Return the median seconds of some requests, each with the next body."""
    took = []
    for body in itertools.islice(bodies, CALLS):
        request = Request("classify", "POST", {"model": model}, "image/*", body, {})
        began = time.perf_counter()
        call(request)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=15)
    rounds = arguments.parse_args().rounds
    repository = Repository(shipped_models(), partial(open_engine, workers=1))
    cache = AnswerCache(RecentAnswers(64 * MIB), seconds=3600.0)
    keeping = Service(repository, max_pixels=LIMIT, answers=cache)
    plain = Service(repository, max_pixels=LIMIT)
    print("\n| model | picture | computed | a miss | a hit |\n|---|---|---|---|---|")
    for model, file in PICTURES.items():
        repository.load(model)
        picture = (SAMPLES / file).read_bytes()
        new = new_pictures(picture)
        ask, compute = (partial(it.answer, Task.CLASSIFY) for it in (keeping, plain))
        seconds(ask, model, itertools.repeat(picture))
        found = []
        for _ in range(rounds):
            computed = seconds(compute, model, new)
            missed = seconds(ask, model, new)
            hit = seconds(ask, model, itertools.repeat(picture))
            found.append((computed, missed / computed, hit / computed))
        computed, missed, hit = map(statistics.median, zip(*found, strict=True))
        size = f"{len(picture) / 1024:.0f} KiB"
        print(f"| {model} | {size} | {computed * 1e3:.2f} ms | {missed:.3f} | {hit:.3f} |")


if __name__ == "__main__":
    main()
