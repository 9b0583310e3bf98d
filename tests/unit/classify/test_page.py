"""The page: its samples are those of the project."""

import json
import re
from pathlib import Path

import pytest

from meshlens.classify.tasks.table import TASKS
from meshlens.classify.web import build, read_samples, routes
from meshlens.daprkit.errors import MethodNotFound
from meshlens.daprkit.messages import Reply, Request

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"


def get_sample(name: str) -> Reply:
    (endpoint,) = (route.endpoint for route in routes() if route.path == "ui/samples/<name>")
    return endpoint(Request(f"ui/samples/{name}", "GET", {}, "", b"", {}, {"name": name}))


def test_the_page_offers_the_samples_that_are_served() -> None:
    (offered,) = re.findall('id="sample-data">(.*?)</script>', build().body.decode())
    assert json.loads(offered) == [*read_samples()]
    assert len(json.loads(offered)) >= 3
    for name in json.loads(offered):
        assert get_sample(name).body == (SAMPLES / name).read_bytes()
        assert get_sample(name).content_type == "image/png"


def test_a_sample_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(MethodNotFound, match=r"digit-42\.png"):
        get_sample("digit-42.png")


def test_the_page_offers_every_task_that_takes_images() -> None:
    table = re.findall(r'^  (\w+): \{ method: "(\w+)", show: ', build().body.decode(), re.MULTILINE)
    assert table == [(task, lens.method) for task, lens in TASKS.items() if lens.takes_images]
