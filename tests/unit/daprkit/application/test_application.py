"""An application answers requests of any type, whatever carries them."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.callers import OnCallerGone
from meshlens.daprkit.application.events import Answered, Failure, NoEvents, Success
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.keys import Key
from meshlens.daprkit.application.lanes import LIGHT_SLOTS, Lane, LaneRule, rule_lanes
from meshlens.daprkit.application.queueing.flows import Flow
from meshlens.daprkit.application.queueing.slots import Slots
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.spreading import spread
from meshlens.daprkit.application.status import LONGEST_MESSAGE, Status, Statuses
from meshlens.daprkit.errors import (
    BodyTooLarge,
    Busy,
    CallerGone,
    EventNotConfirmed,
    EventNotRecorded,
    IdempotencyKeyReused,
    InvalidRequest,
    MethodNotFound,
    OutboxFull,
    OutboxUnavailable,
)
from meshlens.daprkit.messages import Provenance, Reply, Request
from meshlens.daprkit.telemetry.metrics import Metrics

MAX_BODY = 1000
TIME_LIMIT = 7.0
PROVENANCE = Provenance("5" * 64, "verified", "6" * 64)
CALL = Invocation(path="work", verb="POST", query="", content_type="", body=b"", headers={})


class Refused(Exception):
    """The toy says no."""


class Shelf(NoEvents):
    """Keeps outcomes, while it is not broken."""

    def __init__(self) -> None:
        self.kept: list[Answered] = []
        self.full = False
        self.broken: EventNotRecorded | None = None

    def admit(self) -> None:
        if self.full:
            raise OutboxFull("it must have room", got="none")

    def publish(self, answered: Answered) -> None:
        if self.broken:
            raise self.broken
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
        provenance=PROVENANCE,
    )


ROUTES = (
    Route("work", tell, lane=Lane.WORK),
    Route("light", tell),
    Route("manage/<name>", tell, lane=Lane.MANAGE),
)


STATUSES = Statuses({Refused: Status.FAILED_PRECONDITION})


def make_metrics(admitted: Callable[[], int]) -> Metrics:
    return Metrics(
        "toy",
        admitted=admitted,
        name_code=lambda error: STATUSES.describe(error)[0].name,
    )


def make_application(lanes: Mapping[Lane, LaneRule], metrics: Metrics | None = None) -> Application:
    return Application(
        ROUTES,
        lanes=lanes,
        statuses=STATUSES,
        metrics=metrics or make_metrics(lambda: 0),
        max_body=MAX_BODY,
        time_limit=TIME_LIMIT,
        heeded=lambda: ("version",),
    )


@pytest.fixture
def toy() -> Iterator[Toy]:
    with building() as built:
        yield built


@contextmanager
def building() -> Iterator[Toy]:
    admission, events = Admission(1, 2), Shelf()
    metrics = make_metrics(lambda: admission.slots.held)

    def counted() -> set[tuple[str, str]]:
        return {
            (sample.labels["method"], sample.labels["code"])
            for metric in metrics.registry.collect()
            for sample in metric.samples
            if sample.name == "toy_calls_total"
        }

    application = make_application(rule_lanes(admission, events), metrics)
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
    assert (done.body, done.outcome) == (b"yes", Success("toy", "3", {"size": 3}, PROVENANCE))
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


def test_what_is_pushed_out_of_a_full_queue_is_no_event_either(toy: Toy) -> None:
    working, waiting, end = threading.Event(), threading.Event(), threading.Event()

    def hold(question: Question) -> Answer:
        working.set()
        assert end.wait(10)
        return double(question)

    def waits(_: Callable[[], None]) -> bool:
        waiting.set()
        return True

    def call(caller: str, endpoint: Callable[[Question], Answer], arrived: OnCallerGone) -> Answer:
        question = Question(21, caller=caller)
        return toy.application.answer(
            question, endpoint, method="m", lane=Lane.WORK, on_caller_gone=arrived
        )

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(call, "greedy", hold, lambda _: True)
        assert working.wait(10)
        second = pool.submit(call, "greedy", double, waits)
        assert waiting.wait(10)
        light = pool.submit(call, "light", double, lambda _: True)
        with pytest.raises(Busy):
            second.result(10)
        end.set()
        assert (first.result(10), light.result(10)) == (Answer(42), Answer(42))
    assert [event.outcome for event in toy.events.kept] == [Success("", "", None)] * 2
    assert toy.counted() == {("m", "OK"), ("m", "RESOURCE_EXHAUSTED")}


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
    caller: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer of a transport's own."""

    number: int
    model: str = ""
    version: str = ""
    provenance: Provenance | None = None
    result: None = None
    size: int = 8


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


