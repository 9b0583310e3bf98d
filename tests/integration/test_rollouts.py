"""A rollout through two sidecars to three replicas: shares, keys, and no call that fails."""

import itertools
import json
import math
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from dapr.proto import appcallback_service_v1, common_v1
from documents import block
from google.protobuf import any_pb2
from installed import need
from mesh import Answer, Mesh, Profile
from processes import eventually
from unit.classify.graphs import Node, answering, build_brooding, constant

from meshlens.classify.models import shipped_models
from meshlens.protocols.wire import inference_pb2 as v2

REPLICAS = ("classify", "classify.2", "classify.3")
SEVEN = (Path(__file__).resolve().parents[2] / "services/classify/samples/digit-7.png").read_bytes()
CALLERS = 8
CHANGES = 20
CALLS = 10_000
# What every replica has within a second holds for calls that are sent later.
SETTLED = 1.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    need("redis-server", "apt-get install redis-server")
    models = tmp_path_factory.mktemp("models")
    for number in ("1", "2", "3"):
        shutil.copytree(shipped_models() / "digits/1", models / "digits" / number)
    for number, model in (("1", build_steady()), ("2", build_brooding("fails"))):
        (models / "moods" / number).mkdir(parents=True)
        (models / "moods" / number / "moods.tflite").write_bytes(model)
        card = "{model: {path: moods.tflite}, task: tensor}"
        (models / "moods" / number / "card.yaml").write_text(card)
    env = {replica: {"MODEL_ROLLOUTS": "true", "ADMIN": "pca"} for replica in REPLICAS}
    folder = tmp_path_factory.mktemp("mesh")
    services = ("pca", *REPLICAS)
    with Mesh(Profile.REDIS, folder, models=models, services=services, env=env) as mesh:
        yield mesh


def models_of(mesh: Mesh) -> Path:
    folder = mesh.models
    assert folder
    return folder


def build_steady() -> bytes:
    """A classifier of pictures of 8 x 8 that answers the same whatever one shows."""
    return answering(constant("scores", [[0.25, 0.75]]), image=Node("image", (1, 8, 8, 3)))


def put(mesh: Mesh, rollout: Mapping[str, object], model: str = "digits") -> Answer:
    body = json.dumps(rollout).encode()
    return mesh.call("pca", "classify", f"models/{model}/rollout", body, verb="PUT", timeout=60)


class Asker:
    """Asks for a digit by proxied gRPC, which takes both sidecars."""

    def __init__(self, mesh: Mesh) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port('pca')}")
        self._stub = appcallback_service_v1.AppCallbackStub(self._channel)

    def ask(self, key: str = "", *metadata: tuple[str, str]) -> str:
        """Return the version that has answered."""
        request = common_v1.InvokeRequest(
            method=f"classify?model=digits&key={key}",
            content_type="image/png",
            data=any_pb2.Any(value=SEVEN),
        )
        headers = (("dapr-app-id", "classify"), *metadata)
        answer = self._stub.OnInvoke(request, metadata=headers, timeout=20)
        version: str = json.loads(answer.data.value)["version"]
        return version

    def infer(self, *metadata: tuple[str, str]) -> str:
        """Return the version that has answered a V2 request without one."""
        call = self._channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=v2.ModelInferRequest.SerializeToString,
            response_deserializer=v2.ModelInferResponse.FromString,
        )
        picture = v2.ModelInferRequest.InferInputTensor(name="picture", datatype="BYTES", shape=[1])
        picture.contents.bytes_contents.append(SEVEN)
        request = v2.ModelInferRequest(model_name="digits", inputs=[picture])
        answer = call(request, metadata=(("dapr-app-id", "classify"), *metadata), timeout=20)
        version: str = answer.model_version
        return version

    def close(self) -> None:
        self._channel.close()


