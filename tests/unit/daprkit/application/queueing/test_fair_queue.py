"""The queue shares work by the seconds it takes, and forgets nothing that waits."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.daprkit.application.queueing.fair_queue import MOST_KNOWN, FairQueue
from meshlens.daprkit.application.queueing.flows import Flow

GREEDY = Flow("greedy", "slow")
LIGHT = Flow("light", "slow")


def work_off(queue: FairQueue[int], seconds: Mapping[Flow, float]) -> list[Flow]:
    """Take everything, and return the flows in their order."""
    order = []
    while taken := queue.take():
        order.append(taken.flow)
        queue.finish(taken, seconds[taken.flow])
    return order


def keep_busy(
    queue: FairQueue[int], seconds: Mapping[Flow, float], total: float
) -> Mapping[Flow, float]:
    """Let each flow always have something waiting; return the seconds that each gets."""
    got: dict[Flow, float] = dict.fromkeys(seconds, 0.0)
    for flow in seconds:
        queue.add(flow, 0)
        queue.add(flow, 0)
    while sum(got.values()) < total:
        taken = queue.take()
        assert taken
        got[taken.flow] += seconds[taken.flow]
        queue.finish(taken, seconds[taken.flow])
        queue.add(taken.flow, 0)
    return got


def test_one_flow_is_served_in_the_order_of_arrival() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(50):
        queue.add(GREEDY, number)
    assert len(queue) == 50
    order = []
    while taken := queue.take():
        order.append(taken.item)
        queue.finish(taken, 0.1)
    assert order == list(range(50))
    assert queue.take() is None


def test_a_light_caller_is_next_however_many_wait_of_another() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(100):
        queue.add(GREEDY, number)
    for _ in range(5):
        taken = queue.take()
        assert taken
        queue.finish(taken, 0.1)
    queue.add(LIGHT, 0)
    taken = queue.take()
    assert taken
    assert taken.flow == LIGHT


@pytest.mark.parametrize("callers", [2, 5])
def test_callers_get_equal_seconds_whatever_one_request_takes(callers: int) -> None:
    seconds = {Flow(f"app-{number}", "m"): 0.01 * 3**number for number in range(callers)}
    got = keep_busy(FairQueue(), seconds, 200.0)
    fair = 200.0 / callers
    # One request more or less.
    assert all(abs(share - fair) <= 2 * max(seconds.values()) for share in got.values())


def test_a_slow_model_does_not_starve_a_quick_one_of_the_same_caller() -> None:
    slow, quick = Flow("app", "slow"), Flow("app", "quick")
    got = keep_busy(FairQueue(), {slow: 0.5, quick: 0.01}, 100.0)
    assert abs(got[slow] - got[quick]) <= 1.0


def test_a_caller_of_many_models_gets_no_more_than_one_of_a_single_model() -> None:
    many = {Flow("many", f"model-{number}"): 0.1 for number in range(9)}
    got = keep_busy(FairQueue(), {**many, LIGHT: 0.1}, 100.0)
    assert abs(got[LIGHT] - 50.0) <= 1.0


def test_who_was_idle_has_saved_nothing() -> None:
    queue: FairQueue[int] = FairQueue()
    seconds = {GREEDY: 0.1, LIGHT: 0.1}
    for _ in range(100):
        queue.add(GREEDY, 0)
    work_off(queue, seconds)
    for _ in range(20):
        queue.add(GREEDY, 0)
        queue.add(LIGHT, 0)
    served = Counter(work_off(queue, seconds)[:10])
    assert served[GREEDY] >= 4


def test_who_sends_one_after_the_other_gets_no_more_than_the_others() -> None:
    queue: FairQueue[int] = FairQueue()
    others = [Flow("b", "m"), Flow("c", "m")]
    for flow in others:
        for _ in range(1000):
            queue.add(flow, 0)
    served: Counter[Flow] = Counter()
    queue.add(LIGHT, 0)
    for _ in range(300):
        taken = queue.take()
        assert taken
        served[taken.flow] += 1
        queue.finish(taken, 0.1)
        if taken.flow == LIGHT:
            queue.add(LIGHT, 0)
    assert all(abs(count - 100) <= 2 for count in served.values())


def test_work_that_never_began_costs_its_flow_nothing() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(4):
        queue.add(GREEDY, number)
    first = queue.take()
    assert first
    queue.finish(first, 1.0)
    queue.add(LIGHT, 0)
    late = queue.take()
    assert late
    assert late.flow == LIGHT
    queue.refund(late)
    queue.add(LIGHT, 1)
    taken = queue.take()
    assert taken
    assert taken.flow == LIGHT


def test_the_longest_queue_gives_way_and_with_its_newest() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(3):
        queue.add(GREEDY, number)
    assert queue.push_out(GREEDY) is None
    assert queue.push_out(LIGHT) == 2
    queue.add(LIGHT, 10)
    # Two against one: an exchange would gain nothing, unless one has used less.
    assert queue.push_out(LIGHT) is None
    assert len(queue) == 3


def test_of_equal_queues_the_one_that_has_used_more_gives_way() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.add(GREEDY, 0)
    taken = queue.take()
    assert taken
    queue.finish(taken, 1.0)
    queue.add(GREEDY, 1)
    assert queue.push_out(LIGHT) == 1
    assert queue.push_out(LIGHT) is None


def test_within_a_caller_the_longest_queue_of_a_model_gives_way() -> None:
    queue: FairQueue[int] = FairQueue()
    slow, quick = Flow("app", "slow"), Flow("app", "quick")
    for number in range(3):
        queue.add(slow, number)
        queue.add(Flow("other", "slow"), number)
    assert queue.push_out(slow) is None
    assert queue.push_out(quick) == 2


def test_what_is_removed_is_not_taken_and_removed_once() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(3):
        queue.add(GREEDY, number)
    assert queue.remove(GREEDY, 1)
    assert not queue.remove(GREEDY, 1)
    assert not queue.remove(LIGHT, 0)
    assert not queue.remove(Flow("greedy", "other"), 0)
    assert [taken.item for taken in iter(queue.take, None)] == [0, 2]


flows = st.builds(Flow, st.sampled_from("abc"), st.sampled_from("xyz"))


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "take", "finish", "remove", "push out"]), flows),
        max_size=100,
    )
)
def test_nothing_is_lost_or_doubled(steps: Sequence[tuple[str, Flow]]) -> None:
    queue: FairQueue[int] = FairQueue()
    waiting: list[tuple[Flow, int]] = []
    running = []
    for number, (step, flow) in enumerate(steps):
        if step == "add":
            queue.add(flow, number)
            waiting.append((flow, number))
        elif step == "take":
            taken = queue.take()
            assert (taken is None) == (not waiting)
            if taken:
                waiting.remove((taken.flow, taken.item))
                running.append(taken)
        elif step == "finish" and running:
            queue.finish(running.pop(), 0.1)
        elif step == "remove" and waiting:
            assert queue.remove(*waiting.pop(0))
        elif step == "push out":
            longest = max(Counter(one.caller for one, _ in waiting).values(), default=0)
            out = queue.push_out(flow)
            own = sum(one.caller == flow.caller for one, _ in waiting)
            if out is None:
                assert longest <= max(own + 1, 1) or own == longest
            else:
                waiting = [(one, item) for one, item in waiting if item != out]
        assert len(queue) == len(waiting)
    assert sorted(queue.clear()) == sorted(item for _, item in waiting)


def test_what_is_remembered_is_bounded_and_what_waits_is_kept() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.add(LIGHT, 7)
    for number in range(3 * MOST_KNOWN):
        flow = Flow(f"app-{number}", "m")
        queue.add(flow, number)
        assert queue.remove(flow, number)
    for number in range(3 * MOST_KNOWN):
        flow = Flow("light", f"model-{number}")
        queue.add(flow, number)
        assert queue.remove(flow, number)
    assert queue.known <= 2 * MOST_KNOWN
    taken = queue.take()
    assert taken
    assert taken.item == 7
