"""The handling of one request: through its lane and its endpoint to its event."""

import hashlib
import time
from collections.abc import Callable, Collection
from functools import partial

import structlog

from meshlens.daprkit.application.callers import OnCallerGone
from meshlens.daprkit.application.events import Answered, Failure, Success, make_identity
from meshlens.daprkit.application.kept_answers import Turn
from meshlens.daprkit.application.keys import Once
from meshlens.daprkit.application.lanes import LaneRule
from meshlens.daprkit.application.origin import Origin, coming_from
from meshlens.daprkit.application.queueing.slots import Slot
from meshlens.daprkit.application.spreading import awaited
from meshlens.daprkit.application.status import Statuses
from meshlens.daprkit.application.work import A, Q, Work
from meshlens.daprkit.errors import BodyTooLarge, Busy, EventNotConfirmed, EventNotRecorded
from meshlens.daprkit.telemetry.call import Call

_log = structlog.get_logger(__name__)


class Handling:
    """Handles requests, each as its lane says.

    Args:
        statuses: maps a failure to the status code for its event.
        max_body: size of the largest body in bytes.
        heeded: returns the names of headers, in lower case, that answers depend on.

    Attributes:
        max_body: the same.
    """

    def __init__(
        self, statuses: Statuses, max_body: int, heeded: Callable[[], Collection[str]]
    ) -> None:
        self.max_body = max_body
        self._heeded = heeded
        self._statuses = statuses

    def handle(
        self, work: Work[Q, A], call: Call, lane: LaneRule, on_caller_gone: OnCallerGone
    ) -> A:
        """Answer a request.

        Raises:
            Exception: what `Application.answer` raises.
        """
        lane.administrators.check(work.request.caller)
        try:
            with (
                coming_from(Origin(work.request.caller, work.headers)),
                lane.slots.hold(work.flow) as slot,
            ):
                return self._handle_in_slot(work, call, lane, on_caller_gone, slot)
        except Busy:
            # What is answered already takes no slot.
            known = self._find_kept(work, call, lane)
            if known is None:
                raise
            call.answer_size = known.size
            return known

    def check_size(self, body: bytes) -> None:
        """Let a body pass.

        Raises:
            BodyTooLarge: it has more bytes than the service accepts.
        """
        if len(body) > self.max_body:
            raise BodyTooLarge(len(body), self.max_body)

    def _handle_in_slot(
        self,
        work: Work[Q, A],
        call: Call,
        lane: LaneRule,
        on_caller_gone: OnCallerGone,
        slot: Slot,
    ) -> A:
        once: Once | None = None
        digest = ""
        body = work.request.body

        def publish(outcome: Success | Failure, name: str) -> None:
            elapsed = time.perf_counter() - call.started
            identity = once.identify(name) if once else make_identity()
            lane.events.publish(
                Answered(call.method, body, outcome, elapsed, work.cause, digest, identity)
            )

        def run(turn: Turn[A]) -> A:
            answer = turn.answer
            if answer is None:
                begun = call if lane.waits else None
                endpoint = partial(_begin, begun, time.perf_counter(), work)
                answer = lane.runner.run(
                    # Who sends it again waits for it, though its caller may have gone.
                    partial(turn.work, partial(_finish, endpoint) if once else endpoint),
                    seconds=work.request.time_limit,
                    on_caller_gone=on_caller_gone,
                    slot=slot,
                )
            call.answer_size = answer.size
            if not turn.published:
                made = Success(answer.model, answer.version, answer.result, answer.provenance)
                publish(made, "OK")
                turn.published = True
            return answer

        lane.events.admit()
        try:
            self.check_size(body)
            if work.key is None or lane.kept is None:
                return run(Turn())
            digest = hashlib.sha256(body).hexdigest()
            once = work.identify(call.method, work.key, digest, self._heeded())
            with lane.kept.turn(once, work.request.time_limit, on_caller_gone) as turn:
                return run(turn)
        except (Busy, EventNotRecorded):
            # What another has pushed out of the queue was refused, as if it had found it full.
            raise
        except Exception as error:
            status, _ = self._statuses.describe(error)
            try:
                publish(Failure.of(status.name, error), status.name)
            except EventNotConfirmed as lost:
                # The caller's fault is not the broker's.
                _log.warning("the event of a failure is not confirmed", error=str(lost))
            raise

    def _find_kept(self, work: Work[Q, A], call: Call, lane: LaneRule) -> A | None:
        if work.key is None or lane.kept is None:
            return None
        digest = hashlib.sha256(work.request.body).hexdigest()
        once = work.identify(call.method, work.key, digest, self._heeded())
        known: A | None = lane.kept.find(once)
        return known


def _begin(call: Call | None, admitted: float, work: Work[Q, A]) -> A:
    """Answer a request; of a call, note how long it has waited since it was admitted."""
    if call:
        call.begin(admitted)
    return work.endpoint(work.request)


def _finish(endpoint: Callable[[], A]) -> A:
    """Answer a request, though nobody may wait for the answer yet."""
    with awaited():
        return endpoint()
