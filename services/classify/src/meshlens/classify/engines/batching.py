"""Requests for one model that come at about the same time, computed in one run of its engine.

Whoever comes first waits for others, until there are enough or a moment has passed; then its thread
computes for all, and each gets its rows. Only requests whose arrays differ in nothing but their
number of rows come together.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from meshlens.classify.engines.bounds import Caller, find_caller, find_deadline, until, within
from meshlens.classify.engines.engine import Engine, Mortal, Signature, Tensor, TensorSpec
from meshlens.classify.errors import (
    ClassifyError,
    EngineGone,
    InvalidModel,
    InvalidTensor,
    RequestOver,
)
from meshlens.faults import Place

_log = logging.getLogger(__name__)

_Tensors: TypeAlias = Mapping[str, Tensor]
# What arrays must have in common: of each its name, its type and the sizes of its other axes.
_Form: TypeAlias = tuple[tuple[str, str, tuple[int, ...]], ...]

# How far a row may be off that is computed with others: sums are added up in another order.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-5
_TRIAL_SECONDS = 60.0
# Of rows in a trial that are unlike: pixels as they are are among them, and pixels made smaller.
_UNLIKE = (1, 255, -20)

# Digests of models whose process has ended while they computed for several requests.
_ended: set[str] = set()


def batch_requests(engine: Engine, *, max_size: int, delay: float, digest: str) -> Engine:
    """Return an engine that computes for several requests at once.

    Args:
        engine: computes each row by itself, which is tried.
        max_size: most rows in a run.
        delay: most seconds that a request waits for others.
        digest: of the model; one that has ended its process in a run for several requests is from
            then on run for one at a time, so that the request to blame is found.

    Raises:
        InvalidModel: it computes no row by itself, or is made for a fixed number of them.
    """
    if digest in _ended:
        _log.warning("requests are computed one at a time: their model has ended its process")
        return engine
    reasons = {name: _find_obstacle(each) for name, each in engine.signatures.items()}
    if all(reasons.values()):
        name, reason = next(iter(reasons.items()))
        raise InvalidModel(
            "for batching, each row of a model's inputs must be computed by itself",
            got=f"{name}: {reason}",
            remedy="take batching out of the card",
            places=[Place(field="batching")],
        )
    signatures = {
        name: each
        if reasons[name]
        else _Batching(each, max_size, delay, lambda: _ended.add(digest))
        for name, each in engine.signatures.items()
    }
    return _BatchingEngine(engine, signatures)


@dataclass(frozen=True, slots=True)
class _BatchingEngine:
    """A model, some of whose functions compute for several requests at once."""

    engine: Engine
    signatures: Mapping[str, Signature]

    def when_it_dies(self, tell: Callable[[str], None]) -> None:
        """Call a function with the reason once it has died, unless it is closed before."""
        if isinstance(self.engine, Mortal):
            self.engine.when_it_dies(tell)

    def close(self) -> None:
        """Wait for running calls, then free the memory."""
        self.engine.close()


@dataclass(slots=True, eq=False)
class _Request:
    """What waits for a run.

    Attributes:
        tensors: its arrays.
        rows: of each.
        deadline: when its time is over, by the monotonic clock.
        caller: who waits for it.
        outcome: its outputs; None if it is to be run alone.
    """

    tensors: _Tensors
    rows: int
    deadline: float
    caller: Caller
    outcome: "Future[dict[str, Tensor] | None]" = field(default_factory=Future)


@dataclass(slots=True, eq=False)
class _Group:
    """Requests of one form; `full` is set once no other can come."""

    requests: list[_Request] = field(default_factory=list)
    rows: int = 0
    full: threading.Event = field(default_factory=threading.Event)


class _Batching:
    """One function of a model, run for several requests at once."""

    def __init__(
        self, function: Signature, max_size: int, delay: float, ended: Callable[[], None]
    ) -> None:
        self._function = function
        self._max_size, self._delay = max_size, delay
        self._ended = ended
        self._lock = threading.Lock()
        self._open: dict[_Form, _Group] = {}

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` takes."""
        return self._function.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` returns."""
        return self._function.outputs

    def run(self, tensors: _Tensors) -> dict[str, Tensor]:
        """Compute every output.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
            RequestOver: nobody waits for them any more.
            EngineGone: what ran the model has died.
        """
        rows = _count_rows(tensors)
        if not 0 < rows < self._max_size:
            return self._function.run(tensors)
        request = _Request(tensors, rows, find_deadline(), find_caller())
        form = tuple(
            (name, each.dtype.str, each.shape[1:]) for name, each in sorted(tensors.items())
        )
        group, first = self._join(form, request)
        try:
            if first:
                with request.caller.pause():
                    group.full.wait(max(0.0, min(self._delay, request.deadline - time.monotonic())))
                self._leave(form, group)
                self._run(group.requests)
                outcome = request.outcome.result()
            else:
                with request.caller.pause():
                    outcome = request.outcome.result()
        finally:
            # A failure refers to this frame: if that referred to it in turn, arrays would stay.
            del request, group
        return self._function.run(tensors) if outcome is None else outcome

    def _join(self, form: _Form, request: _Request) -> tuple[_Group, bool]:
        """Return the group that a request waits in, and whether it is the first there."""
        with self._lock:
            group = self._open.get(form)
            if group and group.rows + request.rows > self._max_size:
                group.full.set()
                group = None
            first = group is None
            if group is None:
                group = self._open[form] = _Group()
            group.requests.append(request)
            group.rows += request.rows
            if group.rows == self._max_size:
                del self._open[form]
                group.full.set()
            return group, first

    def _leave(self, form: _Form, group: _Group) -> None:
        """Let nobody join a group any more."""
        with self._lock:
            if self._open.get(form) is group:
                del self._open[form]

    def _run(self, group: Sequence[_Request]) -> None:
        """Compute for all of a group that is still wanted; each gets an outcome."""
        requests = _drop_unwanted(group)
        if len(requests) < 2:  # noqa: PLR2004 - one request is no group
            for request in requests:
                request.outcome.set_result(None)
            return
        try:
            outcomes = self._compute(requests)
        except EngineGone as error:
            # Which of them is to blame is not known.
            self._ended()
            for request in requests:
                request.outcome.set_exception(EngineGone(str(error)))
        except BaseException as error:  # noqa: BLE001 - it is raised again where each waits
            for request in requests:
                request.outcome.set_exception(error)
        else:
            for request, outcome in zip(requests, outcomes, strict=True):
                request.outcome.set_result(outcome)

    def _compute(self, requests: Sequence[_Request]) -> Sequence[dict[str, Tensor] | None]:
        """Return the outputs of each; None for all if one of them cannot be computed."""
        together = _join_rows([request.tensors for request in requests])
        try:
            with until(max(request.deadline for request in requests)):
                outputs = self._function.run(together)
        except EngineGone:
            raise
        except ClassifyError:
            return [None] * len(requests)
        return _split_rows(outputs, [request.rows for request in requests])


def _drop_unwanted(group: Sequence[_Request]) -> Sequence[_Request]:
    """Return those of a group that somebody still waits for; the others have ended."""
    kept = []
    for request in group:
        if request.caller.waits() and time.monotonic() < request.deadline:
            kept.append(request)
        else:
            request.outcome.set_exception(
                RequestOver(
                    "a request must be waited for when the model begins with it",
                    got="one whose time was over, or whose caller had gone",
                    remedy="allow more by the gRPC deadline or ?timeout=<seconds>",
                )
            )
    return kept


def _count_rows(tensors: _Tensors) -> int:
    """Return how many rows all arrays have; 0 if they have none, or not as many."""
    counts = {each.shape[0] if each.ndim else 0 for each in tensors.values()}
    return counts.pop() if len(counts) == 1 else 0


def _join_rows(tensors: Sequence[_Tensors]) -> dict[str, Tensor]:
    return {name: np.concatenate([each[name] for each in tensors]) for name in tensors[0]}


def _split_rows(
    outputs: _Tensors, counts: Sequence[int]
) -> Sequence[dict[str, Tensor]] | Sequence[None]:
    """Return the rows of each request; None for all if the outputs have another number of rows."""
    if _count_rows(outputs) != sum(counts):
        return [None] * len(counts)
    ends = np.cumsum(counts)
    return [
        {name: each[end - count : end] for name, each in outputs.items()}
        for count, end in zip(counts, ends, strict=True)
    ]


def _find_obstacle(function: Signature) -> str:
    """Return why a function cannot be run for several requests at once; empty if it can."""
    for spec in (*function.inputs, *function.outputs):
        if not spec.shape or spec.shape[0] != -1:
            return f"{spec.name} has the shape {spec.shape}, whose first axis is not open"
    rows = [_make_row(function.inputs, number) for number in range(3)]
    unlike = [_make_row(function.inputs, number, _UNLIKE[number]) for number in range(3)]
    unknown = [rows[0], _make_row(function.inputs, 1, math.nan), rows[2]]
    try:
        apart = all(
            _are_apart(function, each, may_refuse=each is not rows)
            for each in (rows, unlike, unknown)
        )
    except ClassifyError as error:
        return f"it cannot be tried: {error}"
    return "" if apart else "a row computed with others is another than the same row by itself"


def _are_apart(function: Signature, rows: Sequence[_Tensors], *, may_refuse: bool) -> bool:
    """Return whether rows computed together are what each is by itself, or one is refused."""
    with within(_TRIAL_SECONDS):
        try:
            alone = [function.run(row) for row in rows]
        except InvalidTensor:
            if may_refuse:
                return True
            raise
        together = _split_rows(function.run(_join_rows(rows)), [1] * len(rows))
    return all(
        other is not None and all(_is_close(one[name], other[name]) for name in one)
        for one, other in zip(alone, together, strict=True)
    )


def _make_row(specs: Sequence[TensorSpec], number: int, scale: float = 1) -> dict[str, Tensor]:
    """Return a row for each input, by a number others than by another; floats below `scale`.

    Integers are 0 or 1, and those of another scale up to it where their type goes so far.
    """
    random = np.random.default_rng(number)
    row: dict[str, Tensor] = {}
    for spec in specs:
        shape = [1 if size == -1 else size for size in spec.shape or ()]
        if spec.dtype == object:
            row[spec.name] = np.full(shape, str(number).encode(), object)
        elif spec.dtype.kind in "fc":
            row[spec.name] = (random.random(shape) * scale).astype(spec.dtype)
        else:
            row[spec.name] = random.integers(0, _end(spec.dtype, scale), shape).astype(spec.dtype)
    return row


def _end(dtype: np.dtype[np.generic], scale: float) -> int:
    """Return what integers of a type are below."""
    if dtype.kind not in "iu" or not scale > 1:
        return 2
    return int(min(scale, np.iinfo(dtype.str).max)) + 1


def _is_close(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "fc":
        # What large terms add up to is off by a share of them, not of the sum.
        largest = np.abs(one[np.isfinite(one)]).max(initial=1)
        return bool(np.allclose(one, other, _RELATIVE, _ABSOLUTE * largest, equal_nan=True))
    return bool(np.array_equal(one, other))
