"""The limit that follows the latency, in simulated time: no thread, no clock, one seed a run."""

import heapq
import random
from dataclasses import dataclass, field

import pytest

from meshlens.daprkit.application.queueing.limits import FixedLimit, GradientLimit, Limit

MOST = 16
WORKERS = 2
SECONDS = 0.03


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Run:
    """What has become of the requests."""

    times: list[float] = field(default_factory=list)
    refused: int = 0
    ended: float = 0.0

    def quantile(self, share: float) -> float:
        return sorted(self.times)[int(share * (len(self.times) - 1))]

    @property
    def rate(self) -> float:
        return len(self.times) / self.ended


def simulate(
    limit: Limit, clock: Clock, *, load: float, seconds: float, seed: int, since: float = 0.0
) -> Run:
    """Let requests arrive at random, `load` times as many as the workers can take."""
    random_numbers = random.Random(seed)  # noqa: S311 - no secret
    rate = load * WORKERS / SECONDS
    run = Run()
    free = [clock.now] * WORKERS
    ends: list[tuple[float, float, float]] = []
    arrival = clock.now
    while arrival < clock.now + 1e9 and arrival < since + seconds:
        arrival += random_numbers.expovariate(rate)
        while ends and ends[0][0] <= arrival:
            ended, waited, worked = heapq.heappop(ends)
            clock.now = ended
            limit.observe(waited, worked)
        clock.now = arrival
        if len(ends) >= limit.current():
            run.refused += 1
            continue
        begin = max(arrival, heapq.heappop(free))
        worked = random_numbers.gammavariate(16, SECONDS / 16)
        heapq.heappush(free, begin + worked)
        heapq.heappush(ends, (begin + worked, begin - arrival, worked))
        run.times.append(begin + worked - arrival)
    run.ended = max(free) - since
    return run


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("load", [2.0, 10.0])
def test_under_overload_it_halves_the_tail_and_keeps_the_rate(load: float, seed: int) -> None:
    clock = Clock()
    gradient = GradientLimit(WORKERS, MOST, clock)
    adaptive = simulate(gradient, clock, load=load, seconds=30.0, seed=seed)
    fixed = simulate(FixedLimit(MOST), Clock(), load=load, seconds=30.0, seed=seed)
    alone = simulate(FixedLimit(MOST), Clock(), load=0.1, seconds=300.0, seed=seed)
    assert adaptive.quantile(0.99) <= 3.0 * alone.quantile(0.99)
    assert adaptive.quantile(0.5) <= 2.0 * alone.quantile(0.99)
    assert fixed.quantile(0.5) > 4.0 * alone.quantile(0.99)
    assert adaptive.rate > 0.95 * fixed.rate
    assert WORKERS < gradient.current() <= 3 * WORKERS


@pytest.mark.parametrize("seed", range(5))
def test_without_overload_it_refuses_next_to_nothing(seed: int) -> None:
    clock = Clock()
    run = simulate(GradientLimit(WORKERS, MOST, clock), clock, load=0.5, seconds=60.0, seed=seed)
    assert run.refused <= len(run.times) // 100


def test_a_burst_after_a_pause_has_every_place() -> None:
    clock = Clock()
    limit = GradientLimit(WORKERS, MOST, clock)
    assert limit.current() == MOST
    simulate(limit, clock, load=10.0, seconds=10.0, seed=1)
    assert limit.current() < MOST
    clock.now += 1.5
    assert limit.current() == MOST
    limit.observe(0.0, SECONDS)
    assert limit.current() == MOST


def test_it_returns_to_all_places_when_there_is_no_queue() -> None:
    clock = Clock()
    limit = GradientLimit(WORKERS, MOST, clock)
    simulate(limit, clock, load=10.0, seconds=10.0, seed=1)
    for _ in range(200):
        clock.now += 0.02
        limit.observe(0.0, SECONDS)
    assert limit.current() == MOST


@pytest.mark.parametrize("queue_per_worker", [1, 2, 8])
def test_it_never_leaves_its_bounds(queue_per_worker: int) -> None:
    clock = Clock()
    most = WORKERS * queue_per_worker
    limit = GradientLimit(WORKERS, most, clock)
    for waited, worked in [(0.0, 0.0), (100.0, 0.0), (0.0, 1e9), (1e9, 1.0), (0.1, 0.1)] * 20:
        clock.now += 0.1
        limit.observe(waited, worked)
        assert min(WORKERS + 1, most) <= limit.current() <= most
