import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError

import pytest

from meshlens.jobs.engine.activities import Answer
from meshlens.jobs.engine.pool import Pool

_SECONDS = 30.0


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    pool.close()
    pool.join()


class Busy:
    """Work that has begun, and goes on until it is let go."""

    def __init__(self, pool: Pool) -> None:
        self._begun, self._end = threading.Event(), threading.Event()
        self.future = pool.submit("busy", self._work)
        assert self._begun.wait(_SECONDS)

    def let_go(self) -> None:
        self._end.set()

    def _work(self) -> Answer:
        self._begun.set()
        assert self._end.wait(_SECONDS)
        return {"end": "done"}


def note(order: list[str], name: str) -> Callable[[], Answer]:
    def work() -> Answer:
        order.append(name)
        return {}

    return work


def test_jobs_have_their_turns_and_each_its_own_work_in_order(pool: Pool) -> None:
    order: list[str] = []
    busy = Busy(pool)
    large = [pool.submit("large", note(order, f"large {number}")) for number in range(4)]
    small = [pool.submit("small", note(order, f"small {number}")) for number in range(2)]
    busy.let_go()
    for future in (busy.future, *large, *small):
        future.result(_SECONDS)
    assert order == ["large 0", "small 0", "large 1", "small 1", "large 2", "large 3"]


def test_what_comes_later_is_done_first_if_its_job_had_no_turn_for_longer(pool: Pool) -> None:
    order: list[str] = []
    pool.submit("small", note(order, "small 0")).result(_SECONDS)
    busy = Busy(pool)
    large = [pool.submit("busy", note(order, f"large {number}")) for number in range(2)]
    small = [pool.submit("small", note(order, f"small {number}")) for number in (1, 2)]
    new = pool.submit("new", note(order, "new"))
    busy.let_go()
    for future in (*large, *small, new):
        future.result(_SECONDS)
    # Of the job that had a turn first, that of the one without comes before.
    assert order == ["small 0", "new", "small 1", "large 0", "small 2", "large 1"]


def test_it_is_idle_while_nothing_waits(pool: Pool) -> None:
    assert pool.is_idle()
    busy = Busy(pool)
    assert pool.is_idle()
    waiting = pool.submit("next", dict)
    assert not pool.is_idle()
    busy.let_go()
    assert waiting.result(_SECONDS) == {}
    assert pool.is_idle()


def test_an_error_is_for_who_waits_for_the_answer(pool: Pool) -> None:
    def fail() -> Answer:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        pool.submit("one", fail).result(_SECONDS)
    assert pool.submit("one", dict).result(_SECONDS) == {}


def test_when_it_is_closed_what_has_begun_ends_and_what_waits_is_cancelled(pool: Pool) -> None:
    busy = Busy(pool)
    waiting = pool.submit("next", dict)
    pool.close()
    late = pool.submit("next", dict)
    busy.let_go()
    pool.join()
    assert busy.future.result(_SECONDS) == {"end": "done"}
    for future in (waiting, late):
        with pytest.raises(CancelledError):
            future.result(_SECONDS)


def test_what_was_cancelled_while_it_waited_is_passed_over(pool: Pool) -> None:
    order: list[str] = []
    busy = Busy(pool)
    gone = pool.submit("one", note(order, "gone"))
    after = pool.submit("one", note(order, "after"))
    gone.cancel()
    busy.let_go()
    after.result(_SECONDS)
    assert order == ["after"]
