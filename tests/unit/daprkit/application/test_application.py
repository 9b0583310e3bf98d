"""An application answers requests of any type, whatever carries them."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.events import Answered, Failure, Success
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.lanes import LIGHT_SLOTS, Lane, rule_lanes
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import LONGEST_MESSAGE, Status, Statuses
from meshlens.daprkit.errors import BodyTooLarge, Busy, InvalidRequest, MethodNotFound
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.telemetry.metrics import Metrics

MAX_BODY = 1000
TIME_LIMIT = 7.0
CALL = Invocation(path="work", verb="POST", query="", content_type="", body=b"", headers={})


class Refused(Exception):
    """The toy says no."""


class Shelf:
    """Keeps outcomes."""

    def __init__(self) -> None:
        self.kept: list[Answered] = []

    def publish(self, answered: Answered) -> None:
        self.kept.append(answered)


@dataclass(frozen=True)
class Toy:
    """An application, and what it publishes and counts."""

    application: Application
    admission: Admission
    events: Shelf
    counted: Callable[[], set[tuple[str, str]]]


def tell(request: Request) -> Reply:
    if request.body == b"no":
        raise Refused("expected a yes, got a no; send a yes")
    return Reply(
        repr((request.time_limit, dict(request.query))).encode(),
        "text/plain",
        result={"size": len(request.body)},
        model="toy",
        version="3",
    )


ROUTES = (
    Route("work", tell, lane=Lane.WORK),
    Route("light", tell),
    Route("manage/<name>", tell, lane=Lane.MANAGE),
)


@pytest.fixture
def toy() -> Iterator[Toy]:
    with building() as built:
        yield built


@contextmanager
def building() -> Iterator[Toy]:
    admission, events = Admission(1, 2), Shelf()
    statuses = Statuses({Refused: Status.FAILED_PRECONDITION})
    metrics = Metrics(
        "toy",
        admitted=lambda: admission.slots.held,
        name_code=lambda error: statuses.describe(error)[0].name,
    )

    def counted() -> set[tuple[str, str]]:
        return {
            (sample.labels["method"], sample.labels["code"])
            for metric in metrics.registry.collect()
            for sample in metric.samples
            if sample.name == "toy_calls_total"
        }

    application = Application(
        ROUTES,
        lanes=rule_lanes(admission, events),
        statuses=statuses,
        metrics=metrics,
        max_body=MAX_BODY,
        time_limit=TIME_LIMIT,
    )
    yield Toy(application, admission, events, counted)
    admission.close()


@pytest.mark.parametrize(
    ("query", "remaining", "limit"),
    [
        ("", None, TIME_LIMIT),
        ("timeout=2.5", None, 2.5),
        ("timeout=60", None, 60.0),
        ("", 3.0, 3.0),
        ("", 60.0, TIME_LIMIT),
        ("timeout=2.5", 1.5, 1.5),
        ("timeout=2.5", 60.0, 2.5),
    ],
)
def test_a_request_has_the_time_it_names_within_the_deadline_of_its_call(
    toy: Toy, query: str, remaining: float | None, limit: float
) -> None:
    call = replace(CALL, query=query, remaining=remaining)
    assert toy.application.invoke(call).body == repr((limit, {})).encode()


def test_an_outcome_of_work_is_published(toy: Toy) -> None:
    toy.application.invoke(replace(CALL, body=b"yes"))
    with pytest.raises(Refused):
        toy.application.invoke(replace(CALL, body=b"no"))
    with pytest.raises(BodyTooLarge):
        toy.application.invoke(replace(CALL, body=bytes(MAX_BODY + 1)))
    assert [(event.method, event.cause) for event in toy.events.kept] == [("work", "")] * 3
    done, refused, large = toy.events.kept
    assert (done.body, done.outcome) == (b"yes", Success("toy", "3", {"size": 3}))
    assert refused.outcome == Failure("FAILED_PRECONDITION")
    assert large.outcome == Failure("RESOURCE_EXHAUSTED", "BODY_TOO_LARGE")
    assert all(event.elapsed > 0 for event in toy.events.kept)


@pytest.mark.parametrize("path", ["light", "manage/x"])
def test_what_is_not_work_is_no_event(toy: Toy, path: str) -> None:
    toy.application.invoke(replace(CALL, path=path))
    with pytest.raises(Refused):
        toy.application.invoke(replace(CALL, path=path, body=b"no"))
    assert toy.events.kept == []


def test_calls_are_counted_by_route_and_code(toy: Toy) -> None:
    toy.application.invoke(replace(CALL, path="manage/x"))
    with pytest.raises(Refused):
        toy.application.invoke(replace(CALL, body=b"no"))
    with pytest.raises(MethodNotFound):
        toy.application.invoke(replace(CALL, path="none"))
    assert toy.counted() == {
        ("manage/<name>", "OK"),
        ("work", "FAILED_PRECONDITION"),
        ("unknown", "NOT_FOUND"),
    }


def test_what_cannot_be_read_is_no_event(toy: Toy) -> None:
    for broken in (replace(CALL, query="a=1&a=2"), replace(CALL, verb="DELETE")):
        with pytest.raises(InvalidRequest):
            toy.application.invoke(broken)
    assert toy.events.kept == []


def test_a_full_lane_refuses_its_own_requests_only(toy: Toy) -> None:
    with toy.admission.slots.hold(), toy.admission.slots.hold():
        with pytest.raises(Busy) as busy:
            toy.application.invoke(CALL)
        assert busy.value.limit == 2
        assert toy.application.invoke(replace(CALL, path="light")).body
        assert toy.application.invoke(replace(CALL, path="manage/x")).body
    assert toy.events.kept == []
    assert toy.application.invoke(CALL).body


def test_a_transport_is_given_what_to_call_once_the_caller_has_gone(toy: Toy) -> None:
    given: list[Callable[[], None]] = []

    def stays(cancel: Callable[[], None]) -> bool:
        given.append(cancel)
        return True

    toy.application.invoke(CALL, on_caller_gone=stays)
    (cancel,) = given
    cancel()


@dataclass(frozen=True)
class Question:
    """A request of a transport's own."""

    number: int
    body: bytes = b"\x01"
    time_limit: float = math.inf