@pytest.fixture
def asker(running: Mesh) -> Iterator[Asker]:
    asker = Asker(running)
    yield asker
    asker.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that was answered.

    Attributes:
        sent: when it was sent.
        key: what it was to be kept at one version by.
        version: what answered it.
    """

    sent: float
    key: str
    version: str


@pytest.mark.timeout(400)
def test_shares_keys_and_no_failure_while_weights_change_and_a_version_goes(running: Mesh) -> None:
    assert put(running, {"weights": {"1": 100}, "key": "option"}).status == 200
    asked: list[Asked] = []
    failed: list[str] = []
    done = threading.Event()
    numbers = itertools.count()

    def call_on() -> None:
        asker = Asker(running)
        while not done.is_set():
            # Each key is asked for twice at once, mostly by two callers.
            key, sent = f"user-{next(numbers) // 2}", time.monotonic()
            try:
                asked.append(Asked(sent, key, asker.ask(key)))
            except grpc.RpcError as error:
                failed.append(str(error))
        asker.close()

    changes: list[tuple[float, Mapping[str, float]]] = []
    with ThreadPoolExecutor(CALLERS) as callers:
        calling = [callers.submit(call_on) for _ in range(CALLERS)]
        try:
            for number in range(CHANGES):
                weights: dict[str, float] = {"1": 100 - 5 * number, "2": 5 * number}
                if number < CHANGES // 2:
                    weights = {"1": 90 - 5 * number, "2": 5 * number, "3": 10}
                set_ = put(running, {"weights": weights, "key": "option"})
                assert set_.status == 200, set_.text
                changes.append((time.monotonic(), weights))
                enough = CALLS * (number + 1) // CHANGES
                eventually(
                    lambda: (
                        len(asked) >= enough  # noqa: B023 - it is called here
                        and time.monotonic() > changes[-1][0] + 1.5 * SETTLED
                    ),
                    "the callers have called",
                    within=60,
                )
                if number == CHANGES // 2 - 1:
                    shutil.rmtree(models_of(running) / "digits/3")
                    eventually(lambda: is_missing(running, "3"), "version 3 is gone")
                    enough = len(asked) + CALLS // CHANGES
                    eventually(lambda: len(asked) >= enough, "they call on", within=60)  # noqa: B023 - it is called here
        finally:
            done.set()
        for caller in calling:
            caller.result()
    assert not failed, failed[:3]
    assert len(asked) >= CALLS
    check_shares(asked, changes)


def show(mesh: Mesh, model: str = "digits") -> list[dict[str, Any]]:
    """Return how each replica shares out the requests of a model, asked at its own port."""
    extension = common_v1.HTTPExtension(verb=common_v1.HTTPExtension.GET)
    request = common_v1.InvokeRequest(method=f"models/{model}/rollout", http_extension=extension)
    shown = []
    for replica in REPLICAS:
        with grpc.insecure_channel(f"127.0.0.1:{mesh.app_port(replica)}") as channel:
            stub = appcallback_service_v1.AppCallbackStub(channel)
            shown.append(json.loads(stub.OnInvoke(request, timeout=20).data.value))
    return shown


def is_missing(mesh: Mesh, version: str) -> bool:
    """Return whether every replica says that a version of the rollout is gone."""
    return all(answer["missing"] == [version] for answer in show(mesh))


def check_shares(asked: list[Asked], changes: list[tuple[float, Mapping[str, float]]]) -> None:
    """Compare what has answered with the weights of then, but for the second after a change."""
    ends = [*(at for at, _ in changes[1:]), math.inf]
    expected: dict[str, float] = defaultdict(float)
    variance: dict[str, float] = defaultdict(float)
    counted: dict[str, int] = defaultdict(int)
    for (at, weights), end in zip(changes, ends, strict=True):
        if "3" in weights and end == changes[CHANGES // 2][0]:
            continue  # version 3 goes
        chosen: dict[str, str] = {}
        for call in asked:
            if not at + SETTLED <= call.sent < end - SETTLED / 4:
                continue
            assert weights.get(call.version), f"{call} got no share of {weights}"
            assert chosen.setdefault(call.key, call.version) == call.version, call
        for version, percent in weights.items():
            share = percent / 100
            expected[version] += share * len(chosen)
            variance[version] += share * (1 - share) * len(chosen)
            counted[version] += sum(it == version for it in chosen.values())
    for version, count in counted.items():
        assert abs(count - expected[version]) <= 3 * math.sqrt(variance[version]), (
            version,
            count,
            expected[version],
        )


def test_every_replica_says_the_same(running: Mesh) -> None:
    rollout = {"weights": {"1": 50, "2": 50}, "key": "caller", "labels": {"canary": "2"}}
    said = put(running, rollout)
    assert said.status == 200
    time_to_settle(running)
    for shown in show(running):
        assert shown["revision"] == json.loads(said.body)["revision"]
        assert shown["shares"] == {"1": 50, "2": 50}
    described = json.loads(running.call("pca", "classify", "models/digits", verb="GET").body)
    assert described["rollout"] in show(running)


def test_a_caller_stays_and_a_header_overrides_by_every_door(running: Mesh, asker: Asker) -> None:
    rollout = {"weights": {"1": 50, "2": 50}, "key": "caller", "labels": {"canary": "2"}}
    assert put(running, rollout).status == 200
    time_to_settle(running)
    assert len({asker.ask() for _ in range(30)} | {asker.infer() for _ in range(30)}) == 1
    for version in ("1", "2"):
        header = ("meshlens-version", version)
        assert {asker.ask("", header) for _ in range(6)} == {version}
        assert {asker.infer(header) for _ in range(6)} == {version}
    assert asker.ask("", ("meshlens-version", "canary")) == "2"
    with pytest.raises(grpc.RpcError) as refused:
        asker.ask("", ("meshlens-version", "9"))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("by", [("meshlens-version", "1", "2"), ("x-team", "reds", "blues")])
def test_what_a_key_keeps_is_not_given_to_whom_a_header_gives_another_version(
    running: Mesh, asker: Asker, by: tuple[str, str, str]
) -> None:
    rollout = {"weights": {"1": 50, "2": 50}, "key": "header:x-team"}
    assert put(running, rollout).status == 200
    time_to_settle(running)
    name, one, other = by
    for call in (partial(asker.ask, ""), asker.infer):
        key = ("idempotency-key", uuid.uuid4().hex)
        # Each replica that they come to keeps its own answer.
        assert len({call((name, one), key) for _ in range(12)}) == 1
        said = [try_it(partial(call, (name, other), key)) for _ in range(12)]
        assert grpc.StatusCode.INVALID_ARGUMENT in said
        assert set(said) <= {grpc.StatusCode.INVALID_ARGUMENT, call((name, other))}


def try_it(call: Callable[[], str]) -> object:
    """Return what a call answers, or the code of its failure."""
    try:
        return call()
    except grpc.RpcError as error:
        return error.code()


def time_to_settle(running: Mesh, model: str = "digits") -> None:
    """Return once all replicas show one rollout."""

    def agree() -> bool:
        first, *others = show(running, model)
        return all(shown == first for shown in others)

    eventually(agree, "the replicas agree", within=5)


def test_back_by_one_call(running: Mesh, asker: Asker) -> None:
    assert put(running, {"weights": {"1": 1, "2": 99}}).status == 200
    back = running.call("pca", "classify", "models/digits/rollout/back")
    assert json.loads(back.body)["rollout"]["weights"] == {"1": 100}
    time_to_settle(running)
    assert {asker.ask() for _ in range(30)} == {"1"}
    ended = running.call("pca", "classify", "models/digits/rollout", verb="DELETE")
    assert "rollout" not in json.loads(ended.body)
    time_to_settle(running)
    newest = max(folder.name for folder in (models_of(running) / "digits").iterdir())
    assert {asker.ask() for _ in range(9)} == {newest}


@pytest.mark.parametrize(
    ("rollout", "status", "says"),
    [
        ({"weights": {"1": 90}}, 400, "100 together"),
        ({"weights": {"1": 101, "2": -1}}, 400, "weights.1"),
        ({"weights": {"1": 50, "9": 50}}, 400, "got 9"),
        ({"weights": {"1": 100}, "revision": 1}, 409, "at revision 1"),
    ],
)
def test_what_cannot_take_effect_is_refused(
    running: Mesh, rollout: Mapping[str, object], status: int, says: str
) -> None:
    refused = put(running, rollout)
    assert (refused.status, says in refused.text) == (status, True), refused.text


def test_who_may_not_change_what_is_served_may_not_roll_out(running: Mesh) -> None:
    path = "models/digits/rollout"
    body = b'{"weights": {"1": 100}}'
    assert running.call("classify", "classify", path, body, verb="PUT").status == 403
    assert running.call("classify", "classify", path, verb="DELETE").status == 403
    assert running.call("classify", "classify", f"{path}/back").status == 403
    assert running.call("classify", "classify", path, verb="GET").status == 200


BRIGHT = np.full((1, 8, 8, 3), 255.0).tolist()
V2_BRIGHT = {"name": "image", "datatype": "FP32", "shape": [1, 8, 8, 3], "data": BRIGHT}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("models/moods/predict", {"inputs": {"image": BRIGHT}}, "version"),
        ("v2/models/moods/infer", {"inputs": [V2_BRIGHT]}, "model_version"),
        # Its answers name no version; version 2 has none for this picture.
        ("v1/models/moods:predict", {"inputs": {"image": BRIGHT}}, ""),
    ],
)
def test_a_version_that_fails_ends_its_rollout(
    running: Mesh, path: str, body: object, field: str
) -> None:
    judge = {"errors": 10, "requests": 1}
    set_ = put(running, {"weights": {"1": 50, "2": 50}, "judge": judge}, "moods")
    assert set_.status == 200, set_.text
    # No replica still says why the rollout before this one went back.
    time_to_settle(running, "moods")

    def ask() -> Answer:
        return running.call("pca", "classify", path, json.dumps(body).encode())

    def find_reason() -> str:
        ask()
        shown = running.call("pca", "classify", "models/moods/rollout", verb="GET")
        reason: str = json.loads(shown.body)["reason"]
        return reason

    reason = eventually(find_reason, "the version is found to fail")
    assert re.match(r"version 2 failed (\d+) of \1 requests", reason), reason
    time_to_settle(running, "moods")
    answers = [ask() for _ in range(12)]
    assert {it.status for it in answers} == {200}
    assert not field or {json.loads(it.body)[field] for it in answers} == {"1"}


def test_the_commands_of_the_readme(running: Mesh) -> None:
    running.call("pca", "classify", "models/digits/rollout", verb="DELETE")
    text = block("services/classify/README.md", "meshlens models rollout digits set")
    said = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)[1:]
    for command, expected in zip(said[::2], said[1::2], strict=True):
        name, *words = command.split()
        assert name == "meshlens"
        shown = run_command(running, *words)
        time_to_settle(running)
        assert _leave_out_revision(shown) == _leave_out_revision(expected)


def run_command(mesh: Mesh, *words: str) -> str:
    """Return what a command whose name is two words prints, such as `models rollout`."""
    # The option belongs to the command, before its model.
    words = (*words[:2], "--sidecar", mesh.http("pca"), *words[2:])
    shown = subprocess.run(
        [sys.executable, "-m", "meshlens.command", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def _leave_out_revision(text: str) -> str:
    return re.sub(r"revision \d+", "revision", text)


def test_the_command_says_how_far_a_shadow_agrees(running: Mesh, asker: Asker) -> None:
    show = ("models", "rollout", "digits")
    set_ = run_command(running, *show, "set", "1=100", "--shadow", "2=100")
    assert "AVAILABLE     shadow of 100%" in set_
    time_to_settle(running)

    def says_so() -> bool:
        assert asker.ask() == "1"
        # The replica that answers has counted what it was asked itself.
        lines = run_command(running, *show).splitlines()
        return any(re.match(r"  the shadow agreed with ([1-9]\d*) of \1 ", it) for it in lines)

    eventually(says_so, "a replica tells that both agree", within=60)
    assert run_command(running, *show, "end") == "digits: no rollout\n"
    time_to_settle(running)


def test_what_the_budget_has_no_room_for_is_refused_or_a_warning(tmp_path: Path) -> None:
    models, work = tmp_path / "models", tmp_path / "mesh"
    for number in ("1", "2"):
        shutil.copytree(shipped_models() / "digits/1", models / "digits" / number)
    work.mkdir()
    size = (models / "digits/1/digits.tflite").stat().st_size
    env = {"MODEL_ROLLOUTS": "true", "ADMIN": "pca", "MODEL_BUDGET": str(2 * size - 1)}
    with Mesh(Profile.EMBEDDED, work, models=models, env={"classify": env}) as mesh:
        says = (
            f"within MODEL_BUDGET, {2 * size - 1} bytes, got {2 * size} bytes (digits@1 has {size}"
        )
        refused = put(mesh, {"weights": {"1": 50, "2": 50}})
        assert (refused.status, says in refused.text) == (400, True), refused.text
        (models / "new").write_text("digits: {weights: {1: 50, 2: 50}}")
        (models / "new").replace(models / "rollouts.yaml")

        def look() -> list[str]:
            shown = mesh.call("pca", "classify", "models", verb="GET")
            warnings: list[str] = json.loads(shown.body).get("warnings", [])
            return warnings

        (warning,) = eventually(look, "the file is read")
        assert "the rollout of digits does not take effect" in warning
        answered = mesh.call("pca", "classify", "classify?model=digits", SEVEN)
        assert json.loads(answered.body)["version"] == "2"
