"""The reference of each service, and answers and failures as sidecars hand them on."""

import hashlib
import json
import re
from functools import partial

import pytest
from jsonschema import Draft202012Validator
from mesh import Mesh
from openapi_spec_validator import OpenAPIV31SpecValidator

from meshlens.command.subscriber import Event, Subscriber

SERVICES = ("pca", "classify")


@pytest.mark.parametrize("service", SERVICES)
def test_the_reference_comes_through_any_sidecar(mesh: Mesh, service: str) -> None:
    for via in SERVICES:
        answer = mesh.call(via, service, "openapi.json", verb="GET")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        OpenAPIV31SpecValidator(json.loads(answer.body)).validate()


@pytest.mark.parametrize(
    ("service", "method", "status"),
    [("pca", "plot", 400), ("pca", "transform?fit=none", 404), ("classify", "classify", 400)],
)
def test_failures_have_the_status_type_and_form_of_the_reference(
    mesh: Mesh, service: str, method: str, status: int
) -> None:
    document = json.loads(mesh.call("pca", service, "openapi.json", verb="GET").body)
    answer = mesh.call("pca", service, method, b"none")
    assert answer.status == status
    path = document["paths"][f"/{method.partition('?')[0]}"]["post"]
    # A sidecar says that it is plain text, the service's own listener that it is JSON.
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type == "text/plain"
    schema = path["responses"][str(status)]["content"][media_type]["schema"]["contentSchema"]
    failure = json.loads(answer.body)
    Draft202012Validator({**schema, "components": document["components"]}).validate(failure)
    (reason,) = [each["reason"] for each in failure["details"] if "reason" in each]
    assert f"`{reason}`" in path["responses"][str(status)]["description"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_reference_has_every_method_of_the_running_service(mesh: Mesh, service: str) -> None:
    document = json.loads(mesh.call("pca", service, "openapi.json", verb="GET").body)
    paths = {path.translate(str.maketrans("{}", "<>"))[1:] for path in document["paths"]}
    # Of other servers' protocols the message says what their paths begin with.
    described = {re.sub(r"^(v\d)(/.*)?$", r"\1/...", path) for path in paths}
    message = json.loads(mesh.call("pca", service, "no-such-method").body)["message"]
    known = message.removeprefix("the method must be one of ").partition(", got ")[0]
    assert described == {*known.split(", ")}


@pytest.mark.parametrize(("service", "method"), [("pca", "fit"), ("classify", "classify")])
def test_events_are_as_the_document_of_the_topics_says(
    mesh: Mesh, service: str, method: str
) -> None:
    document = json.loads(mesh.call("pca", service, "asyncapi.json", verb="GET").body)
    result = document["components"]["messages"]["result"]["payload"]
    envelope = document["components"]["schemas"][result["$ref"].rpartition("/")[2]]
    schema = {**envelope["properties"]["data"], "components": document["components"]}
    (address,) = (
        channel["address"]
        for channel in document["channels"].values()
        if "result" in channel["messages"]
    )
    with Subscriber(mesh.grpc_port(service), topic=address) as subscriber:
        for body in (b"1,2\n3,4\n5,7\n", b"neither points nor a picture"):
            mesh.call("pca", service, method, body)
            digest = hashlib.sha256(body).hexdigest()
            event = subscriber.next(partial(is_of, service, digest))
            Draft202012Validator(schema).validate(event.data)
            assert event.id == event.data["id"]


def is_of(service: str, digest: str, event: Event) -> bool:
    sha256: str = event.data["input"]["sha256"]
    return (event.source, sha256) == (service, digest)
