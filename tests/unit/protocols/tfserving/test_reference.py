"""What the REST API answers is what the reference says."""

import json

import pytest
from reference import Documented
from unit.protocols.tfserving.served import offer

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.reference import add_reference
from meshlens.daprkit.reference.about import About
from meshlens.protocols.tfserving.service import list_routes

ABOUT = About(app="served", title="Served", summary="Models.", distribution="meshlens-daprkit")


@pytest.fixture
def documented() -> Documented:
    return Documented(add_reference(ABOUT, list_routes(offer()), {}))


def test_answers_of_each_route_are_as_described(documented: Documented) -> None:
    rows = json.dumps({"instances": [[1, 2]]}).encode()
    columns = json.dumps({"inputs": [[1, 2]]}).encode()
    examples = json.dumps({"examples": [{"a": 1}]}).encode()
    count = json.dumps({"examples": [{"a": 1}], "signature_name": "count"}).encode()
    for chosen in ("double", "double/versions/1", "double/labels/stable"):
        documented.call("POST", f"v1/models/{chosen}:predict", rows)
        documented.call("POST", f"v1/models/{chosen}:predict", columns)
        documented.call("GET", f"v1/models/{chosen}")
        documented.call("GET", f"v1/models/{chosen}/metadata")
    for chosen in ("rows", "rows/versions/1", "rows/labels/stable"):
        documented.call("POST", f"v1/models/{chosen}:classify", examples)
        documented.call("POST", f"v1/models/{chosen}:regress", count)
    documented.call("GET", "v1/models/failed")
    documented.call("GET", "openapi.json")
    documented.call("GET", "asyncapi.json")
    documented.call("GET", "events")
    assert documented.called == {f"{verb} {path}" for verb, path, _ in documented.operations()}


def test_errors_are_written_as_the_original_does() -> None:
    for route in list_routes(offer()):
        assert route.failure is not None
        written = route.failure(Status.NOT_FOUND, 'no "such" model')
        assert json.loads(written) == {"error": 'no "such" model'}


def test_only_computing_waits_for_a_worker() -> None:
    computing = {route.path for route in list_routes(offer()) if route.lane is Lane.WORK}
    assert len(computing) == 9
    assert all(path.endswith((":predict", ":classify", ":regress")) for path in computing)


def test_each_path_is_described_by_the_one_verb_that_it_answers(documented: Documented) -> None:
    for verb, path, _ in documented.operations():
        if path.startswith("v1/"):
            assert verb == ("POST" if ":" in path else "GET")
