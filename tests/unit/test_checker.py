"""The check of a history finds what is wrong, in its class, and nothing in what is right."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from history.checker import Promise, check
from history.records import Call, Ending, Event, Try
from hypothesis import assume, given
from hypothesis import strategies as st

SERVICES = ("pca", "classify")
STRICT = Promise()


def answered(began: float, ended: float, code: str = "OK", facts: str = "x") -> Try:
    return Try(began, ended, Ending.ANSWERED, code, facts)


def refused(began: float, ended: float, *, withheld: bool = True) -> Try:
    return Try(began, ended, Ending.REFUSED, "UNAVAILABLE", withheld=withheld)


def unknown(began: float, ended: float) -> Try:
    return Try(began, ended, Ending.UNKNOWN, "ConnectionResetError")


def call(name: str, *tries: Try, service: str = "pca") -> Call:
    return Call(f"key {name}", service, "invoke", f"digest {name}", tries)


def event_of(it: Call, outcome: str = "OK", facts: str = "x") -> Event:
    return Event(f"id {it.key} {outcome}", it.service, it.digest, outcome, facts)


def test_an_answer_without_its_event_is_lost_though_the_event_of_a_failed_try_is_there() -> None:
    one = call("a", refused(0, 1, withheld=False), answered(2, 3))
    other = call("b", answered(0, 1))
    verdict = check([one, other], [event_of(one, "UNAVAILABLE", ""), event_of(other)], STRICT)
    assert verdict.lost == (one,)
    assert verdict.broken == {"lost": 1}


def test_a_failure_of_the_request_itself_is_promised_an_event() -> None:
    one = call("a", answered(0, 1, "INVALID_ARGUMENT", ""))
    assert check([one], [], STRICT).broken == {"lost": 1}
    assert not check([one], [event_of(one, "INVALID_ARGUMENT", "")], STRICT).broken


def test_an_event_of_no_call_is_a_phantom() -> None:
    one, other = call("a", answered(0, 1)), call("b", answered(0, 1))
    verdict = check([one], [event_of(one), event_of(other)], STRICT)
    assert verdict.phantom == (event_of(other),)
    assert verdict.broken == {"phantom": 1}


def test_an_event_of_another_service_is_a_phantom() -> None:
    one = call("a", answered(0, 1))
    stray = replace(event_of(one), service="classify", identity="another")
    assert check([one], [event_of(one), stray], STRICT).broken == {"phantom": 1}


def test_an_event_of_a_withheld_result_is_a_phantom_unless_a_connection_may_have_broken() -> None:
    one = call("a", refused(0, 1), refused(2, 3))
    assert check([one], [event_of(one)], STRICT).broken == {"phantom": 1}
    assert not check([one], [event_of(one)], Promise(withheld=False)).broken
    assert not check([call("a", refused(0, 1), unknown(2, 3))], [event_of(one)], STRICT).broken
    assert not check([one], [], STRICT).broken


def test_a_call_without_an_answer_is_unknown_whether_its_event_is_there_or_not() -> None:
    one = call("a", unknown(0, 1))
    for events in ([], [event_of(one)]):
        verdict = check([one], events, STRICT)
        assert not verdict.broken
        assert verdict.unknown == 1


def test_two_ids_for_one_call_are_doubled_and_one_id_twice_is_repeated() -> None:
    one = call("a", answered(0, 1))
    twice = check([one], [event_of(one), event_of(one)], STRICT)
    assert (twice.broken, twice.repeated) == ({}, 1)
    other = replace(event_of(one), identity="another")
    verdict = check([one], [event_of(one), other], STRICT)
    assert (verdict.doubled, verdict.repeated) == ((one,), 0)
    assert verdict.broken == {"doubled": 1}


def test_the_events_of_a_failed_and_of_an_answered_try_are_not_doubled() -> None:
    one = call("a", refused(0, 1, withheld=False), answered(2, 3))
    assert not check([one], [event_of(one, "UNAVAILABLE", ""), event_of(one)], STRICT).broken


def test_one_id_for_two_calls_is_reused() -> None:
    one, other = call("a", answered(0, 1)), call("b", answered(0, 1))
    events = [event_of(one), replace(event_of(other), identity=event_of(one).identity)]
    assert check([one, other], events, STRICT).broken == {"reused": 1}


@pytest.mark.parametrize(("outcome", "facts"), [("OK", "y"), ("INVALID_ARGUMENT", "")])
def test_an_event_that_says_something_else_than_the_answer_differs(
    outcome: str, facts: str
) -> None:
    one = call("a", answered(0, 1))
    assert check([one], [event_of(one, outcome, facts)], STRICT).broken == {"differing": 1}


def test_events_in_another_order_than_calls_one_after_the_other_are_disordered() -> None:
    one, other = call("a", answered(0, 1)), call("b", answered(2, 3))
    events = [event_of(other), event_of(one)]
    assert check([one, other], events, STRICT).disordered == ((one, other),)
    assert not check([one, other], events, Promise(ordered=False)).broken
    at_once = [call("a", answered(0, 2.5)), other]
    assert not check(at_once, events, STRICT).broken


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Call], list[Event]]:
    """Calls, and the events of a service that keeps every promise."""
    calls: list[Call] = []
    recorded: list[tuple[float, Event]] = []
    ends: dict[Ending, Callable[[float, float], Try]] = {
        Ending.ANSWERED: answered,
        Ending.REFUSED: refused,
        Ending.UNKNOWN: unknown,
    }
    times = st.floats(0, 100, allow_nan=False)
    for number in range(draw(st.integers(2, 12))):
        service = draw(st.sampled_from(SERVICES))
        marks = sorted(draw(st.lists(times, min_size=6, max_size=6, unique=True)))
        kind = draw(st.sampled_from(list(Ending)))
        fail: Callable[[float, float], Try] = draw(st.sampled_from([refused, unknown]))
        tries = [fail(marks[0], marks[1])] * draw(st.booleans())
        made = call(str(number), *tries, ends[kind](marks[3], marks[5]), service=service)
        calls.append(made)
        # The event is written while the last try runs; that of an unknown one, perhaps.
        if made.answer or (made.ending is Ending.UNKNOWN and draw(st.booleans())):
            event = replace(event_of(made), identity=str(uuid.UUID(int=number)))
            recorded += [(marks[4], event)] * draw(st.integers(1, 2))
    return calls, [event for _, event in sorted(recorded, key=lambda it: it[0])]


@given(histories())
def test_nothing_is_found_in_a_history_that_keeps_every_promise(
    history: tuple[list[Call], list[Event]],
) -> None:
    calls, events = history
    verdict = check(calls, events, STRICT)
    assert not verdict.broken
    assert verdict.repeated == len(events) - len(set(events))
    assert verdict.unknown == sum(it.ending is Ending.UNKNOWN for it in calls)


@given(histories(), st.data())
def test_each_event_of_an_answer_that_is_dropped_is_lost(
    history: tuple[list[Call], list[Event]], data: st.DataObject
) -> None:
    calls, events = history
    certain = {it.digest for it in calls if it.answer}
    dropped = data.draw(st.sets(st.sampled_from(sorted(certain)))) if certain else set()
    verdict = check(calls, [it for it in events if it.digest not in dropped], STRICT)
    assert {it.digest for it in verdict.lost} == dropped
    assert verdict.broken.keys() <= {"lost"}


@given(histories(), st.data())
def test_each_event_that_is_sent_again_with_a_new_id_is_doubled(
    history: tuple[list[Call], list[Event]], data: st.DataObject
) -> None:
    calls, events = history
    assume(events)
    again = data.draw(st.sets(st.sampled_from(events), min_size=1))
    more = [*events, *(replace(it, identity=f"new {it.identity}") for it in again)]
    verdict = check(calls, more, STRICT)
    assert {it.digest for it in verdict.doubled} == {it.digest for it in again}
    assert verdict.broken.keys() == {"doubled"}


@given(histories(), st.data())
def test_the_order_is_checked_as_its_definition_says(
    history: tuple[list[Call], list[Event]], data: st.DataObject
) -> None:
    calls, events = history
    shuffled = data.draw(st.permutations(events))
    place = {it.digest: number for number, it in reversed(list(enumerate(shuffled)))}
    certain = [it for it in calls if it.answer]
    wrong = {
        later.digest
        for later in certain
        for earlier in certain
        if earlier.service == later.service
        and earlier.tries[-1].ended < later.tries[0].began
        and place[earlier.digest] > place[later.digest]
    }
    verdict = check(calls, shuffled, STRICT)
    assert {later.digest for _, later in verdict.disordered} == wrong
