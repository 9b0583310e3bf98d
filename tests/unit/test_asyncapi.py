"""What each service says of its topics is valid, complete, and as its events are."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from api_reference import TOPICS, build_documents, encode_topics
from installed import need
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError

from meshlens.daprkit.application.events import Answered, Failure, Success
from meshlens.daprkit.application.result_event import encode_event, make_event
from meshlens.daprkit.reference import TOPICS_PATH

DOCUMENTS = build_documents(TOPICS_PATH)
SERVICES = ("pca", "classify", "jobs")
SPECIFICATION = Path(__file__).resolve().parent.parent / "clients" / "asyncapi"
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "classify",
    "type": "meshlens.result.v1",
    "subject": "classify",
    "time": "2026-01-31T12:00:00Z",
    "datacontenttype": "application/json",
    "topic": "results",
    "pubsubname": "pubsub",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


@pytest.mark.parametrize("service", SERVICES)
def test_the_file_is_what_the_generator_makes(service: str) -> None:
    written = (TOPICS / f"{service}.json").read_text()
    assert written == encode_topics()[service], "run make schemas"


@pytest.mark.slow
def test_the_documents_are_asyncapi(tmp_path: Path) -> None:
    npm = need("npm", "apt-get install nodejs npm")
    folder = tmp_path / "asyncapi"
    shutil.copytree(SPECIFICATION, folder)
    subprocess.run([npm, "ci", "--silent", "--ignore-scripts"], cwd=folder, check=True)
    schemas = folder / "node_modules" / "@asyncapi" / "specs" / "schemas"
    official = Draft7Validator(json.loads((schemas / "3.0.0-without-$id.json").read_text()))
    for document in DOCUMENTS.values():
        official.validate(document)
    with pytest.raises(ValidationError):
        official.validate({**DOCUMENTS["pca"], "channels": {"results": {"adress": "results"}}})


@pytest.mark.parametrize("service", SERVICES)
def test_each_reference_leads_to_something(service: str) -> None:
    found = [*find_references(DOCUMENTS[service])]
    assert found
    for reference in found:
        part: Any = DOCUMENTS[service]
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


def find_references(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        yield from (it for it in [part.get("$ref")] if isinstance(it, str))
        for each in part.values():
            yield from find_references(each)
    elif isinstance(part, list):
        for each in part:
            yield from find_references(each)


def test_each_topic_has_its_direction() -> None:
    directions = {
        service: {
            (operation["action"], operation["channel"]["$ref"].removeprefix("#/channels/"))
            for operation in document["operations"].values()
        }
        for service, document in DOCUMENTS.items()
    }
    assert directions == {
        "pca": {("send", "results")},
        "classify": {
            ("send", "results"),
            ("send", "agreement"),
            ("receive", "images"),
            ("send", "images-dead"),
        },
        "jobs": {("send", "results")},
    }


def test_a_picture_may_come_as_a_file_or_as_json_and_options_beside_it() -> None:
    messages = DOCUMENTS["classify"]["components"]["messages"]
    types = {message["contentType"] for name, message in messages.items() if "images" in name}
    assert types == {"image/*", "application/octet-stream", "application/json"}
    assert {"model", "top_k"} <= {*messages["images_image"]["headers"]["properties"]}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "outcome",
    [
        Success("digits", "1", {"n": 3}),
        Success("", "", None),
        Failure("INVALID_ARGUMENT", "INVALID_TABLE", ({"row": 3, "column": 2},)),
        Failure("INTERNAL"),
    ],
)
def test_every_event_is_as_the_message_says(service: str, outcome: Success | Failure) -> None:
    document = DOCUMENTS[service]
    message = document["components"]["messages"]["result"]
    event = json.loads(encode_event(make_event("1", service, Answered("plot", b"", outcome, 0.1))))
    for validator in (Draft7Validator, Draft202012Validator):  # AsyncAPI's, and pydantic's
        schema = validator({**message["payload"], "components": document["components"]})
        schema.validate({**EVENT, "data": event})
        with pytest.raises(ValidationError):
            schema.validate({**EVENT, "data": {**event, "outcome": "FINE"}})
