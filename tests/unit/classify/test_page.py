"""The page: its policy lets nothing else run, and its samples are those of the project."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from classify.web import build, read_samples, routes
from daprkit.errors import MethodNotFound
from daprkit.routing import Reply, Request

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"


def digest(inlined: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode() + "'"


def get_sample(name: str) -> Reply:
    (endpoint,) = (route.endpoint for route in routes() if route.path == "ui/samples/<name>")
    return endpoint(Request(f"ui/samples/{name}", "GET", {}, "", b"", {}, {"name": name}))


def test_the_policy_names_the_style_and_the_script_of_the_page_and_nothing_else() -> None:
    page = build()
    (style,) = re.findall("<style>(.*?)</style>", page.body.decode(), re.DOTALL)
    (script,) = re.findall('<script type="module">(.*?)</script>', page.body.decode(), re.DOTALL)
    policy = page.headers["content-security-policy"].split("; ")
    assert f"script-src {digest(script)}" in policy
    assert f"style-src {digest(style)}" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in page.headers["content-security-policy"]


def test_data_never_become_markup() -> None:
    (script,) = re.findall('<script type="module">(.*?)</script>', build().body.decode(), re.DOTALL)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)


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
