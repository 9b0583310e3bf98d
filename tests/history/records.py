"""What was called and answered, and which events there are: the two records that are compared."""

from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """How a try of a call ended, as its caller knows."""

    ANSWERED = "answered"
    """By a result, or by the fault of the request itself: final, and promised an event."""
    REFUSED = "refused"
    """By a status that says: not now. Whether an event exists may not be known."""
    UNKNOWN = "unknown"
    """The connection broke, or the time was over."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a call.

    Attributes:
        began: when, by the monotonic clock.
        ended: the same.
        ending: how.
        code: the status code, or the class of the error without one.
        facts: what the answer says that the event must say too; empty if there is nothing.
        withheld: whether the service itself said that there is no result, and so no event.
    """

    began: float
    ended: float
    ending: Ending
    code: str
    facts: str = ""
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A request, all tries of which have one key.

    Attributes:
        key: the idempotency key.
        service: which is called.
        way: by which protocol.
        digest: of the body, which no other call has.
        tries: in their order.
    """

    key: str
    service: str
    way: str
    digest: str
    tries: tuple[Try, ...]

    @property
    def answer(self) -> Try | None:
        """The try that was answered, if there is one."""
        return next((it for it in self.tries if it.ending is Ending.ANSWERED), None)

    @property
    def ending(self) -> Ending:
        """How the call ended: unknown if it is not answered and any try is unknown."""
        endings = {it.ending for it in self.tries}
        for ending in (Ending.ANSWERED, Ending.UNKNOWN):
            if ending in endings:
                return ending
        return Ending.REFUSED


@dataclass(frozen=True, slots=True)
class Event:
    """An event at the broker.

    Attributes:
        identity: its id.
        service: its source.
        digest: of the body of its call.
        outcome: name of the status code.
        facts: what it says of the result, as `Try.facts`.
    """

    identity: str
    service: str
    digest: str
    outcome: str
    facts: str = ""
