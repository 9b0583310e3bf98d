"""The reference is made of the routes, is valid, and leaves nothing out."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from api_markdown import render
from api_reference import TARGET, NoStore, build_documents, make_jobs
from openapi_spec_validator import OpenAPIV31SpecValidator

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.models import shipped_models
from meshlens.classify.service import STATUS as CLASSIFY_STATUS
from meshlens.classify.service import Service as Classify
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.application.status import StatusTable
from meshlens.daprkit.application.watching import watch_events
from meshlens.faults import Fault, name_reason
from meshlens.jobs.service import STATUS as JOBS_STATUS
from meshlens.pca.service import STATUS as PCA_STATUS
from meshlens.pca.service import Service as Pca

DOCUMENTS = build_documents()
ROUTES = {
    "pca": Pca(NoStore()).routes(),
    "classify": Classify(
        Repository(shipped_models(), partial(open_engine, workers=1)), max_pixels=1
    ).routes(),
    "jobs": make_jobs().routes(),
}
SERVICES = ("pca", "classify", "jobs")


def operations(service: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in DOCUMENTS[service]["paths"].items():
        for verb, operation in item.items():
            yield path, verb.upper(), operation


def test_the_page_is_what_the_generator_makes() -> None:
    assert TARGET.read_text() == render(DOCUMENTS), "run make schemas"


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_the_document_is_openapi(service: str) -> None:
    OpenAPIV31SpecValidator(DOCUMENTS[service]).validate()


@pytest.mark.parametrize("service", SERVICES)
def test_each_verb_of_each_route_is_described(service: str) -> None:
    described = {(path, verb) for path, verb, _ in operations(service)}
    routed = {
        ("/" + re.sub(r"<(?:path:)?(\w+)>", r"{\1}", route.path), "POST" if verb == "PUT" else verb)
        for route in (*ROUTES[service], watch_events(None))  # which a server adds
        # Those of TensorFlow Serving take every verb, to refuse all but one in that server's words.
        for verb in (() if route.path.startswith("v1/") else route.verbs)
    }
    assert {each for each in described if not each[0].startswith("/v1/")} == routed


@pytest.mark.parametrize("service", SERVICES)
def test_every_option_parameter_and_field_is_explained(service: str) -> None:
    for path, verb, operation in operations(service):
        for parameter in operation["parameters"]:
            assert "$ref" in parameter or parameter["description"], f"{verb} {path} {parameter}"
            assert "$ref" in parameter or parameter["schema"], f"{verb} {path} {parameter}"
    for name, schema in DOCUMENTS[service]["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            assert "description" in part or "$ref" in part, f"{name}.{field}"


@pytest.mark.parametrize(
    ("service", "table"),
    [
        ("pca", PCA_STATUS),
        ("classify", CLASSIFY_STATUS),
        # Fault itself stands for what the kinds of jobs refuse, whose reasons they have.
        ("jobs", {fault: status for fault, status in JOBS_STATUS.items() if fault is not Fault}),
    ],
    ids=SERVICES,
)
def test_every_fault_that_has_a_status_is_a_failure_of_some_method(
    service: str, table: StatusTable
) -> None:
    text = repr([operation["responses"] for _, _, operation in operations(service)])
    for fault in table:
        assert issubclass(fault, Fault)
        assert f"`{name_reason(fault)}`" in text


@pytest.mark.parametrize("service", SERVICES)
def test_methods_have_names_that_client_generators_can_use(service: str) -> None:
    names = [operation["operationId"] for _, _, operation in operations(service)]
    assert len(names) == len({*names})
    assert all(name.isidentifier() for name in names)


def test_each_link_of_the_page_leads_to_a_heading() -> None:
    page = TARGET.read_text()
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}
    assert len(anchors) == len(headings)
    assert {*re.findall(r"\]\(#([^)]+)\)", page)} <= anchors
