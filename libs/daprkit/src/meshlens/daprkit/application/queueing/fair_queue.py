"""A queue that shares workers fairly: between callers, and between the models of each caller.

Start-time fair queueing (Goyal, Vin, Cheng, 1996) at two levels. Each caller, and each model of a
caller, has used so many seconds of work; who has used least is next. What a request will take is
taken from those of its flow before it, and corrected when it is done. A flow that was idle begins
where the others are: it has saved nothing. Within a flow the first comes first.

When there is no room, the longest queue pays (longest queue drop): its newest request gives way to
one of a shorter queue.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from meshlens.daprkit.application.queueing.flows import Flow

T = TypeVar("T")

# Callers, and models of each, that are remembered; those that wait always are.
MOST_KNOWN = 100
# Seconds that a request counts at least, so that even the quickest flow gives way in the end.
_LEAST_SECONDS = 1e-5
_SMOOTHING = 0.1


@dataclass(slots=True, eq=False)
class _Share:
    """What a caller, or one of its models, has had of the workers.

    Attributes:
        used: seconds.
        waiting: requests.
    """

    used: float
    waiting: int = 0


@dataclass(slots=True, eq=False)
class _Model(_Share, Generic[T]):
    """The requests of one flow, the first first; `expected` is what one takes, in seconds."""

    items: deque[T] = field(default_factory=deque)
    expected: float | None = None


@dataclass(slots=True, eq=False)
class _Caller(_Share, Generic[T]):
    """The flows of one caller; `virtual` is what the next of them has used."""

    models: dict[str, _Model[T]] = field(default_factory=dict)
    virtual: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken(Generic[T]):
    """An item whose turn it is.

    Attributes:
        item: what was added.
        flow: to which it belongs.
        expected: the seconds that it has been charged.
    """

    item: T
    flow: Flow
    expected: float


class FairQueue(Generic[T]):
    """Items of flows; the caller sees to it that one thread at a time uses it."""

    def __init__(self) -> None:
        self._callers: dict[str, _Caller[T]] = {}
        self._virtual = 0.0
        self._expected = _LEAST_SECONDS

    def __len__(self) -> int:
        return sum(caller.waiting for caller in self._callers.values())

    @property
    def known(self) -> int:
        """Number of callers and of their models that it remembers."""
        return len(self._callers) + sum(len(one.models) for one in self._callers.values())

    def add(self, flow: Flow, item: T) -> None:
        """Add an item to the end of its flow."""
        caller = self._callers.get(flow.caller)
        if caller is None:
            _forget(self._callers, self._virtual)
            caller = self._callers[flow.caller] = _Caller(self._virtual)
        model = caller.models.get(flow.model)
        if model is None:
            _forget(caller.models, caller.virtual)
            model = caller.models[flow.model] = _Model(caller.virtual)
        _begin_waiting(caller, self._virtual)
        _begin_waiting(model, caller.virtual)
        model.items.append(item)

    def take(self) -> Taken[T] | None:
        """Remove and return the next item; None if there is none."""
        name, caller = _find_next(self._callers)
        if caller is None:
            return None
        model_name, model = _find_next(caller.models)
        if model is None:
            raise AssertionError("a caller waits for what its models wait for")
        self._virtual = max(self._virtual, caller.used)
        caller.virtual = max(caller.virtual, model.used)
        expected = self._expected if model.expected is None else model.expected
        for share in (caller, model):
            share.waiting -= 1
            share.used += expected
        return Taken(model.items.popleft(), Flow(name, model_name), expected)

    def finish(self, taken: Taken[T], seconds: float) -> None:
        """Charge a flow what its item has really taken."""
        seconds = max(seconds, _LEAST_SECONDS)
        self._expected += _SMOOTHING * (seconds - self._expected)
        caller = self._callers.get(taken.flow.caller)
        if caller is None:
            return
        caller.used += seconds - taken.expected
        model = caller.models.get(taken.flow.model)
        if model is None:
            return
        model.used += seconds - taken.expected
        before = seconds if model.expected is None else model.expected
        model.expected = before + _SMOOTHING * (seconds - before)

    def refund(self, taken: Taken[T]) -> None:
        """Charge a flow nothing for an item of which nothing was made."""
        caller = self._callers.get(taken.flow.caller)
        if caller:
            caller.used -= taken.expected
            if model := caller.models.get(taken.flow.model):
                model.used -= taken.expected

    def remove(self, flow: Flow, item: T) -> bool:
        """Remove an item wherever it waits; return False if it does not."""
        caller = self._callers.get(flow.caller)
        model = caller.models.get(flow.model) if caller else None
        if caller is None or model is None or item not in model.items:
            return False
        model.items.remove(item)
        caller.waiting -= 1
        model.waiting -= 1
        return True

    def push_out(self, flow: Flow) -> T | None:
        """Remove and return the newest item of the longest queue, in favour of one of `flow`.

        Returns:
            None if the queue of `flow` is as long, or would be.
        """
        longest = _find_longest(self._callers.values())
        if longest is None:
            return None
        own = self._callers.get(flow.caller) or _Caller(self._virtual)
        if longest is not own and _is_shorter(own, longest, self._virtual):
            return _drop_newest(longest)
        rival = _find_longest(own.models.values())
        if rival is None:
            return None
        model = own.models.get(flow.model) or _Model(own.virtual)
        if rival is not model and _is_shorter(model, rival, own.virtual):
            return _drop_newest(own)
        return None

    def clear(self) -> list[T]:
        """Remove and return all items."""
        items = [
            item
            for caller in self._callers.values()
            for model in caller.models.values()
            for item in model.items
        ]
        self._callers.clear()
        return items


S = TypeVar("S", bound=_Share)


def _begin_waiting(share: _Share, virtual: float) -> None:
    if share.waiting == 0:
        share.used = max(share.used, virtual)
    share.waiting += 1


def _find_next(shares: Mapping[str, S]) -> tuple[str, S | None]:
    """Return who has used least of those that wait, with its name."""
    found: S | None = None
    found_name = ""
    for name, share in shares.items():
        if share.waiting and (found is None or share.used < found.used):
            found, found_name = share, name
    return found_name, found


def _find_longest(shares: Iterable[S]) -> S | None:
    waiting = (share for share in shares if share.waiting)
    return max(waiting, key=lambda share: (share.waiting, share.used), default=None)


def _is_shorter(own: _Share, longest: _Share, virtual: float) -> bool:
    """Whether one queue is shorter with one item more, or has used less if they change places."""
    longer_by = longest.waiting - (own.waiting + 1)
    return longer_by > 0 or (longer_by == 0 and max(own.used, virtual) < longest.used)


def _drop_newest(caller: "_Caller[T]") -> T:
    model = _find_longest(caller.models.values())
    if model is None:
        raise AssertionError("a caller waits for what its models wait for")
    caller.waiting -= 1
    model.waiting -= 1
    return model.items.pop()


def _forget(shares: dict[str, S], virtual: float) -> None:
    """Make room for one more: first those go whose past makes no difference."""
    if len(shares) < MOST_KNOWN:
        return
    idle = [name for name, share in shares.items() if not share.waiting]
    gone = [name for name in idle if shares[name].used <= virtual] or idle[:1]
    for name in gone:
        del shares[name]
