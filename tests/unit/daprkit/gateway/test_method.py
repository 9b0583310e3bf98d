"""The gateway calls the method that an event is for, once, and answers in the event's shape."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.daprkit.gateway import events

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.events import Answered, Failure, NoEvents, Success
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.lanes import Lane, rule_lanes
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status, Statuses
from meshlens.daprkit.errors import BodyTooLarge, InvalidRequest
from meshlens.daprkit.gateway.method import open_gateway
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.faults import Fault

MAX_BODY = 20_000
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
ORIGIN = "https://a.example"


class NoTable(Fault):
    """The toy wants a table."""


def plot(request: Request) -> Reply:
    if request.body == b"no":
        raise NoTable("the body must be a table", got="no", remedy="send one")
    if request.body == b"bug":
        raise KeyError("swordfish")
    if request.body == b"much":
        return Reply(bytes(MAX_BODY), "image/png")
    seen = {
        "method": request.method,
        "verb": request.verb,
        "query": dict(request.query),
        "type": request.content_type,
        "charset": request.charset,
        "body": request.body.decode(),
        "headers": dict(request.headers),
        "limit": request.time_limit,
    }
    return Reply(
        json.dumps(seen).encode(),
        "application/json",
        headers={"X-Seen": "yes", "connection": "close", "vary": "Accept"},
        result={"n": 1},
    )


def show(request: Request) -> Reply:
    return Reply(PNG, "image/png") if request.verb != "HEAD" else Reply(b"none", "image/png")


class Shelf(NoEvents):
    """Keeps outcomes."""

    def __init__(self) -> None:
        self.kept: list[Answered] = []

    def publish(self, answered: Answered) -> None:
        self.kept.append(answered)


@dataclass(frozen=True)
class Toy:
    """An application with a gateway."""

    application: Application
    admission: Admission
    shelf: Shelf

    def send(self, event: object, query: str = "", **headers: str) -> dict[str, Any]:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        call = Invocation("gateway", "POST", query, "application/json", body, names)
        reply = self.application.invoke(call)
        assert reply.content_type == "application/json"
        answer: dict[str, Any] = json.loads(reply.body)
        return answer


def build(origins: tuple[str, ...] = ("*",)) -> Toy:
    admission, shelf = Admission(1, 1), Shelf()
    statuses = Statuses({NoTable: Status.INVALID_ARGUMENT})
    routes = (
        Route("plot", plot, lane=Lane.WORK),
        Route("fit", plot, lane=Lane.WORK),
        Route("picture", show, verbs=("GET",)),
        Route("models/<name>/versions/<version>", plot, verbs=("GET", "POST", "DELETE")),
        Route("models/<name>/load", plot, lane=Lane.MANAGE),
        Route(
            "v2/models/<name>/infer",
            plot,
            lane=Lane.WORK,
            failure=lambda status, text: f"{status.name}: {text}".encode(),
        ),
        Route("events", plot, verbs=("GET",), lane=Lane.WATCH),
        open_gateway("plot", origins),
    )
    application = Application(
        routes,
        lanes=rule_lanes(admission, shelf),
        statuses=statuses,
        metrics=Metrics("", admitted=int, name_code=lambda e: statuses.describe(e)[0].name),
        max_body=MAX_BODY,
        time_limit=7.0,
        domain="toy",
    )
    return Toy(application, admission, shelf)


@pytest.fixture
def toy() -> Iterator[Toy]:
    built = build()
    yield built
    built.admission.close()


def decode(answer: dict[str, Any]) -> bytes:
    if answer.get("isBase64Encoded") or answer.get("encoding") == "base64":
        return base64.b64decode(answer["body"])
    body: str = answer["body"]
    return body.encode()


ALL: dict[str, Callable[..., dict[str, Any]]] = {
    "rest": events.rest,
    "http": events.http_api,
    "url": events.function_url,
    "scf": events.scf,
    "netlify": events.netlify,
    "vercel": events.vercel,
}


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_each_platforms_event_reaches_the_method_and_is_answered(
    toy: Toy, make: Callable[..., dict[str, Any]]
) -> None:
    answer = toy.send(make())
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/json"
    seen = json.loads(decode(answer))
    assert (seen["method"], seen["verb"], seen["body"]) == ("plot", "POST", events.TEXT)
    assert seen["type"] == "text/csv"
    assert seen["limit"] < 7


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_a_failure_has_the_shape_the_status_and_the_json_of_a_sidecar(
    toy: Toy, make: Callable[..., dict[str, Any]]
) -> None:
    encoded = base64.b64encode(b"no").decode()
    event = make(body=encoded if make in (events.function_url, events.vercel) else "no")
    answer = toy.send(event)
    assert answer["statusCode"] == 400
    assert answer["headers"]["content-type"] == "application/json"
    failure = json.loads(decode(answer))
    assert failure["code"] == 3
    assert failure["message"] == "the body must be a table, got no; send one"
    assert failure["details"][0] == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "NO_TABLE",
        "domain": "toy",
        "metadata": {"expected": "the body must be a table", "got": "no", "remedy": "send one"},
    }
    assert toy.send(make())["statusCode"] == 200
    assert set(answer) == set(toy.send(make()))


def test_a_failure_of_another_servers_method_is_in_that_servers_words(toy: Toy) -> None:
    answer = toy.send(events.rest("/v2/models/a/infer", body="no"))
    assert answer["statusCode"] == 400
    assert answer["body"] == "INVALID_ARGUMENT: the body must be a table, got no; send one"
    other = toy.send(events.rest("/v2/models/a/infer", httpMethod="GET"))
    assert other["body"].startswith("INVALID_ARGUMENT: v2/models/<name>/infer expects POST")


def test_each_call_has_one_event_with_the_bytes_that_the_method_got(toy: Toy) -> None:
    # One slot in all: a gateway that held it would refuse its own calls.
    toy.send(events.function_url())
    toy.send(events.rest(body="no"))
    toy.send(events.rest("/none"))
    assert [(event.method, event.body, event.outcome) for event in toy.shelf.kept] == [
        ("plot", events.TEXT.encode(), Success("", "", {"n": 1})),
        ("plot", b"no", Failure("INVALID_ARGUMENT", "NO_TABLE")),
    ]


def test_a_full_queue_is_an_answer_like_any_other(toy: Toy) -> None:
    with toy.admission.slots.hold():
        answer = toy.send(events.rest())
        assert toy.send(events.rest("/picture", httpMethod="GET"))["statusCode"] == 200
    assert answer["statusCode"] == 429
    failure = json.loads(answer["body"])
    assert "the queue is full" in failure["message"]
    assert "retryDelay" in failure["details"][0]


def test_a_bug_is_an_answer_that_tells_no_secrets(toy: Toy) -> None:
    answer = toy.send(events.rest(body="bug"))
    assert answer["statusCode"] == 500
    assert "swordfish" not in answer["body"]


@pytest.mark.parametrize(
    ("event", "query", "method"),
    [
        (events.rest("/mine", "/mine"), "", "plot"),
        (events.rest("/fit", "/fit"), "", "fit"),
        (events.rest("/base/fit", "/fit"), "", "fit"),
        (events.rest("/mine", "/mine"), "method=fit", "fit"),
        (events.rest("/plot"), "method=/fit/", "fit"),
        (events.scf("/mine", "/mine"), "", "plot"),
        (events.scf("/mine/fit", "/mine"), "", "fit"),
        (events.http_api("/prod/fit", stage="prod"), "", "fit"),
        (events.http_api("/", routeKey="$default"), "", "plot"),
        (events.http_api("/fit/fit", stage="fit"), "", "fit"),
        (events.netlify("/.netlify/functions/ml"), "", "plot"),
        (events.vercel("/api"), "", "plot"),
        (events.rest("/ml/models/a%20b/versions/1", "/ml/{proxy+}",
                     pathParameters={"proxy": "models/a%20b/versions/1"}),
         "", "models/a b/versions/1"),
    ],
)  # fmt: skip # a row for each event
def test_the_url_or_the_option_names_the_method(
    toy: Toy, event: dict[str, Any], query: str, method: str
) -> None:
    answer = toy.send(event, query)
    assert json.loads(decode(answer))["method"] == method


@pytest.mark.parametrize(
    ("event", "query", "status", "words"),
    [
        (events.rest("/none"), "", 404, ["fit", "'none'", "option method"]),
        (events.rest("/plot"), "method=none", 404, ["'none'"]),
        (events.rest("/plot", httpMethod="GET"), "", 400, ["plot expects POST"]),
        (events.rest("/plot", httpMethod="TRACE"), "", 400, ["HTTP verb"]),
        (events.rest("/plot", httpMethod="NONE"), "", 400, ["HTTP verb"]),
        (events.rest("/gateway"), "", 400, ["holds no call itself"]),
        (events.rest("/plot"), "method=gateway", 400, ["holds no call itself"]),
        (events.rest("/models/a/load"), "", 400, ["computes or reads", "models/a/load"]),
        (events.rest("/events", httpMethod="GET"), "", 400, ["computes or reads"]),
        (events.rest("/" + "a/" * 2000), "", 400, ["2048 characters"]),
        (events.rest(headers=["a"]), "", 400, ["format 1.0", "headers"]),
        (events.rest(httpMethod=None), "", 400, ["httpMethod"]),
        (events.rest(body={"a": 1}), "", 400, ["body"]),
        (events.http_api(requestContext={}), "", 400, ["requestContext.http"]),
        (events.rest(isBase64Encoded=True, body="%"), "", 400, ["base64"]),
        (events.rest(multiValueQueryStringParameters={"a": ["1", "2"]}), "", 400, ["once"]),
        (events.http_api(rawQueryString="timeout=-1"), "", 400, ["timeout"]),
        (events.http_api(rawQueryString="%ff"), "", 400, ["UTF-8"]),
    ],
)  # fmt: skip # a row for each event
def test_what_cannot_be_called_is_refused_in_the_events_shape(
    toy: Toy, event: dict[str, Any], query: str, status: int, words: list[str]
) -> None:
    answer = toy.send(event, query)
    assert answer["statusCode"] == status
    message = json.loads(answer["body"])["message"]
    assert [word for word in words if word not in message] == []
    assert toy.shelf.kept == []


@pytest.mark.parametrize("event", [b"1,2,3,4", b"", [events.rest()], {"Records": []}, {"a": 1}])
def test_what_is_no_platforms_event_fails_the_call_itself(toy: Toy, event: object) -> None:
    with pytest.raises(InvalidRequest):
        toy.send(event)


def test_an_option_of_the_method_does_not_belong_to_the_gateway(toy: Toy) -> None:
    with pytest.raises(InvalidRequest, match="the event's own query") as refusal:
        toy.send(events.rest(), "kind=scree")
    assert refusal.value.option == "kind"
    seen = toy.send(events.rest(queryStringParameters={"kind": "scree"}))
    assert json.loads(seen["body"])["query"] == {"kind": "scree"}


def test_an_event_beyond_the_size_limit_fails_the_call_itself(toy: Toy) -> None:
    with pytest.raises(BodyTooLarge):
        toy.send(events.rest(body="1," * MAX_BODY))


def test_an_answer_that_is_too_large_in_its_shape_is_refused(toy: Toy) -> None:
    answer = toy.send(events.rest(body="much"))
    assert answer["statusCode"] == 429
    assert f"at most {MAX_BODY} bytes" in json.loads(answer["body"])["message"]


def test_binary_answers_are_base64_and_their_headers_lead_out_of_the_mesh(toy: Toy) -> None:
    picture = toy.send(events.rest("/picture", httpMethod="GET"))
    assert base64.b64decode(picture["body"]) == PNG
    assert picture["isBase64Encoded"] is True
    assert picture["headers"] == {
        "content-type": "image/png",
        "x-content-type-options": "nosniff",
        "access-control-allow-origin": "*",
    }
    answer = toy.send(events.rest())
    assert answer["isBase64Encoded"] is False
    assert answer["headers"]["x-seen"] == "yes"
    assert "connection" not in answer["headers"]


def test_an_answer_to_head_has_no_body(toy: Toy) -> None:
    answer = toy.send(events.rest("/picture", httpMethod="HEAD"))
    assert (answer["statusCode"], answer["body"]) == (200, "")
    assert answer["headers"]["content-type"] == "image/png"


def test_the_method_gets_the_callers_headers_and_the_truth_about_the_mesh(toy: Toy) -> None:
    headers = {"Accept": "a/b", "Content-Type": "text/csv; charset=latin-1", "Caller-App-Id": "x"}
    event = events.http_api(headers=headers)
    answer = toy.send(event, caller_app_id="shop", accept="c/d")
    seen = json.loads(answer["body"])
    assert seen["headers"] == {"accept": "a/b", "cookie": "a=1; b=2", "caller-app-id": "shop"}
    assert (seen["type"], seen["charset"]) == ("text/csv", "latin-1")


@pytest.mark.parametrize(
    ("inner", "outer", "limit"),
    [
        ("", "", 7.0),
        ("timeout=60", "", 60.0),
        ("", "timeout=2", 2.0),
        ("timeout=3", "timeout=2", 3),
    ],
)
def test_the_time_limit_is_the_events_own_or_else_the_gateways(
    toy: Toy, inner: str, outer: str, limit: float
) -> None:
    answer = toy.send(events.http_api(rawQueryString=inner), outer)
    assert limit - 1 < json.loads(answer["body"])["limit"] <= limit


def test_a_preflight_is_answered_without_a_call(toy: Toy) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    for event in (
        events.rest(httpMethod="OPTIONS", headers=asked, multiValueHeaders=None, body=None),
        events.http_api(verb="OPTIONS", headers=asked, body=None),
        events.vercel(method="OPTIONS", headers=asked, body=None),
    ):
        answer = toy.send(event)
        assert answer["statusCode"] == 204
        assert decode(answer) == b""
        assert answer["headers"] == {
            "allow": "POST, PUT, OPTIONS",
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "POST, PUT, OPTIONS",
            "access-control-allow-headers": "content-type",
            "access-control-max-age": "7200",
        }
    assert toy.shelf.kept == []
    reading = toy.send(events.rest("/picture", httpMethod="OPTIONS"))
    assert reading["headers"]["allow"] == "GET, HEAD, OPTIONS"
    assert toy.send(events.rest("/none", httpMethod="OPTIONS"))["statusCode"] == 404


def test_pages_of_allowed_origins_may_read_answers_and_failures() -> None:
    toy = build((ORIGIN,))
    for body, status in ((events.TEXT, 200), ("no", 400)):
        event = events.rest(body=body, headers={"Origin": ORIGIN}, multiValueHeaders=None)
        answer = toy.send(event)
        assert answer["statusCode"] == status
        assert answer["headers"]["access-control-allow-origin"] == ORIGIN
        assert answer["headers"]["vary"].endswith("Origin")
        other = toy.send(event | {"headers": {"Origin": "https://b.example"}})
        assert "access-control-allow-origin" not in other["headers"]
    toy.admission.close()


def test_a_deadline_ends_the_call_within(toy: Toy) -> None:
    body = json.dumps(events.rest()).encode()
    call = Invocation("gateway", "POST", "", "", body, {}, remaining=1e-9)
    answer = json.loads(toy.application.invoke(call).body)
    assert answer["statusCode"] == 504


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
FIELDS = sorted({key for make in ALL.values() for key in make()})


@given(
    make=st.sampled_from([*ALL.values()]),
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    missing=st.sets(st.sampled_from(FIELDS), max_size=3),
    query=st.sampled_from(["", "method=plot", "method=%00", "timeout=1"]),
)
def test_a_hostile_event_is_answered_in_shape_or_refused(
    make: Callable[..., dict[str, Any]],
    changes: dict[str, Any],
    missing: set[str],
    query: str,
) -> None:
    event = {key: value for key, value in (make() | changes).items() if key not in missing}
    toy = build()
    try:
        answer = toy.send(event, query)
    except InvalidRequest:
        return
    finally:
        toy.admission.close()
    assert answer["statusCode"] in {200, 204, 400, 404, 429, 504}
    assert isinstance(answer["headers"], dict)
    assert isinstance(answer["body"], str)


@given(call=st.dictionaries(st.sampled_from(["method", "path", "headers", "body", "x"]), JSON))
def test_a_hostile_call_within_an_event_of_vercel_is_answered_in_shape(
    call: dict[str, Any],
) -> None:
    toy = build()
    answer = toy.send({"Action": "Invoke", "body": json.dumps(call)})
    toy.admission.close()
    assert answer["statusCode"] in {200, 204, 400, 404}
    assert answer["encoding"] == "base64"


@given(path=st.text(), parameters=st.dictionaries(st.text(max_size=5), st.text(), max_size=3))
def test_a_hostile_path_is_answered_in_shape(path: str, parameters: dict[str, str]) -> None:
    toy = build()
    event = events.rest(path, "/{proxy+}/{a}", pathParameters=parameters)
    answer = toy.send(event)
    toy.admission.close()
    assert answer["statusCode"] in {200, 400, 404}


def test_a_gateway_is_called_by_post_only(toy: Toy) -> None:
    call = Invocation("gateway", "POST", "", "", json.dumps(events.rest()).encode(), {})
    with pytest.raises(InvalidRequest):
        toy.application.invoke(replace(call, verb="GET"))
