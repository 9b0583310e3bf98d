"""The result event is a contract with its consumers: its bytes, and the schema that docs/ has."""

import hashlib
import json
from pathlib import Path
from uuid import UUID

import grpc
import pytest
from event_schema import encode_schema
from pydantic import TypeAdapter

from meshlens.daprkit.application.events import Answered, Failure, Success
from meshlens.daprkit.application.result_event import (
    AnyEvent,
    FailureEvent,
    ResultEvent,
    encode_event,
    make_event,
)
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.messages import Provenance
from meshlens.faults import Fault, Place

DOCS = Path(__file__).resolve().parents[4] / "docs"
BODY = b"1,2,3,4"
SHA256 = hashlib.sha256(BODY).hexdigest()


def test_a_result_is_these_bytes() -> None:
    outcome = Success("digits", "1", {"label": "sept · 7", "probability": 0.5})
    event = make_event("id-1", "classify", Answered("classify", BODY, outcome, 0.1234567))
    assert encode_event(event) == (
        b'{"id": "id-1", "service": "classify", "method": "classify",'
        b' "input": {"sha256": "' + SHA256.encode() + b'", "size": 7},'
        b' "elapsed_seconds": 0.123457, "outcome": "OK", "model": "digits", "version": "1",'
        b' "result": {"label": "sept \\u00b7 7", "probability": 0.5}}'
    )


@pytest.mark.parametrize(
    ("provenance", "expected"),
    [
        (Provenance(SHA256), {"sha256": SHA256, "signature": "unchecked"}),
        (Provenance(SHA256, "unverified"), {"sha256": SHA256, "signature": "unverified"}),
        (
            Provenance(SHA256, "verified", "5" * 64),
            {"sha256": SHA256, "signature": "verified", "signer": "5" * 64},
        ),
    ],
)
def test_a_result_names_the_bytes_that_answered_and_who_signed_them(
    provenance: Provenance, expected: dict[str, str]
) -> None:
    outcome = Success("digits", "1", None, provenance)
    event = make_event("id-1", "classify", Answered("classify", BODY, outcome, 0.1))
    assert json.loads(encode_event(event))["provenance"] == expected


def test_a_failure_is_these_bytes() -> None:
    outcome = Failure("INVALID_ARGUMENT", "INVALID_TABLE", ({"row": 3, "column": 2}, {"row": 5}))
    event = make_event("id-1", "classify", Answered("images", BODY, outcome, 2.0, "frame-1"))
    assert encode_event(event) == (
        b'{"id": "id-1", "service": "classify", "method": "images",'
        b' "input": {"sha256": "' + SHA256.encode() + b'", "size": 7},'
        b' "elapsed_seconds": 2.0, "cause": "frame-1", "outcome": "INVALID_ARGUMENT",'
        b' "message": "INVALID_TABLE at row 3, column 2", "reason": "INVALID_TABLE",'
        b' "places": [{"row": 3, "column": 2}, {"row": 5}]}'
    )


def test_a_result_without_facts_says_so() -> None:
    event = make_event("id-1", "pca", Answered("plot", BODY, Success("", "", None), 1.0))
    assert json.loads(encode_event(event))["result"] is None


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Success("digits", "1", {"labels": []}), ResultEvent),
        (Success("digits", "1", None, Provenance(SHA256, "verified", "5" * 64)), ResultEvent),
        (Failure("NOT_FOUND", "MODEL_NOT_FOUND"), FailureEvent),
        (Failure("INVALID_ARGUMENT", "INVALID_IMAGE", ({"image": 2},)), FailureEvent),
        (Failure("INTERNAL"), FailureEvent),
    ],
)
def test_a_consumer_reads_an_event_by_the_same_model(
    outcome: Success | Failure, kind: type[AnyEvent]
) -> None:
    event = make_event("id-1", "classify", Answered("classify", BODY, outcome, 0.5))
    adapter: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
    read = adapter.validate_json(encode_event(event))
    assert isinstance(read, kind)
    assert read == event


def test_every_code_but_ok_may_be_a_failure() -> None:
    for status in grpc.StatusCode:
        if status is not Status.OK:
            failed = Answered("plot", b"", Failure(status.name), 0.0)
            assert make_event("id-1", "pca", failed).outcome == status.name


def test_a_failure_is_its_kind_and_its_numbered_places_and_no_text_of_it() -> None:
    places = [Place(row=3, column=2, field="card 4111"), Place(file="secret.png"), Place(byte=7)]
    fault = Unreadable("numbers", got="'card 4111'", remedy="leave out 4111", places=places)
    assert Failure.of("INVALID_ARGUMENT", fault) == Failure(
        "INVALID_ARGUMENT", "UNREADABLE", ({"row": 3, "column": 2}, {"byte": 7})
    )
    assert Failure.of("INTERNAL", KeyError("card 4111")) == Failure("INTERNAL")


class Unreadable(Fault):
    """Something of the request cannot be read."""


def test_the_schema_in_docs_is_that_of_the_model() -> None:
    written = (DOCS / "result-event.schema.json").read_text()
    assert written == encode_schema(), "run: make schemas"


def test_the_example_in_docs_is_an_event() -> None:
    text = (DOCS / "events.md").read_text()
    example = text[text.index("```json\n") + len("```json\n") :]
    cloud_event = json.loads(example[: example.index("```")])
    event = TypeAdapter(AnyEvent).validate_python(cloud_event["data"])
    assert isinstance(event, ResultEvent)
    assert cloud_event["id"] == event.id
    assert (cloud_event["source"], cloud_event["subject"]) == (event.service, event.method)


def test_requests_without_a_key_have_ids_of_their_own() -> None:
    ids = {Answered("classify", BODY, Success("", "", None), 0.1).identity for _ in range(100)}
    assert len(ids) == 100
    assert {UUID(identity).version for identity in ids} == {4}
