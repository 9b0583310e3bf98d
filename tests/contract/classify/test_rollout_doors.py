"""A rollout by every door: shares, keys, headers, labels, shadows, and what is judged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from contract.classify.doors import (
    DOORS,
    WITH_KEYS,
    ask_by_tfserving,
    infer,
    predict,
    read,
    use_tool,
)
from contract.classify.test_inference import SEVEN, call, refusal_of, serving
from contract.classify.test_inference_rest import invoke, start
from contract.classify.test_inference_rest import refusal_of as rest_refusal_of
from numpy.typing import NDArray
from processes import eventually
from unit.classify.graphs import (
    Graph,
    Node,
    Step,
    answering,
    build_brooding,
    build_graphs,
    build_scaled,
    constant,
)

from meshlens.classify.errors import InvalidTensor
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import Asking, Rollout, choose
from meshlens.daprkit.application.status import Refused
from meshlens.protocols.tfserving.rpc.tensors import write_tensor
from meshlens.protocols.wire import inference_pb2 as pb
from meshlens.protocols.wire import tfserving_pb2 as wire
from meshlens.protocols.wire.tensorflow_pb2 import Example

pytestmark = pytest.mark.slow

HALVES = {"1": 50, "2": 50}
KEYS = [f"key-{number}" for number in range(12)]
ABLE = {"1", "2"}
# A stream goes on, with the text of the error.
ANSWERED_BY_STATUS = [door for door in DOORS if door != "V2 stream"]
CARD = "{model: {path: model.tflite}, task: tensor}"
CLASSIFIER = (
    "{model: {path: model.tflite}, task: classify,"
    " output: {type: probabilities, label: {path: labels.txt}},"
    " normalization: {mean: [0], std: [255]}}"
)


def write(folder: Path, rollout: dict[str, Any], *models: bytes, card: str = CARD) -> None:
    """Write the versions of the model `m`, from 1 on, and its rollout."""
    for number, data in enumerate(models, start=1):
        version = folder / "m" / str(number)
        version.mkdir(parents=True)
        (version / "model.tflite").write_bytes(data)
        (version / "card.yaml").write_text(card)
        (version / "labels.txt").write_text("dull\nbright\n")
    (folder / "rollouts.yaml").write_text(json.dumps({"m": rollout}))


@contextmanager
def scaled(folder: Path, **rollout: Any) -> Iterator[tuple[grpc.Channel, Repository]]:  # noqa: ANN401 - its fields
    """Serve two versions: 1 answers what it is asked, 2 twice that."""
    write(folder, rollout, build_scaled(1.0), build_scaled(2.0))
    with serving(folder, default="m") as (_, channel, repository):
        yield channel, repository


def shade(share: float) -> bytes:
    """A classifier of pictures of 8 or 16 pixels a side that answers the same whatever is shown."""
    side = 8 if share == 0.25 else 16
    scores = constant("scores", [[share, 1 - share]])
    return answering(scores, image=Node("image", (1, side, side, 3)))


def report(channel: grpc.Channel) -> dict[str, Any]:
    body, _ = invoke(channel, "models/m/shadow", verb="GET")
    (found,) = json.loads(body)["reports"]
    return dict(found)


@pytest.mark.parametrize("door", DOORS)
def test_requests_without_a_version_are_shared_out(tmp_path: Path, door: str) -> None:
    with scaled(tmp_path, weights=HALVES) as (channel, _):
        answers = {DOORS[door](channel, 3.0) for _ in range(60)}
    assert answers == {("1", 3.0), ("2", 6.0)}


@pytest.mark.parametrize("door", WITH_KEYS)
def test_a_key_in_the_request_keeps_its_version(tmp_path: Path, door: str) -> None:
    rollout = Rollout(weights=HALVES, key="option")
    expected = [choose("m", rollout, ABLE, Asking(key=key)) for key in KEYS]
    assert set(expected) == ABLE
    with scaled(tmp_path, weights=HALVES, key="option") as (channel, _):
        for _ in range(2):
            assert [WITH_KEYS[door](channel, 3.0, key=key)[0] for key in KEYS] == expected


@pytest.mark.parametrize("door", DOORS)
def test_a_header_and_the_caller_keep_their_version(tmp_path: Path, door: str) -> None:
    by_header = Rollout(weights=HALVES, key="header:session")
    with scaled(tmp_path, weights=HALVES, key="header:session") as (channel, _):
        for key in KEYS:
            version, _ = DOORS[door](channel, 3.0, {"session": key})
            assert version == choose("m", by_header, ABLE, Asking(headers={"session": key}))
        by_caller = Rollout(weights=HALVES, key="caller")
        fields = by_caller.model_dump(exclude_defaults=True)
        (tmp_path / "rollouts.yaml").write_text(json.dumps({"m": fields}))
        expected = [choose("m", by_caller, ABLE, Asking(key)) for key in KEYS]
        eventually(
            lambda: (
                [DOORS[door](channel, 3.0, {"caller_app_id": it})[0] for it in KEYS] == expected
            ),
            "the rollout is chosen by the caller",
        )


@pytest.mark.parametrize("door", DOORS)
def test_a_header_names_a_version_where_the_request_does_not(tmp_path: Path, door: str) -> None:
    with scaled(tmp_path, weights={"1": 100}, labels={"canary": "2"}) as (channel, _):
        assert DOORS[door](channel, 3.0)[0] == "1"
        for version in ("2", "canary"):
            assert DOORS[door](channel, 3.0, {"meshlens_version": version})[0] == "2"


@pytest.mark.parametrize("door", ANSWERED_BY_STATUS)
def test_a_version_that_nothing_but_a_header_names_is_told(tmp_path: Path, door: str) -> None:
    def refusal(**headers: str) -> tuple[grpc.StatusCode, str]:
        return refusal_of(lambda: DOORS[door](channel, 3.0, headers))

    with scaled(tmp_path, weights={"1": 100}, labels={"canary": "2"}) as (channel, repository):
        for version in ("9", "nothing"):
            code, text = refusal(meshlens_version=version)
            assert code is grpc.StatusCode.NOT_FOUND
            assert f"expected one of the models m@2, m@1, m@canary, got 'm@{version}'" in text
        repository.unload("m", "2")
        _, text = refusal(meshlens_version="2")
        assert "m must be AVAILABLE, it is END: it was unloaded" in text
        # A replica that has just started may read its rollouts any moment.
        for _ in range(2):
            repository.roll_out(None)
            code, text = refusal()
            assert code is grpc.StatusCode.UNAVAILABLE
            assert "waiting for its rollout, which cannot be read yet; try again" in text
            repository.load("m", "1")


def test_no_label_is_no_request_for_any_version(tmp_path: Path) -> None:
    with scaled(tmp_path, weights=HALVES) as (channel, _):
        request = wire.PredictRequest(model_spec=wire.ModelSpec(name="m", version_label=""))
        write_tensor(np.array([3], np.float32), request.inputs["x"])
        assert refusal_of(lambda: predict(channel, request)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "Unrecognized servable version label: ",
        )


def test_a_raw_tensor_is_of_the_version_that_computes(tmp_path: Path) -> None:
    nodes = [Node("number", (1,)), constant("two", [2.0]), Node("y", (1,))]
    step = Step("MUL", ("number", "two"), ("y",))
    other = build_graphs(Graph(nodes, [step], ["number"], ["y"]))
    write(tmp_path, {"weights": HALVES}, build_scaled(1.0), other)
    sent = np.array([3], np.float32).tobytes()
    answers = set()
    with serving(tmp_path, default="m") as (_, channel, _):
        for _ in range(40):
            body, headers = invoke(
                channel, "v2/models/m/infer", sent, inference_header_content_length="0"
            )
            size = int(headers["inference-header-content-length"])
            (y,) = np.frombuffer(body[size:], "<f4")
            answers.add((json.loads(body[:size])["model_version"], float(y)))
    assert answers == {("1", 3.0), ("2", 6.0)}


def test_labels_stand_for_what_the_rollout_says_now(tmp_path: Path) -> None:
    def ask_all() -> list[str]:
        rest = {"inputs": {"x": [3]}}
        labelled = "v1/models/m/labels/canary:predict"
        (y,) = json.loads(invoke(channel, labelled, json.dumps(rest).encode())[0])["outputs"]
        return [
            read(call(channel, "ModelInfer", infer(3, version="canary")))[0],
            ask_by_tfserving(channel, 3, label="canary")[0],
            str(round(y / 3)),
        ]

    with scaled(tmp_path, weights={"1": 100}, labels={"canary": "2"}) as (channel, _):
        assert ask_all() == ["2", "2", "2"]
        moved = {"weights": {"1": 100}, "labels": {"canary": "1"}}
        (tmp_path / "rollouts.yaml").write_text(json.dumps({"m": moved}))
        eventually(lambda: ask_all() == ["1", "1", "1"], "the label stands for version 1")
        # Whoever names a version gets that, whatever the header says.
        metadata = (("meshlens-version", "2"),)
        named = call(channel, "ModelInfer", infer(3, version="1"), metadata=metadata)
        assert read(named) == ("1", 3)


def test_a_key_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with scaled(tmp_path, weights=HALVES, key="option") as (channel, _):
        number = infer(3)
        number.parameters["key"].int64_param = 1
        assert refusal_of(lambda: call(channel, "ModelInfer", number)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "invalid value type for 'key' parameter, expected string_param.",
        )
        long = "k" * 257
        code, text = refusal_of(lambda: call(channel, "ModelInfer", infer(3, long)))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "key: String should have at most 256 characters" in text
        for path in ("models/m/predict", "v1/models/m:predict"):
            option = start(channel, f"{path}?key={long}", b'{"inputs": {"x": [3]}}')
            expected, by_option = rest_refusal_of(option)
            assert (expected, text.split("; ")[0]) == (code, by_option.split("; ")[0])
        inputs = [{"name": "x", "datatype": "FP32", "shape": [1], "data": [3]}]
        for key, reason in ((1, "Unable to parse 'key'"), (long, "at most 256 characters")):
            body = json.dumps({"inputs": inputs, "parameters": {"key": key}}).encode()
            code, text = rest_refusal_of(start(channel, "v2/models/m/infer", body))
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert reason in text


@pytest.mark.parametrize("door", DOORS)
def test_what_a_shadow_reports_equals_a_count_by_hand(tmp_path: Path, door: str) -> None:
    shadow = {"version": "2", "percent": 100}
    with scaled(tmp_path, weights={"1": 100}, shadow=shadow) as (channel, _):
        # Twice what is nearly nothing differs by less than the tolerance.
        for x in (1e-6, 2.0, 4.0):
            _, y = DOORS[door](channel, x)
            assert y == pytest.approx(x)
        eventually(lambda: report(channel)["compared"] == 3, "all are compared", within=60)
        found = report(channel)
    assert (found["offered"], found["agreed"], found["failed"]) == (3, 1, {})
    assert (found["answering"]["version"], found["shadow"]["version"]) == ("1", "2")
    assert found["distance"]["largest"] == 4
    assert [each["distance"] for each in found["worst"]] == [4, 2, pytest.approx(1e-6)]


def test_pictures_are_shown_to_a_shadow_as_they_were_sent(tmp_path: Path) -> None:
    shadow = {"version": "2", "percent": 100}
    rollout = {"weights": {"1": 100}, "shadow": shadow}
    write(tmp_path, rollout, shade(0.25), shade(0.75), card=CLASSIFIER)
    picture = pb.ModelInferRequest(model_name="m")
    picture.inputs.add(name="image", datatype="BYTES", shape=[1])
    picture.inputs[0].contents.bytes_contents.append(SEVEN)
    strings = np.empty(1, object)
    strings[:] = [SEVEN]
    asked = wire.PredictRequest(model_spec=wire.ModelSpec(name="m"))
    write_tensor(strings, asked.inputs["image"])
    pixels = pb.ModelInferRequest(model_name="m")
    pixels.inputs.add(name="image", datatype="FP32", shape=[1, 8, 8, 3])
    pixels.raw_input_contents.append(bytes(4 * 8 * 8 * 3))
    with serving(tmp_path, default="m") as (_, channel, _):
        assert call(channel, "ModelInfer", picture).model_version == "1"
        assert predict(channel, asked).model_spec.version.value == 1
        classify_examples(channel, 2)
        assert use_tool(channel, SEVEN)["version"] == "1"
        # What the shadow cannot take, because its pictures are larger, it fails.
        call(channel, "ModelInfer", pixels)
        eventually(lambda: count(report(channel)) == 6, "all are counted", within=60)
        found = report(channel)
    assert (found["offered"], found["compared"], found["agreed"]) == (6, 5, 0)
    assert found["failed"] == {"INVALID_TENSOR": 1}
    assert found["distance"]["largest"] == 0.5


def test_a_picture_by_a_tool_takes_part_in_a_rollout(tmp_path: Path) -> None:
    rollout = Rollout(weights=HALVES, key="option")
    fields = rollout.model_dump(exclude_defaults=True)
    write(tmp_path, fields, shade(0.25), shade(0.75), card=CLASSIFIER)
    outcomes: list[tuple[Any, ...]] = []
    with serving(tmp_path, default="m") as (_, channel, repository):
        repository.report_outcomes(lambda *outcome: outcomes.append(outcome))
        for key in KEYS:
            answer = use_tool(channel, SEVEN, key=key)
            assert answer["version"] == choose("m", rollout, ABLE, Asking(key=key))
            assert answer["labels"][0]["label"] == {"1": "bright", "2": "dull"}[answer["version"]]
            assert outcomes.pop()[:2] == ("m", answer["version"])
        assert outcomes == []
        assert {use_tool(channel, SEVEN)["version"] for _ in range(60)} == ABLE
        for version in sorted(ABLE):
            named = use_tool(channel, SEVEN, {"meshlens_version": version})
            assert named["version"] == version
        by_caller = Rollout(weights=HALVES, key="caller")
        fields = by_caller.model_dump(exclude_defaults=True)
        (tmp_path / "rollouts.yaml").write_text(json.dumps({"m": fields}))
        expected = [choose("m", by_caller, ABLE, Asking(key)) for key in KEYS]
        eventually(
            lambda: (
                [use_tool(channel, SEVEN, {"caller_app_id": it})["version"] for it in KEYS]
                == expected
            ),
            "the rollout is chosen by the caller",
        )


def test_every_door_tells_the_judge_how_a_request_has_ended(tmp_path: Path) -> None:
    write(tmp_path, {"weights": {"1": 100}}, build_brooding("fails"))
    outcomes: list[tuple[str, str, float, BaseException | None]] = []
    with serving(tmp_path, default="m") as (_, channel, repository):
        repository.report_outcomes(lambda *outcome: outcomes.append(outcome))
        for ask in (look_by_v2, look_by_v2_rest, look_by_tfserving, look_by_tfserving_rest):
            ask(channel, np.zeros((1, 8, 8, 3), np.float32))
            model, version, seconds, failure = outcomes.pop()
            assert (model, version, failure) == ("m", "1", None)
            assert seconds > 0
            with pytest.raises(grpc.RpcError):
                ask(channel, np.full((1, 8, 8, 3), 255, np.float32))
            assert isinstance(outcomes.pop()[-1], InvalidTensor)
            # What is the caller's fault is none of the version's.
            with pytest.raises(grpc.RpcError):
                ask(channel, np.zeros((1, 9, 9, 3), np.float32))
            assert isinstance(outcomes.pop()[-1], Refused)
        # Who only describes the model says nothing of how it answers.
        call(channel, "ModelMetadata", pb.ModelMetadataRequest(name="m"))
        invoke(channel, "v2/models/m", verb="GET")
        invoke(channel, "v1/models/m/metadata", verb="GET")
        assert outcomes == []


def look_by_v2(channel: grpc.Channel, image: NDArray[np.float32]) -> None:
    request = pb.ModelInferRequest(model_name="m", raw_input_contents=[image.tobytes()])
    request.inputs.add(name="image", datatype="FP32", shape=image.shape)
    call(channel, "ModelInfer", request)


def look_by_v2_rest(channel: grpc.Channel, image: NDArray[np.float32]) -> None:
    data = image.ravel().tolist()
    sent = {"name": "image", "datatype": "FP32", "shape": image.shape, "data": data}
    invoke(channel, "v2/models/m/infer", json.dumps({"inputs": [sent]}).encode())


def look_by_tfserving(channel: grpc.Channel, image: NDArray[np.float32]) -> None:
    request = wire.PredictRequest(model_spec=wire.ModelSpec(name="m"))
    write_tensor(image, request.inputs["image"])
    predict(channel, request)


def look_by_tfserving_rest(channel: grpc.Channel, image: NDArray[np.float32]) -> None:
    body = json.dumps({"inputs": {"image": image.tolist()}}).encode()
    invoke(channel, "v1/models/m:predict", body)


def count(found: dict[str, Any]) -> int:
    return sum((found["compared"], *found["failed"].values()))


def classify_examples(channel: grpc.Channel, count: int) -> None:
    request = wire.ClassificationRequest(model_spec=wire.ModelSpec(name="m"))
    for _ in range(count):
        example: Example = request.input.example_list.examples.add()
        example.features.feature["image/encoded"].bytes_list.value.append(SEVEN)
    method = channel.unary_unary(
        "/tensorflow.serving.PredictionService/Classify",
        request_serializer=wire.ClassificationRequest.SerializeToString,
        response_deserializer=wire.ClassificationResponse.FromString,
    )
    assert len(method(request, timeout=30).result.classifications) == count
