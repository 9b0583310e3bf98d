"""The component `gateway`: a sidecar that lets in programs from outside the mesh."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
import yaml
from cluster.caller import Answer, Request
from cluster.project import Project
from manifests import render

Fetch: TypeAlias = Callable[..., Answer]
POINTS = "1,2,3,5,4,4,9,1"


@pytest.fixture(scope="module")
def fetch(prod: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetch]:
    """Calls the gateway's Service directly, bypassing the sidecar of the calling pod."""
    rendered = render(tmp_path_factory.mktemp("gateway"), "prod", ["gateway"])
    # Routing is up to the Gateway API, which this cluster does not have.
    own = [
        each
        for each in rendered
        if each["metadata"]["name"] == "gateway" and each["kind"] != "HTTPRoute"
    ]
    manifests = yaml.safe_dump_all(own)
    prod.node.kubectl("apply", "--filename=-", stdin=manifests)
    try:
        prod.kubectl("rollout", "status", "deployment/gateway", "--timeout=120s")

        def ask(path: str, body: str = "") -> Answer:
            request = Request(f"http://gateway{path}", body.encode())
            (answer,) = prod.caller("stranger").fetch(request)
            return answer

        # A Service reaches a pod only a moment after the pod is ready.
        page = "/v1.0/invoke/pca/method/ui"
        prod.node.eventually(lambda: ask(page).code == "200", "the Service leads to the gateway")
        yield ask
    finally:
        prod.node.kubectl("delete", "--filename=-", stdin=manifests)


def test_it_hands_on_what_prod_lets_it_call(fetch: Fetch) -> None:
    answer = fetch("/v1.0/invoke/pca/method/plot", POINTS)
    assert (answer.code, answer.text[:4]) == ("200", "<svg")
    page = fetch("/v1.0/invoke/classify/method/ui")
    assert (page.code, page.text[:15].lower()) == ("200", "<!doctype html>")


def test_it_is_denied_what_prod_does_not_name(fetch: Fetch) -> None:
    unload = "/v1.0/invoke/classify/method/models/digits/versions/1/unload"
    assert fetch(unload, "{}").code == "403"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1.0/publish/pubsub/images", "x"),
        ("/v1.0/state/statestore/key", ""),
        ("/v1.0/secrets/kubernetes/redis", ""),
        ("/v1.0/metadata", ""),
        ("/v1.0/shutdown", "x"),
    ],
)
def test_it_offers_nothing_but_invocation(fetch: Fetch, path: str, body: str) -> None:
    assert fetch(path, body).code == "404"
