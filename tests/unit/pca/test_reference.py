"""What the methods answer is what the reference says."""

import json

import pytest
from reference import Documented
from unit.pca.calls import POINTS

from meshlens.daprkit.application.status import Refused
from meshlens.pca.errors import InvalidOption
from meshlens.pca.service import Service

NAMED = b"name,kind,a,b,c\nu,x,2,1,0.5\nv,x,3,1.5,1\nw,y,4,,2\ny,y,5,3.5,1\nz,y,6,4,3\n"
# Pages, files and (v2) another server's protocol: they ignore what is in a query; daprkit's tests
# are about events and gateway.
OPEN = ("openapi.json", "asyncapi.json", "ui/samples/iris.csv", "home", "events", "mcp", "gateway")
MATRICES = ("text/csv", "application/x-npy", "application/vnd.apache.arrow.stream")


@pytest.fixture
def pca(service: Service) -> Documented:
    return Documented(service.routes())


def test_answers_of_each_method_are_as_described(pca: Documented) -> None:
    pca.call("POST", "plot", POINTS)
    fit = json.loads(pca.call("POST", "fit", POINTS).body)
    pca.call("POST", "transform", POINTS, fit=fit["id"])
    scores = pca.call("POST", "transform", POINTS, accept="text/csv").body
    pca.call("POST", "inverse", scores, "text/csv", fit=fit["id"])
    pca.call("GET", f"fits/{fit['id']}")
    refused = call_inference(pca, fit["id"])
    pca.call("DELETE", f"fits/{fit['id']}")
    pca.call("GET", "ui")
    pca.call("GET", "openapi.json")
    pca.call("GET", "asyncapi.json")
    pca.call("GET", "ui/samples/iris.csv")
    pca.call("GET", "home")
    pca.call("GET", "events")
    pca.call("POST", "mcp", b"{}", "application/json")
    event = {"httpMethod": "POST", "path": "/", "body": POINTS.decode()}
    assert json.loads(pca.call("POST", "gateway", json.dumps(event).encode()).body)["body"]
    assert pca.called | refused == {f"{verb} {path}" for verb, path, _ in pca.operations()}


def call_inference(pca: Documented, fit: str) -> set[str]:
    """Call each path of the Open Inference Protocol; return the one that is always refused."""
    for path in ("v2", "v2/health/live", "v2/health/ready", "v2/models", "v2/models/stats"):
        pca.call("GET", path)
    sent = {"name": "observations", "datatype": "FP64", "shape": [1, 2], "data": [1.5, 2.5]}
    for path in (f"v2/models/{fit}", f"v2/models/{fit}/versions/1"):
        for what in ("", "/ready", "/config", "/stats"):
            pca.call("GET", path + what)
        pca.call("POST", f"{path}/infer", json.dumps({"inputs": [sent]}).encode())
    pca.call("POST", "v2/repository/index", b'{"ready": true}')
    pca.call("POST", f"v2/repository/models/{fit}/load")
    with pytest.raises(Refused, match="is not supported"):
        pca.call("POST", f"v2/repository/models/{fit}/unload")
    return {"POST v2/repository/models/{name}/unload"}


def test_answers_with_everything_that_may_be_in_them_are_as_described(pca: Documented) -> None:
    options = {"missing": "iterative", "names": "name", "group": "kind", "supplementary": "c"}
    pca.call("POST", "fit", NAMED, "text/csv", **options)
    pca.call("POST", "fit", NAMED, "text/csv", missing="drop", k="2", rotation="varimax")
    pca.call("POST", "fit", NAMED, "text/csv", missing="mean", standardize="true", drop="c")
    pca.call("POST", "transform", NAMED, "text/csv", k="1", diagnostics="true", **options)
    pca.call("POST", "transform", NAMED, "text/csv", missing="drop", diagnostics="true")


@pytest.mark.slow
@pytest.mark.parametrize("accept", MATRICES)
def test_each_media_type_that_is_described_is_answered(pca: Documented, accept: str) -> None:
    fit = json.loads(pca.call("POST", "fit", POINTS).body)["id"]
    pca.call("POST", "transform", POINTS, accept=accept)
    scores = pca.call("POST", "transform", POINTS, accept="text/csv").body
    pca.call("POST", "inverse", scores, "text/csv", accept=accept, fit=fit)


def test_the_options_of_each_method_are_those_it_reads(pca: Documented) -> None:
    for verb, path, operation in pca.operations():
        if path in OPEN or path.startswith("v2"):
            continue
        described = {
            parameter["name"]
            for parameter in operation["parameters"]
            if parameter.get("in") == "query"
        }
        required = [each["name"] for each in operation["parameters"] if each.get("required")]
        query = dict.fromkeys(["no-such", *required], "0")
        query.pop("id", None)
        with pytest.raises(InvalidOption) as refusal:
            pca.call(verb, path.replace("{id}", "0"), POINTS, **query)
        known = refusal.value.remedy.rpartition(": ")[2]
        assert described == {*known.split(", ")} - {"none here"}


def test_required_options_are_said_to_be_required(pca: Documented) -> None:
    (inverse,) = (each for _, path, each in pca.operations() if path == "inverse")
    required = [each["name"] for each in inverse["parameters"] if each.get("required")]
    assert required == ["fit"]
    with pytest.raises(InvalidOption):
        pca.call("POST", "inverse", POINTS)


def test_the_document_is_built_once(pca: Documented) -> None:
    first, second = (pca.call("GET", "openapi.json").body for _ in range(2))
    assert first is second
