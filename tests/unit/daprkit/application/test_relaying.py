"""A relay's call of another method is admitted, timed, published and counted as that method's."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from structlog.testing import capture_logs

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.events import Answered, Failure, NoEvents, Success
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.lanes import RELAY_SLOTS, Lane, LaneRule, rule_lanes
from meshlens.daprkit.application.relaying import Methods, Relay
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import INTERNAL_MESSAGE, Status, Statuses
from meshlens.daprkit.errors import (
    BodyTooLarge,
    Busy,
    InvalidRequest,
    MethodNotFound,
    TimeLimitExceeded,
)
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.telemetry.metrics import Metrics

MAX_BODY = 100
INNER = Invocation("work", "POST", "", "text/plain", b"", {})


def call(body: bytes = b"", *, path: str = "relay", query: str = "") -> Invocation:
    return Invocation(path, "POST", query, "text/plain", body, {})


class Refused(Exception):
    """The toy says no."""


def work(request: Request) -> Reply:
    if request.body == b"no":
        raise Refused("no")
    return Reply(f"{request.time_limit:g}".encode(), "text/plain", result={"n": 1}, model="toy")


def relay(request: Request, methods: Methods) -> Reply:
    """Call `work` with each word of the body, and answer what became of it."""
    answers: list[bytes] = []
    for word in request.body.split():
        try:
            answers.append(methods.invoke(Invocation("work", "POST", "", "", word, {})).body)
        except Exception as error:
            status, text = methods.describe(error)
            if status is Status.INTERNAL:
                raise
            answers.append(f"{status.name}: {text}".encode())
    return Reply(b", ".join(answers), "text/plain")


class Shelf(NoEvents):
    """Keeps outcomes."""

    def __init__(self) -> None:
        self.kept: list[Answered] = []

    def publish(self, answered: Answered) -> None:
        self.kept.append(answered)


@dataclass(frozen=True)
class Toy:
    """An application with a relay."""

    application: Application
    admission: Admission
    events: Shelf
    counted: Callable[[], dict[tuple[str, str], float]]
    lanes: Mapping[Lane, LaneRule]


@pytest.fixture
def toy() -> Iterator[Toy]:
    with building(Relay(relay)) as built:
        yield built


@contextmanager
def building(endpoint: Relay, worker: Callable[[Request], Reply] = work) -> Iterator[Toy]:
    admission, events = Admission(1, 1), Shelf()
    statuses = Statuses({Refused: Status.FAILED_PRECONDITION})
    metrics = Metrics("toy", admitted=int, name_code=lambda e: statuses.describe(e)[0].name)

    def counted() -> dict[tuple[str, str], float]:
        return {
            (sample.labels["method"], sample.labels["code"]): sample.value
            for metric in metrics.registry.collect()
            for sample in metric.samples
            if sample.name == "toy_calls_total"
        }

    lanes = rule_lanes(admission, events)
    application = Application(
        (Route("work", worker, lane=Lane.WORK), Route("relay", endpoint)),
        lanes=lanes,
        statuses=statuses,
        metrics=metrics,
        max_body=MAX_BODY,
        time_limit=7.0,
        domain="toy",
    )
    yield Toy(application, admission, events, counted, lanes)
    admission.close()


def test_each_call_has_its_own_admission_and_event_and_the_relay_has_none(toy: Toy) -> None:
    # One slot in all: a relay that held it would refuse its own calls.
    reply = toy.application.invoke(call(b"yes no yes"))
    assert reply.body.count(b", ") == 2
    assert b"FAILED_PRECONDITION: no" in reply.body
    assert [(event.method, event.body, event.outcome) for event in toy.events.kept] == [
        ("work", b"yes", Success("toy", "", {"n": 1})),
        ("work", b"no", Failure("FAILED_PRECONDITION")),
        ("work", b"yes", Success("toy", "", {"n": 1})),
    ]
    assert toy.counted() == {
        ("work", "OK"): 2,
        ("work", "FAILED_PRECONDITION"): 1,
        ("relay", "OK"): 1,
    }


def test_a_call_has_what_is_left_of_the_time_of_the_relay(toy: Toy) -> None:
    limit = float(toy.application.invoke(call(b"yes", query="timeout=2.5")).body)
    assert 0 < limit < 2.5


def test_a_call_after_the_time_of_the_relay_does_not_begin(toy: Toy) -> None:
    refused = toy.application.invoke(call(b"yes", query="timeout=1e-9"))
    assert refused.body.startswith(b"DEADLINE_EXCEEDED")
    (event,) = toy.events.kept
    assert event.outcome == Failure("DEADLINE_EXCEEDED", TimeLimitExceeded("").reason)


def test_a_full_lane_refuses_the_call_and_not_the_relay(toy: Toy) -> None:
    with toy.admission.slots.hold():
        refused = toy.application.invoke(call(b"yes"))
        assert toy.application.invoke(call()).body == b""
    assert refused.body.startswith(b"RESOURCE_EXHAUSTED")
    assert toy.events.kept == []


def test_a_body_beyond_the_limit_is_refused_before_the_relay_reads_it(toy: Toy) -> None:
    with pytest.raises(BodyTooLarge):
        toy.application.invoke(call(bytes(MAX_BODY + 1)))


def test_outside_an_application_a_relay_has_no_methods() -> None:
    request = Request("relay", "POST", {}, "", b"", {})
    assert Relay(relay)(request).body == b""
    with pytest.raises(MethodNotFound):
        Relay(lambda _, methods: methods.invoke(INNER))(request)


def test_what_a_relay_is_told_of_an_error_is_what_a_caller_gets(toy: Toy) -> None:
    with toy.admission.slots.hold(), pytest.raises(Busy) as busy:
        toy.application.invoke(INNER)
    with toy.admission.slots.hold():
        told = toy.application.invoke(call(b"yes")).body.decode()
    assert told == f"RESOURCE_EXHAUSTED: {busy.value}"


def test_a_call_within_another_may_name_its_own_time() -> None:
    def patient(request: Request, methods: Methods) -> Reply:  # noqa: ARG001 - a relay takes the request
        return methods.invoke(replace(INNER, query="timeout=60"))

    with building(Relay(patient)) as other:
        assert float(other.application.invoke(call()).body) == 60
        late = replace(call(), remaining=3.0)
        assert float(other.application.invoke(late).body) < 3


def test_a_relay_holds_a_slot_of_its_own_until_its_first_call() -> None:
    held: list[tuple[int, int]] = []

    def count(toy: Toy) -> None:
        held.append((toy.lanes[Lane.RELAY].slots.held, toy.admission.slots.held))

    def look(request: Request, methods: Methods) -> Reply:
        count(other)
        reply = methods.invoke(replace(INNER, body=request.body))
        count(other)
        return reply

    def work_and_look(_: Request) -> Reply:
        count(other)
        return Reply(b"", "text/plain")

    with building(Relay(look), work_and_look) as other:
        other.application.invoke(call())
    assert held == [(1, 0), (0, 1), (0, 0)]


def test_more_relays_than_slots_are_refused_before_they_read() -> None:
    reached: list[int] = []

    def nest(request: Request, methods: Methods) -> Reply:  # noqa: ARG001 - a relay takes both
        reached.append(1)
        return other.application.invoke(call())

    with building(Relay(nest)) as other, pytest.raises(Busy):
        other.application.invoke(call())
    assert len(reached) == RELAY_SLOTS


def test_a_relay_cannot_be_called_by_a_relay() -> None:
    def again(request: Request, methods: Methods) -> Reply:  # noqa: ARG001 - a relay takes the request
        return methods.invoke(replace(INNER, path="relay"))

    with building(Relay(again)) as other, pytest.raises(InvalidRequest, match="holds no call"):
        other.application.invoke(call())


def test_a_relay_can_look_up_methods_and_say_what_a_caller_gets_for_an_error() -> None:
    seen: list[object] = []

    def look(request: Request, methods: Methods) -> Reply:  # noqa: ARG001 - a relay takes the request
        route, _ = methods.find("work", "POST")
        refusal = methods.refuse(Busy(3, 0.5))
        seen.extend([route.lane, methods.largest_answer, refusal.http])
        return Reply(refusal.encode_json(), "application/json")

    with building(Relay(look)) as other:
        answer = json.loads(other.application.invoke(call()).body)
    assert seen == [Lane.WORK, MAX_BODY, 429]
    assert answer["code"] == 8
    assert answer["message"] == str(Busy(3, 0.5))
    retry, info = answer["details"]
    assert retry == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": "0.500s",
    }
    assert (info["reason"], info["domain"]) == ("BUSY", "toy")


def test_a_bug_in_a_carried_call_has_no_details() -> None:
    def look(request: Request, methods: Methods) -> Reply:  # noqa: ARG001 - a relay takes the request
        return Reply(methods.refuse(KeyError("swordfish")).encode_json(), "application/json")

    with building(Relay(look)) as other, capture_logs() as logged:
        answer = json.loads(other.application.invoke(call()).body)
    assert answer == {"code": 13, "message": INTERNAL_MESSAGE}
    assert [entry["event"] for entry in logged] == ["unexpected error"]
