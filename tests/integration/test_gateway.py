"""Events of function platforms through real sidecars."""

import base64
import json
import os
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from documents import block
from installed import need
from mesh import ROOT, Answer, Mesh
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from unit.daprkit.gateway import events

IRIS = (ROOT / "examples" / "points" / "iris.csv").read_text()
COFFEE = (ROOT / "services/classify/samples/coffee.jpg").read_bytes()
# The shaft of an arrow along a component.
SHAFT = re.compile(r'class="arrow axis pc(\d)".*?class="line"[^>]* d="M(\S+) (\S+)L(\S+) (\S+)M')
FORM = "application/x-www-form-urlencoded"  # what curl -d says it sends


def send(mesh: Mesh, via: str, service: str, event: dict[str, Any], query: str = "") -> Answer:
    method = f"gateway?{query}" if query else "gateway"
    headers = {"content-type": "application/json"}
    return mesh.call(via, service, method, json.dumps(event).encode(), headers=headers)


def open_answer(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    opened: dict[str, Any] = json.loads(answer.body)
    return opened


def read_directions(svg: str) -> NDArray[np.float64]:
    """Return the directions of the arrows (2, 2) in a picture, in the order of the components."""
    found = sorted(SHAFT.findall(svg))
    assert [number for number, *_ in found] == ["1", "2"]
    ends = np.array([[float(place) for place in places] for _, *places in found])
    shafts = (ends[:, 2:] - ends[:, :2]) * (1, -1)  # y goes down in a picture
    directions: NDArray[np.float64] = shafts / np.linalg.norm(shafts, axis=1, keepdims=True)
    return directions


@pytest.mark.parametrize(
    "event",
    [
        events.scf("/pca", "/pca", headers={"Content-Type": FORM}, body=IRIS.strip()),
        events.rest("/pca", "/pca", headers={"Content-Type": FORM}, multiValueHeaders=None,
                    body=IRIS.strip()),
        events.function_url("/", headers={"content-type": FORM},
                            body=base64.b64encode(IRIS.strip().encode()).decode()),
    ],
    ids=["scf", "rest", "url"],
)  # fmt: skip # an event in each entry
def test_points_sent_by_curl_to_a_function_become_the_picture_of_the_method_plot(
    mesh: Mesh, event: dict[str, Any]
) -> None:
    plot = mesh.call(
        "classify", "pca", "plot", IRIS.strip().encode(), headers={"content-type": FORM}
    )
    answer = open_answer(send(mesh, "classify", "pca", event))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["headers"]["content-type"] == "image/svg+xml"
    assert answer["body"] == plot.text
    points = np.array(IRIS.strip().split(","), np.float64).reshape(-1, 2)
    # Places in a picture are rounded to a tenth of a pixel; a component points to either side.
    cosines = np.abs(read_directions(answer["body"]) @ PCA(2).fit(points).components_.T)
    np.testing.assert_allclose(cosines, np.eye(2), atol=0.002)


def test_a_photo_in_base64_becomes_labels(mesh: Mesh) -> None:
    event = events.http_api(
        "/prod/classify",
        stage="prod",
        rawQueryString="top_k=2",
        headers={"content-type": "image/jpeg", "origin": "https://a.example"},
        body=base64.b64encode(COFFEE).decode(),
        isBase64Encoded=True,
    )
    answer = open_answer(send(mesh, "pca", "classify", event))
    assert answer["statusCode"] == 200
    assert answer["headers"]["access-control-allow-origin"] == "*"
    labels = json.loads(answer["body"])["labels"]
    assert labels[0]["label"] == "espresso"
    assert len(labels) == 2


def test_a_picture_is_answered_in_base64(mesh: Mesh) -> None:
    event = events.netlify("/.netlify/functions/ml/preview", rawQuery="")
    event |= {"body": base64.b64encode(COFFEE).decode(), "isBase64Encoded": True}
    event |= {"headers": {"content-type": "image/jpeg"}, "multiValueHeaders": None}
    answer = open_answer(send(mesh, "pca", "classify", event))
    preview = mesh.call("pca", "classify", "preview", COFFEE)
    assert answer["headers"]["content-type"] == "image/png"
    assert base64.b64decode(answer["body"]) == preview.body


@pytest.mark.parametrize(
    ("service", "method", "body"),
    [
        ("pca", "plot", "none"),
        ("pca", "transform?fit=none", "1,2,3,4"),
        ("classify", "classify", "x"),
    ],
)
def test_a_failure_is_the_json_that_an_http_caller_of_the_sidecar_gets(
    mesh: Mesh, service: str, method: str, body: str
) -> None:
    direct = mesh.call("pca", service, method, body.encode(), headers={"content-type": "text/csv"})
    path, _, query = method.partition("?")
    event = events.http_api(f"/{path}", rawQueryString=query, body=body)
    answer = open_answer(send(mesh, "pca", service, event))
    assert answer["statusCode"] == direct.status
    assert answer["headers"]["content-type"] == "application/json"
    assert json.loads(answer["body"]) == json.loads(direct.body)


def test_an_unknown_event_fails_with_what_is_expected(mesh: Mesh) -> None:
    answer = send(mesh, "classify", "pca", {"Records": []})
    assert answer.status == 400
    assert "got the keys 'Records'" in json.loads(answer.body)["message"]


def test_the_option_names_the_method(mesh: Mesh) -> None:
    event = events.rest("/anything", body="1,2,3,5,4,4,9,1", headers={"accept": "text/csv"})
    answer = open_answer(send(mesh, "classify", "pca", event, "method=transform"))
    assert answer["statusCode"] == 200
    assert answer["body"].startswith("PC1,PC2")


def run(mesh: Mesh, commands: str) -> str:
    """Run commands in a terminal, with the ports of a mesh instead of those of `make run`."""
    here = mesh.http_port("pca")
    done = subprocess.run(
        ["/usr/bin/env", "bash", "-euc", commands.replace("localhost:3501", f"127.0.0.1:{here}")],
        cwd=ROOT,
        env={**os.environ, "DAPR_HTTP_PORT": str(here)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_call_of_the_page(mesh: Mesh) -> None:
    need("curl", "apt-get install curl")
    answer = json.loads(run(mesh, block("docs/clients.md", "curl --data-binary")))
    plot = mesh.call("pca", "pca", "plot", IRIS.strip().encode(), headers={"content-type": FORM})
    assert (answer["statusCode"], answer["body"]) == (200, plot.text)


def test_the_example_forwards_events_as_they_are(mesh: Mesh) -> None:
    commands = block("examples/README.md", "gateway/forward.py")
    printed = run(mesh, f"cd examples; {commands.replace('uv run python', sys.executable)}")
    event, first, second = printed.splitlines()
    assert event.startswith("200 image/svg+xml ")
    assert first.startswith("200 text/csv")
    assert second.startswith("400 application/json ")
