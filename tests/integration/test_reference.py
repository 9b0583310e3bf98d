"""The reference of each service, and answers and failures as sidecars hand them on."""

import json
import re

import pytest
from jsonschema import Draft202012Validator
from mesh import Mesh
from openapi_spec_validator import OpenAPIV31SpecValidator

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
    (media_type,) = path["responses"][str(status)]["content"]
    assert answer.headers["Content-Type"].partition(";")[0] == media_type
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
