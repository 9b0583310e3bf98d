"""A run: callers, a fault while they call, and the check of what is left when it is over."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from history.callers import Traffic
from history.checker import Verdict, check
from history.faults import Fault, Run
from history.records import Call, Ending
from history.stage import Stage
from processes import eventually

# Answers of each service before the fault, and after it.
_BEFORE, _AFTER = 8, 12


@dataclass(frozen=True, slots=True)
class Report:
    """What a run has shown.

    Attributes:
        fault: its name.
        seed: what decided.
        calls: that were made.
        events: how many there are.
        verdict: of the check.
    """

    fault: str
    seed: int
    calls: Sequence[Call]
    events: int
    verdict: Verdict

    def count(self, ending: Ending) -> int:
        """Return how many calls ended so."""
        return sum(call.ending is ending for call in self.calls)

    def refusals(self) -> Counter[str]:
        """Return how many calls were refused with each status."""
        return Counter(it.tries[-1].code for it in self.calls if it.ending is Ending.REFUSED)

    @property
    def longest_stall(self) -> float:
        """The longest time, in seconds, in which no call to one of the services was answered."""
        ends: dict[str, list[float]] = defaultdict(list)
        for call in self.calls:
            if call.answer:
                ends[call.service].append(call.answer.ended)
        return max(
            after - before for those in ends.values() for before, after in pairwise(sorted(those))
        )

    def describe(self) -> str:
        """Return it as a text, for a test that fails."""
        size = f"{len(self.calls)} calls, {self.events} events"
        lines = [f"{self.fault}, seed {self.seed}: {size}, {dict(self.verdict.broken)}"]
        for name in self.verdict.broken:
            lines += [f"{name}: {each}" for each in getattr(self.verdict, name)[:3]]
        return "\n".join(lines)


def run_fault(stage: Stage, fault: Fault, seed: int) -> Report:
    """Let a fault happen while services are called, and check what came of it.

    Raises:
        TimeoutError: calls are not answered again, or events do not leave the outbox.
    """
    chance = Random(f"{fault.name} {seed}")  # noqa: S311 - not a secret
    stage.mark()
    with Traffic(stage.mesh, stage.requests, seed, fault.services, fault.ways) as traffic:
        run = Run(stage, traffic, chance)
        for service in fault.services:
            traffic.await_tries(_BEFORE, service, Ending.ANSWERED)
        try:
            fault.start(run)
            fault.lasts(run)
        finally:
            fault.stop(run)
        for service in fault.services:
            traffic.await_tries(_AFTER, service, Ending.ANSWERED)
    stage.await_empty()
    pictures = {it.digest for it in traffic.calls if it.way == "topic" and it.answer}

    def are_seen() -> bool:
        return pictures <= {event.digest for event in stage.read_events()}

    with suppress(TimeoutError):  # what is lost is in the verdict
        eventually(are_seen, "what was published has its result")
    events = stage.read_events()
    verdict = check(traffic.calls, events, fault.promise)
    return Report(fault.name, seed, tuple(traffic.calls), len(events), verdict)
