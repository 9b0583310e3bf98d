"""Each platform's event is told by its keys, and describes the same call."""

import base64
from typing import Any

import pytest
from unit.daprkit.gateway import events

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.gateway.http import HttpAnswer, HttpCall
from meshlens.daprkit.gateway.platforms.amazon import HttpEvent, RestEvent
from meshlens.daprkit.gateway.platforms.event import Event
from meshlens.daprkit.gateway.platforms.netlify import NetlifyEvent
from meshlens.daprkit.gateway.platforms.shapes import find_shape
from meshlens.daprkit.gateway.platforms.tencent import ScfEvent
from meshlens.daprkit.gateway.platforms.vercel import VercelEvent

PNG = b"\x89PNG\r\n"
SEED = {"body": events.TEXT, "headers": {}, "httpMethod": "POST", "path": "/", "queryString": {}}
OLD_NETLIFY = {
    "path": "/.netlify/functions/ml/plot",
    "httpMethod": "POST",
    "headers": {"content-type": "text/csv"},
    "queryStringParameters": {},
    "body": events.TEXT,
    "isBase64Encoded": False,
}
SHAPES: list[tuple[dict[str, Any], type[Event]]] = [
    (events.rest(), RestEvent),
    (events.rest(version="1.0"), RestEvent),
    (events.http_api(), HttpEvent),
    (events.function_url(), HttpEvent),
    (events.scf(), ScfEvent),
    (SEED, ScfEvent),
    (events.netlify(), NetlifyEvent),
    (OLD_NETLIFY, NetlifyEvent),
    (events.vercel(), VercelEvent),
]


def read(event: dict[str, Any]) -> HttpCall:
    return find_shape(event).model_validate(event).read()


