"""Compares calls with events: pure functions over the two records.

lost       an answer without its event
phantom    an event of no call, or of a call that was refused without a result
doubled    two events with different ids that say the same of one call
reused     one id for the events of different calls
differing  an event that says something else than the answer
disordered two events in another order than their calls, one of which ended before the other began

An event that is there twice with one id is repeated, which is promised to no one, but allowed. A
call that has failed before it was answered may have an event of that failure, too.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from history.records import Call, Ending, Event

# The ways to break a promise.
CLASSES = ("lost", "phantom", "doubled", "reused", "differing", "disordered")
# Failures that do not last: a try that ends so may be followed by one that is answered.
PASSING = frozenset(
    {"UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNKNOWN"}
)


@dataclass(frozen=True, slots=True)
class Promise:
    """What holds under a fault, besides that nothing is lost, invented or doubled.

    Attributes:
        ordered: events come in the order of their calls.
        withheld: a call that the service refused by its own words has no event. Where a connection
            broke the sidecar may have made the call twice, and only the second be refused.
    """

    ordered: bool = True
    withheld: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check has found; the classes are those of the module."""

    lost: tuple[Call, ...]
    phantom: tuple[Event, ...]
    doubled: tuple[Call, ...]
    reused: tuple[str, ...]
    differing: tuple[Call, ...]
    disordered: tuple[tuple[Call, Call], ...]
    repeated: int
    unknown: int

    @property
    def broken(self) -> Mapping[str, int]:
        """How often each promise is broken, by its class, without those that hold."""
        counts = {name: len(getattr(self, name)) for name in CLASSES}
        return {name: count for name, count in counts.items() if count}


def check(calls: Sequence[Call], events: Sequence[Event], promise: Promise) -> Verdict:
    """Compare what was called with the events, which come in the broker's order."""
    by_request: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        by_request[event.service, event.digest].append(event)
    found = {(it.service, it.digest): by_request[it.service, it.digest] for it in calls}
    known = {(it.service, it.digest): it for it in calls}
    return Verdict(
        lost=tuple(_find_lost(calls, found)),
        phantom=tuple(_find_phantoms(events, known, promise)),
        doubled=tuple(_find_doubled(calls, found)),
        reused=tuple(_find_reused(events)),
        differing=tuple(_find_differing(calls, found)),
        disordered=tuple(_find_disordered(calls, events)) if promise.ordered else (),
        repeated=len(events) - len({(it.identity, it.service, it.digest) for it in events}),
        unknown=sum(it.ending is Ending.UNKNOWN for it in calls),
    )


_Found = Mapping[tuple[str, str], Sequence[Event]]


def _find_lost(calls: Iterable[Call], found: _Found) -> Iterator[Call]:
    for call in calls:
        answer = call.answer
        if answer and all(it.outcome in PASSING for it in found[call.service, call.digest]):
            yield call


def _find_phantoms(
    events: Iterable[Event], known: Mapping[tuple[str, str], Call], promise: Promise
) -> Iterator[Event]:
    for event in events:
        call = known.get((event.service, event.digest))
        withheld = promise.withheld and call and all(it.withheld for it in call.tries)
        if call is None or withheld:
            yield event


def _find_doubled(calls: Iterable[Call], found: _Found) -> Iterator[Call]:
    for call in calls:
        ids: dict[str, set[str]] = defaultdict(set)
        for event in found[call.service, call.digest]:
            ids[event.outcome].add(event.identity)
        if any(len(one) > 1 for one in ids.values()):
            yield call


def _find_reused(events: Iterable[Event]) -> Iterator[str]:
    requests: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for event in events:
        requests[event.identity].add((event.service, event.digest, event.outcome))
    return (identity for identity, those in requests.items() if len(those) > 1)


def _find_differing(calls: Iterable[Call], found: _Found) -> Iterator[Call]:
    for call in calls:
        answer = call.answer
        final = [it for it in found[call.service, call.digest] if it.outcome not in PASSING]
        if answer and any(
            it.outcome != answer.code or (answer.facts and it.facts != answer.facts) for it in final
        ):
            yield call


def _find_disordered(calls: Iterable[Call], events: Iterable[Event]) -> Iterator[tuple[Call, Call]]:
    """Yield each call whose event comes before that of a call that ended before it began."""
    places: dict[tuple[str, str], int] = {}
    for place, event in enumerate(events):
        if event.outcome not in PASSING:
            places.setdefault((event.service, event.digest), place)
    by_service: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.answer and (call.service, call.digest) in places:
            by_service[call.service].append(call)
    for those in by_service.values():
        yield from _compare(those, places)


def _compare(
    calls: Sequence[Call], places: Mapping[tuple[str, str], int]
) -> Iterator[tuple[Call, Call]]:
    ending = sorted(calls, key=lambda it: it.tries[-1].ended)
    ended = iter(ending)
    next_ended = next(ended, None)
    last: Call | None = None
    for call in sorted(calls, key=lambda it: it.tries[0].began):
        while next_ended and next_ended.tries[-1].ended < call.tries[0].began:
            if last is None or _place(next_ended, places) > _place(last, places):
                last = next_ended
            next_ended = next(ended, None)
        if last and _place(last, places) > _place(call, places):
            yield last, call


def _place(call: Call, places: Mapping[tuple[str, str], int]) -> int:
    return places[call.service, call.digest]
