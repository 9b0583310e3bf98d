"""Ends rollouts by themselves: what versions did in a window, against the limits that were set."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from meshlens.classify.errors import InvalidRollout, RolloutChanged, RolloutFixed
from meshlens.classify.rollouts.bases import MayAnswer, check_base
from meshlens.classify.rollouts.board import SECONDS, Board
from meshlens.classify.serving.rollout import Judge, Rollout
from meshlens.daprkit.errors import StoreUnavailable

# Of each version the latest requests, as many as medians take a few milliseconds of.
MOST_OUTCOMES = 4096

_log = logging.getLogger(__name__)


class Agreements(Protocol):
    """How far shadows agree, such as `shadows.Shadows`."""

    def count(self, model: str) -> tuple[int, int]:
        """Return how many inputs the shadow saw, and in how many of them it agreed."""

    def begin_anew(self, model: str) -> None:
        """Forget what has been counted of a model."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended.

    Attributes:
        at: when, by the monotonic clock.
        seconds: that it took.
        failed: whether its version failed it.
    """

    at: float
    seconds: float
    failed: bool


def _recent() -> deque[Outcome]:
    return deque(maxlen=MOST_OUTCOMES)


@dataclass(slots=True)
class _Case:
    """What is known of a rollout that is judged; `told`: that it cannot go back is in the log."""

    rollout: Rollout
    judge: Judge
    outcomes: Mapping[str, deque[Outcome]] = field(default_factory=dict)
    told: bool = False


class Judging:
    """Sends every request back to the base version of a rollout whose limits are exceeded.

    Each replica judges by what it has answered itself. The first to find a limit exceeded ends
    the rollout for all.

    Args:
        board: knows the rollouts.
        agreements: knows the shadows.
        keeps_answers: whether answers are kept. Then the latency is not judged, since a version
            takes no time for those.
        clock: returns the time in seconds.
        may_answer: returns whether a version answers, or will; a rollout goes back to no other.
    """

    def __init__(
        self,
        board: Board,
        agreements: Agreements,
        *,
        keeps_answers: bool = False,
        clock: Callable[[], float] = time.monotonic,
        may_answer: MayAnswer = lambda _model, _version: True,
    ) -> None:
        self._board = board
        self._agreements = agreements
        self._keeps_answers = keeps_answers
        self._clock = clock
        self._may_answer = may_answer
        self._cases: dict[str, _Case] = {}
        self._stopped = threading.Event()

    def note(self, model: str, version: str, seconds: float, *, failed: bool) -> None:
        """Note how a request ended that a version of a model has answered."""
        case = self._cases.get(model)
        if case and (outcomes := case.outcomes.get(version)) is not None:
            outcomes.append(Outcome(self._clock(), seconds, failed))

    def start(self) -> None:
        """Judge in the background."""
        threading.Thread(target=self._work, name="judging", daemon=True).start()

    def stop(self) -> None:
        """Judge no more."""
        self._stopped.set()

    def _work(self) -> None:
        while not self._stopped.wait(SECONDS):
            self.judge()

    def judge(self) -> None:
        """Look at every rollout once, and end those whose limits are exceeded."""
        self._open_cases()
        for model, case in self._cases.items():
            reason = self._find_reason(model, case)
            if reason:
                self._end(model, case, reason)

    def _open_cases(self) -> None:
        """Begin anew for each rollout that has changed."""
        held = self._board.held()
        judged = {name: it for name, it in held.items() if it.judge}
        for name in self._cases.keys() - judged.keys():
            del self._cases[name]
        for name, rollout in judged.items():
            case = self._cases.get(name)
            if rollout.judge and (case is None or case.rollout != rollout):
                if self._keeps_answers and rollout.judge.latency is not None:
                    _log.error("latency of model %s is not judged: ANSWER_CACHE is not 0", name)
                self._agreements.begin_anew(name)
                outcomes = {version: _recent() for version in rollout.weights}
                self._cases[name] = _Case(rollout, rollout.judge, outcomes)

    def _find_reason(self, model: str, case: _Case) -> str:
        """Return which limit is exceeded, and how; empty if none is."""
        judge, base = case.judge, case.rollout.target
        since = self._clock() - judge.window
        recent = {
            version: [it for it in tuple(outcomes) if it.at >= since]
            for version, outcomes in case.outcomes.items()
        }
        for version, outcomes in recent.items():
            if version == base or len(outcomes) < judge.requests:
                continue
            of_base = recent.get(base or "", [])
            reason = _judge_errors(outcomes, of_base, judge)
            if not reason and not self._keeps_answers:
                reason = _judge_latency(outcomes, of_base, judge)
            if reason:
                return f"version {version} {reason}"
        return self._judge_agreement(model, judge)

    def _judge_agreement(self, model: str, judge: Judge) -> str:
        if judge.agreement is None:
            return ""
        seen, agreed = self._agreements.count(model)
        percent = 100 * agreed / max(seen, 1)
        if seen < judge.requests or percent >= judge.agreement:
            return ""
        return (
            f"the shadow agreed in {percent:.2f} % of {seen} inputs, less than"
            f" {judge.agreement:g} %"
        )

    def _end(self, model: str, case: _Case, reason: str) -> None:
        rollout = case.rollout

        def go_back(there: Rollout | None) -> Rollout:
            if there != rollout:
                raise RolloutChanged(
                    f"expected the rollout of {model} that was judged",
                    got="another",
                    remedy="judge that",
                )
            check_base(model, rollout, self._may_answer)
            return rollout.roll_back()

        try:
            self._board.change(model, go_back, reason=reason)
        except (InvalidRollout, RolloutChanged, RolloutFixed, StoreUnavailable) as error:
            if not case.told:
                _log.warning("rollout of model %s cannot go back (%s): %s", model, reason, error)
            case.told = True
            return
        _log.warning("rollout of model %s goes back: %s", model, reason)


def _judge_errors(outcomes: list[Outcome], of_base: list[Outcome], judge: Judge) -> str:
    """Judge by what fails more often than with the base: what callers get wrong, both fail."""
    if judge.errors is None:
        return ""
    failed, of_base_failed = (sum(it.failed for it in each) for each in (outcomes, of_base))
    own = 100 * failed / len(outcomes)
    base = 100 * of_base_failed / max(len(of_base), 1)
    if own <= base + judge.errors:
        return ""
    return (
        f"failed {failed} of {len(outcomes)} requests in {judge.window:g} s, more than"
        f" {judge.errors:g} % beyond the {of_base_failed} of {len(of_base)} of the base"
    )


def _judge_latency(outcomes: list[Outcome], of_base: list[Outcome], judge: Judge) -> str:
    if judge.latency is None or len(of_base) < judge.requests:
        return ""
    own = median(it.seconds for it in outcomes)
    base = median(it.seconds for it in of_base)
    if own <= judge.latency * base:
        return ""
    return (
        f"took {1000 * own:.1f} ms in the median of {judge.window:g} s, more than"
        f" {judge.latency:g} times the {1000 * base:.1f} ms of the base"
    )