@pytest.mark.parametrize(("event", "shape"), SHAPES)
def test_an_event_is_known_by_its_keys(event: dict[str, Any], shape: type[Event]) -> None:
    assert find_shape(event) is shape
    call = read(event)
    assert (call.verb, call.body) == ("POST", events.TEXT.encode())
    if event is not SEED:
        assert "plot" in call.address.paths
        assert call.headers["content-type"] == "text/csv"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": [{"eventSource": "aws:sqs", "body": "1,2"}]},
        {"httpMethod": "POST"},
        # Of a load balancer, whose query is encoded differently.
        {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/plot"},
        # Of Alibaba's Function Compute, whose query is in another field.
        {"version": "v1", "rawPath": "/plot", "requestContext": {"http": {"method": "GET"}}},
    ],
)
def test_other_events_are_refused_with_what_is_expected_and_the_keys(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        find_shape(event)
    assert "Amazon API Gateway, format 1.0" in refusal.value.expected
    assert all(repr(key) in refusal.value.got for key in event) or not event


def test_a_message_about_many_keys_is_short() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        find_shape({f"{number}{'k' * 1000}": 0 for number in range(1000)})
    assert "and 988 more" in refusal.value.got
    assert len(refusal.value.got) < 700


@pytest.mark.parametrize("shape", [RestEvent, HttpEvent, ScfEvent, NetlifyEvent])
def test_text_is_answered_as_it_is_and_other_bytes_in_base64(shape: type[Event]) -> None:
    text = shape.write(HttpAnswer(200, {"content-type": "image/svg+xml"}, "<svg>é".encode()))
    fields = text.model_dump(by_alias=True)
    assert (fields["statusCode"], fields["body"], fields["isBase64Encoded"]) == (
        200,
        "<svg>é",
        False,
    )
    picture = shape.write(HttpAnswer(200, {"content-type": "image/png"}, PNG))
    fields = picture.model_dump(by_alias=True)
    assert (base64.b64decode(fields["body"]), fields["isBase64Encoded"]) == (PNG, True)


def test_vercel_gets_base64_always() -> None:
    text = VercelEvent.write(HttpAnswer(404, {"content-type": "text/plain"}, b"none"))
    assert text.model_dump(by_alias=True) == {
        "statusCode": 404,
        "headers": {"content-type": "text/plain"},
        "body": base64.b64encode(b"none").decode(),
        "encoding": "base64",
    }


def test_a_cookie_that_is_set_is_in_a_field_of_format_2() -> None:
    answer = HttpAnswer(200, {"content-type": "text/plain", "set-cookie": "a=1"}, b"")
    fields = HttpEvent.write(answer).model_dump(by_alias=True)
    assert (fields["cookies"], fields["headers"]) == (["a=1"], {"content-type": "text/plain"})


@pytest.mark.parametrize(
    ("event", "query"),
    [
        (
            events.rest(
                queryStringParameters={"q": "b c"},
                multiValueQueryStringParameters={"q": ["a&b", "b c"]},
            ),
            "q=a%26b&q=b%20c",
        ),
        (events.rest(queryStringParameters={"q": "ü", "r": None}), "q=%C3%BC&r="),
        (events.http_api(rawQueryString="q=1&q=a%2Cb"), "q=1&q=a%2Cb"),
        (events.scf(queryString={"q": ["1", "2"], "r": "x y", "s": None}), "q=1&q=2&r=x%20y&s="),
        (events.scf(queryString=None), ""),
        (events.netlify(rawQuery="q=1&q=2"), "q=1&q=2"),
        (OLD_NETLIFY | {"queryStringParameters": {"q": "1 2"}}, "q=1%202"),
        (events.vercel("/api/plot?q=1&q=2"), "q=1&q=2"),
    ],
)
def test_the_query_is_that_of_the_url_with_every_value(event: dict[str, Any], query: str) -> None:
    assert read(event).query == query


@pytest.mark.parametrize(
    ("event", "headers"),
    [
        (
            events.rest(
                headers={"ACCEPT": "text/csv", "X-One": "1"},
                multiValueHeaders={"Accept": ["image/png", "text/csv"], "Cookie": ["a=1", "b=2"]},
            ),
            {"accept": "image/png, text/csv", "cookie": "a=1; b=2", "x-one": "1"},
        ),
        (events.rest(headers=None, multiValueHeaders=None), {}),
        (
            events.rest(headers={"A": "1", "a": "2", "b": None}, multiValueHeaders=None),
            {"a": "1, 2"},
        ),
        (events.http_api(headers={"X": "1"}), {"x": "1", "cookie": "a=1; b=2"}),
        (events.http_api(headers={"X": "1"}, cookies=None), {"x": "1"}),
        (
            events.vercel(headers={"Accept": ["a/b", "c/d"], "X": "1"}),
            {"accept": "a/b, c/d", "x": "1"},
        ),
    ],
)
def test_headers_have_lower_case_names_and_all_values(
    event: dict[str, Any], headers: dict[str, str]
) -> None:
    assert read(event).headers == headers


@pytest.mark.parametrize(
    ("event", "paths", "bare"),
    [
        (events.rest("/plot"), ("plot", "plot", "plot"), False),
        (events.rest("/ml/plot", "/ml/{proxy+}", pathParameters={"proxy": "plot"}),
         ("ml/plot", "ml/plot", "plot"), False),
        (events.rest("/base/ml/plot", "/ml/{proxy+}", pathParameters={"proxy": "plot"}),
         ("base/ml/plot", "ml/plot", "plot"), False),
        (events.rest("/mine", "/mine", pathParameters=None), ("mine", ""), True),
        (events.rest("/base/mine", "/mine", pathParameters=None), ("base/mine", "mine"), True),
        (events.rest("/", "/", pathParameters=None), ("", ""), True),
        # A REST API leaves the stage out; HTTP APIs do not, in either format.
        (events.rest("/prod/plot", pathParameters={"proxy": "prod/plot"}),
         ("prod/plot", "prod/plot", "prod/plot"), False),
        (events.rest("/prod/plot", version="1.0", pathParameters={"proxy": "plot"}),
         ("plot", "plot", "plot"), False),
        (events.rest("/prod/x", "$default", version="1.0", pathParameters=None),
         ("x", "", ""), False),
        (events.http_api("/prod/plot", stage="prod"), ("plot", "", ""), False),
        (events.http_api("/prod", stage="prod"), ("", "", ""), True),
        (events.http_api("/ml/fit", routeKey="ANY /ml/{name}", pathParameters={"name": "fit"}),
         ("ml/fit", "ml/fit", "fit"), False),
        (events.http_api("/mine", routeKey="POST /mine"), ("mine", ""), True),
        (events.function_url("/"), ("", "", ""), True),
        (events.scf("/mine/plot", "/mine"), ("mine/plot", "plot"), False),
        (events.scf("/mine", "/mine"), ("mine", ""), True),
        (events.scf("/mine/fit", "/mine/{path}"), ("mine/fit", "mine/fit", "fit"), False),
        (SEED | {"path": "/other"}, ("other", "other"), False),
        (events.netlify("/.netlify/functions/ml"), (".netlify/functions/ml", ""), True),
        (events.netlify("/api/plot"), ("api/plot", "plot"), False),
        (events.vercel("/api/models/a%20b//predict/"),
         ("api/models/a b/predict", "models/a b/predict"), False),
        (events.vercel("/"), ("", ""), True),
    ],
)  # fmt: skip # a row for each event
def test_a_url_names_a_method_or_the_function_itself(
    event: dict[str, Any], paths: tuple[str, ...], *, bare: bool
) -> None:
    address = read(event).address
    assert (tuple(address.paths), address.bare) == (paths, bare)


@pytest.mark.parametrize(
    "changes",
    [
        {"payloads": [{"method": "GET", "path": "/models"}]},
        {"responseCallbackUrl": "http://10.0.0.1:80/"},
        {"encoding": "hex"},
        {"method": None},
        {"body": "no base64!"},
    ],
)
def test_what_vercel_may_send_and_is_not_one_call_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        read(events.vercel(**changes))