@dataclass(frozen=True)
class Answer:
    """An answer of a transport's own."""

    number: int
    model: str = ""
    version: str = ""
    result: None = None


def double(question: Question) -> Answer:
    return Answer(2 * question.number)


def test_a_transport_may_bring_messages_of_its_own(toy: Toy) -> None:
    answer = toy.application.answer(
        Question(21), double, method="Double", lane=Lane.WORK, cause="event-1"
    )
    assert answer == Answer(42)
    (event,) = toy.events.kept
    assert (event.method, event.body, event.cause) == ("Double", b"\x01", "event-1")
    assert toy.counted() == {("Double", "OK")}


def test_requests_in_the_light_lane_are_bounded(toy: Toy) -> None:
    reached: list[int] = []

    def nest(question: Question) -> Answer:
        reached.append(question.number)
        toy.application.answer(Question(question.number + 1), nest, method="Nest", lane=Lane.LIGHT)
        raise AssertionError("nothing ends this but the bound")

    with pytest.raises(Busy):
        toy.application.answer(Question(1), nest, method="Nest", lane=Lane.LIGHT)
    assert reached == [*range(1, LIGHT_SLOTS + 1)]


def test_messages_of_faults_are_cut() -> None:
    statuses = Statuses({Refused: Status.FAILED_PRECONDITION})
    whole = "x" * LONGEST_MESSAGE
    assert statuses.describe(Refused(whole))[1] == whole
    cut = statuses.describe(Refused(whole + "x"))[1]
    assert cut == "x" * (LONGEST_MESSAGE - 3) + "..."
