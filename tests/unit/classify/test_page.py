"""The page: what it offers is what the service has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from meshlens.classify.service import STATUS
from meshlens.classify.serving.rollout import CALLER, HEADER, OPTION
from meshlens.classify.tasks.options import ModelOptions
from meshlens.classify.tasks.table import TASKS
from meshlens.classify.web import build, read_samples, routes
from meshlens.daprkit.application.status import DAPRKIT
from meshlens.daprkit.errors import MethodNotFound
from meshlens.daprkit.messages import Reply, Request
from meshlens.faults import Fault

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
LIMITS = {"max_pixels": 1_000_000, "max_body": 2_000_000}


def page() -> str:
    return build(**LIMITS).body.decode()


def data() -> Any:  # noqa: ANN401 - whatever JSON holds
    (inlined,) = re.findall('id="page-data">(.*?)</script>', page())
    return json.loads(inlined)


def get_sample(name: str) -> Reply:
    (endpoint,) = (
        route.endpoint for route in routes(**LIMITS) if route.path == "ui/samples/<name>"
    )
    return endpoint(Request(f"ui/samples/{name}", "GET", {}, "", b"", {}, {"name": name}))


def test_the_page_offers_the_samples_that_are_served() -> None:
    offered = [sample["file"] for shown in data()["samples"].values() for sample in shown]
    assert offered == [*read_samples()]
    assert {*data()["samples"]} == {"objects", "digits"}
    for name in offered:
        assert get_sample(name).body == (SAMPLES / name).read_bytes()
    assert get_sample("coffee.jpg").content_type == "image/jpeg"
    assert get_sample("digit-7.png").content_type == "image/png"


def test_a_sample_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(MethodNotFound, match=r"digit-42\.png"):
        get_sample("digit-42.png")


def test_the_page_offers_every_task_that_takes_images() -> None:
    table = re.findall(r'^  (\w+): \{ method: "(\w+)", show: ', page(), re.MULTILINE)
    assert table == [(task, lens.method) for task, lens in TASKS.items() if lens.takes_images]


def test_the_page_offers_every_option_but_the_model() -> None:
    offered = {
        method: [field["name"] for field in fields] for method, fields in data()["options"].items()
    }
    assert offered == {
        lens.method: [
            name for name in lens.options.model_fields if name not in ModelOptions.model_fields
        ]
        for lens in TASKS.values()
        if lens.takes_images
    }


def test_a_field_has_the_title_and_the_bounds_of_its_option() -> None:
    threshold, min_size = (
        next(field for field in data()["options"]["detect"] if field["name"] == name)
        for name in ("threshold", "min_size")
    )
    assert threshold == {
        "name": "threshold",
        "title": "Lowest score",
        "help": "lowest score to answer",
        "kind": "number",
        "input": False,
        "minimum": 0,
        "maximum": 1,
    }
    assert min_size["input"]


def test_the_page_knows_the_limits_of_the_service() -> None:
    assert data()["limits"] == {"pixels": 1_000_000, "bytes": 2_000_000}


def test_the_page_words_all_that_keeps_requests_at_one_version() -> None:
    (keys,) = re.findall(r"^const KEYS = \{ (.*) \};$", page(), re.MULTILINE)
    assert {*re.findall(r'(\w+): "', keys)} == {CALLER, OPTION}
    assert f'key.startsWith("{HEADER}")' in page()


def test_the_page_words_every_fault_that_a_call_may_meet() -> None:
    worded = {*re.findall(r"^  ([A-Z_]+): \(", page(), re.MULTILINE)}
    faults = {
        fault.__new__(fault).reason for fault in (*STATUS, *DAPRKIT) if issubclass(fault, Fault)
    }
    # The page reads no events, calls neither the gateway nor what agents call.
    of_others = {"EVENTS_NOT_SHOWN", "ANSWER_TOO_LARGE", "FOREIGN_PAGE"}
    assert faults - of_others <= worded
