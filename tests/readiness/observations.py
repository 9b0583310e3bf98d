"""What views of one state were seen to say, and where two contradict each other.

A call shows what its view says at one moment between its beginning and its end. So a view is known
to say something from the end of one call to the beginning of a later one only if all calls from the
first to the last were answered alike, and came so close together that nothing else fits between.
What was not seen contradicts nothing: a busy machine makes the check weaker, never wrong.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

# Seconds. Two views may contradict each other for so long.
LIMIT = 0.2
# Between two moments that are so far apart a view may have said something else.
LONGEST_GAP = 0.1


@dataclass(frozen=True, slots=True)
class Observation:
    """What a view said of a subject at some moment from `began` to `ended`.

    Attributes:
        states: those that the subject may be in, by what the view said.
        began: when the call began, by the monotonic clock.
        ended: when its answer was there.
    """

    states: frozenset[str]
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two views that said what cannot both hold, for so many seconds."""

    subject: str
    views: tuple[str, str]
    states: tuple[frozenset[str], frozenset[str]]
    began: float
    seconds: float

    def __str__(self) -> str:
        """Return it as a line of a report."""
        (one, other), (first, second) = self.views, self.states
        return (
            f"{self.subject} at {self.began:.3f}, {self.seconds * 1000:.0f} ms: {one} says"
            f" {'/'.join(sorted(first))}, {other} says {'/'.join(sorted(second))}"
        )


class Record:
    """All observations."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, list[Observation]]] = defaultdict(dict)

    def add(self, view: str, subject: str, observation: Observation) -> None:
        """Add one; those of a view come in their order."""
        self._seen[subject].setdefault(view, []).append(observation)

    def views_of(self, subject: str) -> Sequence[str]:
        """Return the views that say something of a subject."""
        return sorted(self._seen[subject])

    def latest(self, subject: str) -> Mapping[str, Observation]:
        """Return what each view last said of a subject."""
        return {view: seen[-1] for view, seen in self._seen[subject].items()}

    def is_agreed(
        self, since: float, expected: Mapping[str, frozenset[str]], *, without: str = ""
    ) -> bool:
        """Return whether in calls since then all views but one agree, and say what is expected."""
        for subject in {*self._seen, *expected}:
            latest = [each for view, each in self.latest(subject).items() if view != without]
            common = expected.get(subject, frozenset().union(*(it.states for it in latest)))
            for each in latest:
                common &= each.states
            if not latest or not common or min(each.began for each in latest) < since:
                return False
        return True

    def describe_latest(self) -> str:
        """Return what each view last said, by subject."""
        return "\n".join(
            f"{subject}: {view} says {'/'.join(sorted(each.states))} at {each.ended:.3f}"
            for subject in self._seen
            for view, each in self.latest(subject).items()
        )

    def measure_cover(self) -> float:
        """Return the share of the time in which it is certain what a view said, of all views."""
        certain = whole = 0.0
        for views in self._seen.values():
            for seen in views.values():
                certain += sum(max(0.0, run.ended - run.began) for run in _find_runs(seen))
                whole += seen[-1].ended - seen[0].began
        return certain / whole

    def constant(self) -> Sequence[str]:
        """Return the views that have always said the same, of which the check proves nothing."""
        said: dict[str, set[tuple[str, frozenset[str]]]] = defaultdict(set)
        for subject, views in self._seen.items():
            for view, seen in views.items():
                said[view] |= {(subject, each.states) for each in seen}
        subjects = {view: {subject for subject, _ in pairs} for view, pairs in said.items()}
        return [view for view, pairs in said.items() if len(pairs) == len(subjects[view])]

    def contradictions(self) -> Sequence[Contradiction]:
        """Return where two views certainly contradict each other for longer than they may."""
        return [
            contradiction
            for subject, views in self._seen.items()
            for one, other in itertools.combinations(views, 2)
            for contradiction in _compare(subject, (one, other), (views[one], views[other]))
        ]


def _compare(
    subject: str, views: tuple[str, str], seen: tuple[Sequence[Observation], Sequence[Observation]]
) -> Iterator[Contradiction]:
    others = list(_find_runs(seen[1]))
    for run in _find_runs(seen[0]):
        for other in others:
            began, ended = max(run.began, other.began), min(run.ended, other.ended)
            if ended - began > LIMIT and not run.states & other.states:
                yield Contradiction(
                    subject, views, (run.states, other.states), began, ended - began
                )


def _find_runs(seen: Sequence[Observation]) -> Iterator[Observation]:
    """Yield in which times a view certainly said one thing."""
    first = last = None
    for each in seen:
        if first is None or last is None:
            first = last = each
        elif each.states == last.states and each.ended - last.began <= LONGEST_GAP:
            last = each
        else:
            yield Observation(first.states, first.ended, last.began)
            first = last = each
    if first is not None and last is not None:
        yield Observation(first.states, first.ended, last.began)