KEYED = replace(CALL, body=b"yes", headers={"idempotency-key": "k"}, caller="shop")


def test_a_call_with_a_key_is_computed_and_published_once(toy: Toy) -> None:
    first = toy.application.invoke(KEYED)
    assert toy.application.invoke(KEYED) is first
    assert len(toy.events.kept) == 1


def test_equal_calls_without_a_key_are_two_calls_with_an_event_each(toy: Toy) -> None:
    toy.application.invoke(replace(CALL, body=b"yes"))
    toy.application.invoke(replace(CALL, body=b"yes"))
    one, other = toy.events.kept
    assert one.identity != other.identity


def test_another_process_gives_the_event_of_the_same_call_the_same_id(toy: Toy) -> None:
    toy.application.invoke(KEYED)
    with building() as other:
        other.application.invoke(KEYED)
        assert other.events.kept[0].identity == toy.events.kept[0].identity


@pytest.mark.parametrize(
    "other",
    [
        replace(KEYED, body=b"another"),
        replace(KEYED, query="k=2"),
        replace(KEYED, content_type="text/csv"),
        replace(KEYED, headers={**KEYED.headers, "accept": "text/csv"}),
        replace(KEYED, headers={**KEYED.headers, "version": "2"}),
    ],
)
def test_a_key_with_another_request_is_refused_and_published_as_that(
    toy: Toy, other: Invocation
) -> None:
    toy.application.invoke(KEYED)
    with pytest.raises(IdempotencyKeyReused):
        toy.application.invoke(other)
    done, refused = toy.events.kept
    assert refused.outcome == Failure("INVALID_ARGUMENT", "IDEMPOTENCY_KEY_REUSED")
    assert done.identity != refused.identity


@pytest.mark.parametrize("header", [{"version": ""}, {"trace": "2"}])
def test_a_header_that_changes_no_answer_makes_no_other_request(
    toy: Toy, header: Mapping[str, str]
) -> None:
    first = toy.application.invoke(KEYED)
    assert toy.application.invoke(replace(KEYED, headers={**KEYED.headers, **header})) is first


def test_a_call_of_a_transports_own_type_is_another_with_another_header(toy: Toy) -> None:
    def ask(**headers: str) -> Reply:
        return toy.application.answer(
            Request(method="m", verb="POST", query={}, content_type="", body=b"", headers={}),
            tell,
            method="M",
            lane=Lane.WORK,
            key=Key("shop", "k"),
            headers=headers,
        )

    assert ask(version="2") is ask(version="2")
    for other in ({}, {"version": "1"}):
        with pytest.raises(IdempotencyKeyReused):
            ask(**other)


def test_a_failure_is_computed_again_and_its_event_has_the_same_id(toy: Toy) -> None:
    refused = replace(KEYED, body=b"no")
    for _ in range(2):
        with pytest.raises(Refused):
            toy.application.invoke(refused)
    one, other = toy.events.kept
    assert one.identity == other.identity


def test_a_key_that_is_none_is_refused_where_it_would_count(toy: Toy) -> None:
    broken = replace(CALL, headers={"idempotency-key": "a b"})
    with pytest.raises(InvalidRequest):
        toy.application.invoke(broken)


def test_lists_and_pages_are_answered_anew(toy: Toy) -> None:
    light = replace(KEYED, path="light")
    assert toy.application.invoke(light) is not toy.application.invoke(light)


