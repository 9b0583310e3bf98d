"""A chain of two models through real sidecars."""

import base64
import io
import json
from collections.abc import Iterator

import pytest
from mesh import Mesh, Profile
from PIL import Image
from unit.classify.chains import add_chain, add_detector, add_namer

from meshlens.command.subscriber import Subscriber


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The service with a detector, a classifier and a chain of both, and one of nothing."""
    folder = tmp_path_factory.mktemp("models")
    add_detector(folder, "things")
    add_namer(folder, "colours")
    add_chain(folder, "both", "detect: things, classify: colours")
    add_chain(folder, "astray", "detect: things, classify: gone")
    env = {"classify": {"DEFAULT_MODEL": "colours"}}
    work = tmp_path_factory.mktemp("mesh")
    with Mesh(Profile.EMBEDDED, work, models=folder, env=env) as mesh:
        yield mesh


@pytest.fixture(scope="module")
def picture() -> bytes:
    """Its left half is red, its right half blue."""
    whole = Image.new("RGB", (120, 60), "red")
    whole.paste("blue", (60, 0, 120, 60))
    file = io.BytesIO()
    whole.save(file, "PNG")
    return file.getvalue()


def test_boxes_and_their_answers_come_in_one_call_and_in_its_event(
    running: Mesh, picture: bytes
) -> None:
    with Subscriber(running.grpc_port("classify")) as events:
        reply = running.call("pca", "classify", "detect?model=both", picture)
        assert reply.status == 200, reply.text
        said = json.loads(reply.body)
        first = [box["answers"][0]["labels"][0]["label"] for box in said["boxes"]]
        assert first == ["red", "blue"]
        event = events.next(lambda event: event.data["method"] == "detect")
    assert (event.data["model"], event.data["version"]) == ("both", "1")
    assert event.data["result"]["members"] == said["members"]
    assert event.data["result"]["boxes"] == said["boxes"]


def test_workers_share_the_boxes_of_many_pictures(running: Mesh, picture: bytes) -> None:
    images = [base64.b64encode(picture).decode()] * 32
    body = json.dumps({"images": images}).encode()
    kind = {"content-type": "application/json"}
    reply = running.call("pca", "classify", "detect?model=both", body, headers=kind)
    assert reply.status == 200, reply.text
    answers = json.loads(reply.body)["answers"]
    assert len(answers) == 32
    assert all(answer["boxes"] == answers[0]["boxes"] for answer in answers)


def test_a_chain_without_a_member_is_refused_and_says_which(running: Mesh, picture: bytes) -> None:
    reply = running.call("pca", "classify", "detect?model=astray", picture)
    assert reply.status == 400, reply.text
    assert "chain.classify of astray@1 must name a model that is there" in reply.text
    page = running.call("pca", "classify", "models/astray", verb="GET")
    assert "calls are refused" in page.text
