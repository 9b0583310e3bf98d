"""An event over a real gRPC connection: one admission and one status, in the event's shape."""

import json
from typing import Any

from contract.daprkit.toy import Gate, full_queue, refusal_of, seen
from unit.daprkit.gateway import events

from meshlens.daprkit.client import Client


def send(client: Client, event: object, **query: str) -> dict[str, Any]:
    reply = client.invoke("toy", "gateway", json.dumps(event).encode(), query=query)
    answer: dict[str, Any] = json.loads(reply.body)
    return answer


def test_an_event_reaches_the_method_that_its_url_names(client: Client) -> None:
    event = events.http_api("/describe", headers={"X-Tag": "a", "content-type": "text/csv"})
    answer = send(client, event | {"rawQueryString": "a=1"})
    assert answer["statusCode"] == 200
    assert answer["headers"]["x-seen"] == "yes"
    described = json.loads(answer["body"])
    assert (described["verb"], described["query"], described["x-tag"]) == ("POST", {"a": "1"}, "a")


def test_a_failure_is_an_answer_with_the_details_of_the_app(client: Client) -> None:
    answer = send(client, events.rest("/refuse"))
    assert answer["statusCode"] == 400
    failure = json.loads(answer["body"])
    direct = refusal_of(lambda: client.invoke("toy", "refuse"))
    assert failure["message"] == direct.message
    (info,) = failure["details"]
    assert (info["reason"], info["domain"]) == (direct.details.reason, "toy")


def test_a_full_queue_refuses_the_call_within_and_not_the_event(client: Client, gate: Gate) -> None:
    with full_queue(client, gate):
        answer = send(client, events.rest("/gate"))
        assert answer["statusCode"] == 429
        assert send(client, events.rest("/describe"))["statusCode"] == 200


def test_an_event_takes_one_place_in_the_queue(client: Client, gate: Gate) -> None:
    gate.open.set()
    event = events.rest("/gate", body="x")
    assert send(client, event)["body"] == "through"
    assert gate.begun == ["x"]
    assert seen(client.invoke("toy", "work"))["size"] == 0


def test_an_unknown_event_is_refused_as_any_call_is(client: Client) -> None:
    refusal = refusal_of(lambda: client.invoke("toy", "gateway", b'{"Records": []}'))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.details.reason == "INVALID_REQUEST"
