"""The pages: their policy lets nothing else run, and data never become markup."""

import base64
import hashlib
import re

import pytest

from meshlens.classify import web as classify_web
from meshlens.daprkit.messages import Reply
from meshlens.home import start
from meshlens.pca import web as pca_web

SCRIPT = re.compile('<script type="module">(.*?)</script>', re.DOTALL)
STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)


def build_classify() -> Reply:
    return classify_web.build(max_pixels=1, max_body=1)


def build_start() -> Reply:
    return start.build("pca")


@pytest.fixture(
    params=[pca_web.build, build_classify, build_start], ids=["pca", "classify", "start"]
)
def page(request: pytest.FixtureRequest) -> Reply:
    built: Reply = request.param()
    return built


def digest(page: Reply, part: re.Pattern[str]) -> str:
    (inlined,) = part.findall(page.body.decode())
    return "'sha256-" + base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode() + "'"


def test_the_policy_names_the_style_and_the_script_of_the_page_and_nothing_else(
    page: Reply,
) -> None:
    policy = page.headers["content-security-policy"].split("; ")
    assert f"script-src {digest(page, SCRIPT)}" in policy
    assert f"style-src {digest(page, STYLE)}" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in page.headers["content-security-policy"]


def test_data_never_become_markup(page: Reply) -> None:
    (script,) = SCRIPT.findall(page.body.decode())
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)