@pytest.mark.parametrize("key", [None, Key("shop", "k")])
def test_work_in_parts_goes_on_without_its_caller_only_if_that_may_send_it_again(
    toy: Toy, key: Key | None
) -> None:
    leave: list[Callable[[], None]] = []

    def part(number: int) -> int:
        for tell in leave:
            tell()
        return number

    def stay(tell: Callable[[], None]) -> bool:
        leave.append(tell)
        return True

    def add_up(question: Question) -> Answer:
        return Answer(sum(spread(part, range(question.number))))

    def ask() -> Answer:
        return toy.application.answer(
            Question(4),
            add_up,
            method="Add",
            lane=Lane.WORK,
            key=key,
            on_caller_gone=stay,
        )

    if key:
        assert ask() == Answer(6)
    else:
        with pytest.raises(CallerGone):
            ask()


def test_an_answer_whose_event_is_not_recorded_is_withheld_and_kept_for_the_next_try(
    toy: Toy,
) -> None:
    toy.events.broken = OutboxUnavailable("it must be written", got="no room")
    computed: list[int] = []

    def count(question: Question) -> Answer:
        computed.append(question.number)
        return double(question)

    def ask() -> Answer:
        return toy.application.answer(
            Question(21), count, method="Double", lane=Lane.WORK, key=Key("shop", "k")
        )

    with pytest.raises(OutboxUnavailable):
        ask()
    toy.events.broken = None
    assert ask() == Answer(42)
    assert computed == [21]
    assert len(toy.events.kept) == 1


def test_a_failure_keeps_its_code_if_the_broker_is_away(toy: Toy) -> None:
    toy.events.broken = EventNotConfirmed("it must be accepted", got="no answer")
    with pytest.raises(Refused):
        toy.application.invoke(replace(CALL, body=b"no"))
    assert toy.counted() == {("work", "FAILED_PRECONDITION")}


def test_a_failure_that_the_disk_does_not_take_is_withheld(toy: Toy) -> None:
    toy.events.broken = OutboxUnavailable("it must be written", got="no room")
    with pytest.raises(OutboxUnavailable):
        toy.application.invoke(replace(CALL, body=b"no"))


def test_without_room_for_its_event_no_work_is_begun(toy: Toy) -> None:
    toy.events.full = True
    with pytest.raises(OutboxFull):
        toy.application.invoke(CALL)
    assert toy.events.kept == []
    assert toy.application.invoke(replace(CALL, path="light")).body


def test_a_full_queue_answers_what_it_has_answered_already(toy: Toy) -> None:
    first = toy.application.invoke(KEYED)
    with toy.admission.slots.hold(), toy.admission.slots.hold():
        assert toy.application.invoke(KEYED) is first
        with pytest.raises(Busy):
            toy.application.invoke(replace(KEYED, headers={"idempotency-key": "other"}))
        with pytest.raises(IdempotencyKeyReused):
            toy.application.invoke(replace(KEYED, body=b"another"))
    assert len(toy.events.kept) == 1


def test_requests_for_models_are_flows_of_their_own(toy: Toy) -> None:
    seen: list[Flow] = []
    lanes = rule_lanes(toy.admission, toy.events)
    full = Slots(0, push_out=seen.append)
    application = make_application({**lanes, Lane.WORK: replace(lanes[Lane.WORK], slots=full)})
    for call in (
        CALL,
        replace(CALL, caller="shop"),
        replace(CALL, query="model=cat"),
        replace(CALL, caller="bank, shop"),
    ):
        with pytest.raises(Busy):
            application.invoke(call)
    question = Question(21, caller="shop")
    for model in ("", "cat"):
        with pytest.raises(Busy):
            application.answer(question, double, method="m", lane=Lane.WORK, model=model)
    assert seen == [
        Flow("", "work"),
        Flow("shop", "work"),
        Flow("", "cat"),
        Flow("", "work"),
        Flow("shop", "m"),
        Flow("shop", "cat"),
    ]
