"""What agents call by name is what the methods answer, and as the tools' schemas say."""

import base64
import json
from pathlib import Path

import pytest
from tools_of_agents import Called
from unit.classify.chains import add_chain
from unit.classify.test_detect import PICTURE, serve

from meshlens.classify.errors import InvalidBody, InvalidImage, ModelNotFound, WrongTask
from meshlens.classify.tools import TOOLS
from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.sidecar.referenced import References, take_addresses

TEXT = base64.b64encode(PICTURE).decode()


@pytest.fixture
def called(tmp_path: Path) -> Called:
    service = serve(tmp_path, "shapes")
    references = References(lambda _: PICTURE, ["photos"])
    return Called(take_addresses(service.routes(), references), TOOLS)


@pytest.mark.parametrize(
    "image", [TEXT, f"data:image/png;base64,{TEXT}", "dapr://binding/photos/blocks.png"]
)
def test_a_picture_is_base64_a_data_url_or_an_address(called: Called, image: str) -> None:
    answer = called.call("classify", image=image)["structuredContent"]
    assert (answer["model"], answer["labels"][0]["index"]) == ("namer", 1)


def test_options_are_those_of_the_method(called: Called) -> None:
    one = called.call("classify", image=TEXT, model="namer", top_k=1, timeout=5)
    assert len(one["structuredContent"]["labels"]) == 1
    few = called.call("detect", image=TEXT, model="shapes", threshold=0.8)["structuredContent"]
    assert [each["label"] for each in few["boxes"]] == ["line"]


def test_a_chain_answers_the_tool_that_detects(tmp_path: Path) -> None:
    add_chain(tmp_path, "both", "detect: shapes, classify: namer")
    called = Called(serve(tmp_path, "shapes").routes(), TOOLS)
    answer = called.call("detect", image=TEXT, model="both", top_k=1)["structuredContent"]
    (box,) = answer["boxes"]
    assert (box["label"], box["answers"][0]["labels"][0]["label"]) == ("line", "1")


def test_models_are_listed_with_the_tasks_that_the_tools_have(called: Called) -> None:
    listed = called.call("list_models")
    models = listed["structuredContent"]["models"]
    assert {(each["model"], each["task"]) for each in models} == {
        ("namer", "classify"),
        ("shapes", "detect"),
    }
    assert json.loads(listed["content"][0]["text"]) == listed["structuredContent"]


def test_what_the_method_refuses_the_tool_refuses(called: Called) -> None:
    with pytest.raises(InvalidBody):
        called.call("classify", image="%%")
    with pytest.raises(InvalidImage):
        called.call("classify", image="AAAA")
    with pytest.raises(ModelNotFound):
        called.call("classify", image=TEXT, model="nothing")
    with pytest.raises(WrongTask):
        called.call("detect", image=TEXT, model="namer")
    with pytest.raises(InvalidRequest, match="the binding must be one of photos"):
        called.call("classify", image="dapr://binding/secrets/key")
