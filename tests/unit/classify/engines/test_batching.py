"""Requests that are computed together get what each would get by itself."""

import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshlens.classify.engines.batching import batch_requests
from meshlens.classify.engines.bounds import until, within
from meshlens.classify.engines.engine import Engine, Signature, Tensor, TensorSpec
from meshlens.classify.errors import (
    EngineCrashed,
    EngineGone,
    InvalidModel,
    InvalidTensor,
    RequestOver,
)

# Nobody waits so long: a run begins because there are enough.
LONG = 600.0
WAIT = 30.0
BAD = -1


def double(x: Tensor) -> Tensor:
    if (x == BAD).any():
        raise InvalidTensor("expected other numbers", got="a bad one", remedy="send others")
    return np.multiply(x, 2)


class Function:
    """A function of a model, and the rows of its runs."""

    def __init__(
        self,
        compute: Callable[[Tensor], Tensor] = double,
        shape: tuple[int, ...] = (-1, -1),
    ) -> None:
        self.inputs = (TensorSpec("x", shape, np.dtype("float32")),)
        self.outputs = (TensorSpec("y", (-1, *shape[1:]), np.dtype("float32")),)
        self.compute = compute
        self.runs: list[int] = []

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.runs.append(len(tensors["x"]))
        return {"y": self.compute(tensors["x"])}


@dataclass
class Model:
    """An engine of one function."""

    function: Function
    signatures: Mapping[str, Signature] = field(init=False)
    closed: bool = False

    def __post_init__(self) -> None:
        self.signatures = {"f": self.function}

    def close(self) -> None:
        self.closed = True


def batching(
    function: Function, max_size: int, delay: float = LONG, digest: str = "some"
) -> Signature:
    """The function for several requests at once, without the runs that have tried it."""
    engine = batch_requests(Model(function), max_size=max_size, delay=delay, digest=digest)
    function.runs.clear()
    return engine.signatures["f"]


def ask(function: Signature, rows: Tensor) -> list[object] | str:
    try:
        answer: list[object] = function.run({"x": rows})["y"].tolist()
    except InvalidTensor as fault:
        return str(fault)
    return answer


def ask_at_once(function: Signature, requests: Sequence[Tensor]) -> list[list[object] | str]:
    with ThreadPoolExecutor(len(requests)) as pool:
        asked = [pool.submit(ask, function, rows) for rows in requests]
        return [each.result(WAIT) for each in asked]


def some_rows(*numbers: float) -> Tensor:
    return np.array([[number] for number in numbers], np.float32)


