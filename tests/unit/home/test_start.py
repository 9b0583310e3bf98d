"""The start page is the same in every app, but for who serves it."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pytest

from meshlens.classify import web as classify_web
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.messages import Request
from meshlens.home import start
from meshlens.home.header import PAGES, draw_start_header
from meshlens.pca import web as pca_web

ROUTES: Mapping[str, Callable[[], Sequence[Route]]] = {
    "pca": pca_web.routes,
    "classify": partial(classify_web.routes, max_pixels=1, max_body=1),
}


def get(routes: Sequence[Route], path: str) -> bytes:
    (route,) = (route for route in routes if route.path == path)
    return route.endpoint(Request(path, "GET", {}, "", b"", {})).body


@pytest.mark.parametrize("app", PAGES)
def test_each_app_serves_it(app: str) -> None:
    assert get(ROUTES[app](), "home") == start.build(app).body


def test_it_is_the_same_but_for_the_header() -> None:
    pages = {app: start.build(app).body.decode() for app in PAGES}
    bodies = {page.replace(draw_start_header(app), "") for app, page in pages.items()}
    assert len(bodies) == 1


def test_the_samples_of_classify_are_there() -> None:
    named = set(re.findall(r'"([\w-]+\.(?:png|jpg))"', start.build("pca").body.decode()))
    assert named
    assert named <= {*classify_web.read_samples()}


def test_the_sample_of_pca_is_the_one_of_its_page() -> None:
    sample = get(pca_web.routes(), "ui/samples/iris.csv").decode()
    assert sample.startswith("sepal length,")
    assert sample.count("\n") == 151