@st.composite
def some_requests(draw: st.DrawFn) -> Tensor:
    shape = draw(st.integers(0, 6)), draw(st.integers(1, 2))
    numbers = draw(
        st.lists(st.integers(BAD, 99), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    )
    return np.array(numbers, draw(st.sampled_from(["float32", "int32"]))).reshape(shape)


@settings(deadline=None, max_examples=60)
@given(
    requests=st.lists(some_requests(), min_size=1, max_size=12),
    max_size=st.integers(2, 5),
    delay=st.sampled_from([1e-6, 1e-3, 5e-3]),
)
def test_every_request_gets_what_it_would_get_by_itself(
    requests: list[Tensor], max_size: int, delay: float
) -> None:
    alone, function = Function(), Function()
    expected = [ask(alone, rows) for rows in requests]
    assert ask_at_once(batching(function, max_size, delay), requests) == expected
    largest = max(len(rows) for rows in requests)
    assert max(function.runs) <= max(max_size, largest)


def test_enough_requests_are_one_run() -> None:
    function = Function()
    requests = [some_rows(1), some_rows(2, 3), some_rows(4)]
    answers = ask_at_once(batching(function, 4), requests)
    assert answers == [[[2]], [[4], [6]], [[8]]]
    assert function.runs == [4]


def test_a_request_alone_waits_no_longer_than_it_may() -> None:
    function = Function()
    assert ask(batching(function, 4, delay=1e-3), some_rows(1)) == [[2]]
    assert function.runs == [1]


def test_a_request_that_is_large_enough_waits_for_nobody() -> None:
    function = Function()
    assert ask(batching(function, 2), some_rows(1, 2)) == [[2], [4]]
    assert ask(batching(function, 2), some_rows(1, 2, 3)) == [[2], [4], [6]]


def test_one_that_cannot_be_computed_fails_alone() -> None:
    function = Function()
    answers = ask_at_once(batching(function, 3), [some_rows(1), some_rows(BAD), some_rows(2)])
    assert answers[::2] == [[[2]], [[4]]]
    assert "bad" in answers[1]
    assert function.runs[0] == 3
    assert sorted(function.runs[1:]) == [1, 1, 1]


@dataclass
class Caller:
    """A caller that may have gone, and how often its request has paused."""

    there: bool = True
    pauses: int = 0

    @property
    def waits(self) -> Callable[[], bool]:
        return lambda: self.there

    @property
    def pause(self) -> Callable[[], AbstractContextManager[None]]:
        return self._pause

    @contextmanager
    def _pause(self) -> Iterator[None]:
        self.pauses += 1
        yield


def test_nothing_is_computed_for_a_caller_that_has_gone_and_who_waits_pauses() -> None:
    function = Function()
    together = batching(function, 3)
    callers = [Caller(), Caller(there=False), Caller()]

    def call(caller: Caller) -> list[object] | str:
        with within(WAIT, caller):
            return ask(together, some_rows(5))

    with ThreadPoolExecutor(3) as pool:
        asked: list[Future[list[object] | str]] = [pool.submit(call, each) for each in callers]
        with pytest.raises(RequestOver):
            asked[1].result(WAIT)
        assert [asked[0].result(WAIT), asked[2].result(WAIT)] == [[[10]], [[10]]]
    assert function.runs == [2]
    assert [caller.pauses for caller in callers] == [1, 1, 1]


def test_nothing_is_computed_after_its_time() -> None:
    function = Function()
    together = batching(function, 3)
    with until(time.monotonic()), pytest.raises(RequestOver):
        ask(together, some_rows(5))
    assert function.runs == []


def test_the_arrays_of_a_request_that_failed_go_with_it() -> None:
    function = batching(Function(), 4)
    rows = some_rows(1)
    gone = weakref.ref(rows)
    gc.disable()
    try:
        with until(time.monotonic()), contextlib.suppress(RequestOver):
            function.run({"x": rows})
        del rows
        assert gone() is None
    finally:
        gc.enable()


def test_after_an_end_of_the_process_requests_are_computed_one_at_a_time() -> None:
    function = Function()
    together = batching(function, 2, digest="deadly")

    def crash(_: Tensor) -> Tensor:
        raise EngineCrashed("its process has ended")

    function.compute = crash
    gone: list[type[Exception]] = []

    def call() -> None:
        try:
            together.run({"x": some_rows(1)})
        except EngineGone as error:
            gone.append(type(error))

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    # Neither is known to be to blame.
    assert gone == [EngineGone, EngineGone]
    again: Engine = Model(Function())
    assert batch_requests(again, max_size=2, delay=LONG, digest="deadly") is again


def refuse(_: Tensor) -> Tensor:
    raise InvalidTensor("expected nothing", got="something", remedy="send nothing")


def scale_pixels(x: Tensor) -> Tensor:
    """Pixels from 0 to 1, whichever they are: one picture of 255 makes those beside it dark."""
    return np.multiply(x, 1 / 255) if x.max() > 1 else x


def take_small(x: Tensor) -> Tensor:
    if not (np.abs(x) <= 1).all():
        raise InvalidTensor("expected small numbers", got="others", remedy="send small ones")
    return np.multiply(x, 2)


def test_a_model_that_takes_no_other_numbers_is_tried_with_those_that_it_takes() -> None:
    function = batching(Function(take_small), 2)
    assert ask_at_once(function, [some_rows(0.5), some_rows(1)]) == [[[1]], [[2]]]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "bool", "float16"])
def test_a_row_of_any_type_that_is_computed_by_itself_is_computed_with_others(dtype: str) -> None:
    function = Function(np.copy)
    function.inputs = (TensorSpec("x", (-1, 4), np.dtype(dtype)),)
    rows = np.ones((1, 4), dtype)
    answers = ask_at_once(batching(function, 2), [rows, rows])
    assert answers == [rows.tolist()] * 2
    assert function.runs == [2]


def test_pixels_of_bytes_that_are_scaled_by_the_largest_of_all_are_not_joined() -> None:
    function = Function(scale_pixels)
    function.inputs = (TensorSpec("x", (-1, 4), np.dtype("uint8")),)
    with pytest.raises(InvalidModel, match="is another than the same row by itself"):
        batching(function, 4)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (Function(shape=(1, 4)), r"f: x has the shape \(1, 4\), whose first axis is not open"),
        (Function(lambda x: np.asarray(x - x.mean(0))), "is another than the same row by itself"),
        (Function(lambda x: x[:1]), "is another than the same row by itself"),
        (Function(scale_pixels), "is another than the same row by itself"),
        (
            Function(lambda x: np.asarray(x - 0 * x.mean())),
            "is another than the same row by itself",
        ),
        (Function(refuse), "cannot be tried: expected nothing"),
    ],
)
def test_a_model_that_cannot_compute_rows_together_is_refused(
    function: Function, reason: str
) -> None:
    with pytest.raises(InvalidModel, match=reason) as fault:
        batching(function, 4)
    assert [place.field for place in fault.value.places] == ["batching"]


def test_closing_closes_the_engine() -> None:
    model = Model(Function())
    batch_requests(model, max_size=2, delay=LONG, digest="some").close()
    assert model.closed
