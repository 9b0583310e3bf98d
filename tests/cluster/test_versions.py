"""Versions of models are added, fail and are rolled back on all replicas, under load.

The last test leaves classify with TensorFlow behind, for the visitors' tests to call.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from cluster.caller import Call
from cluster.lifetime import Figures
from cluster.load import Load, calling
from cluster.project import TENSORFLOW, Project

# The prediction for a chopstick of 10 cm: the float32 of TensorFlow's own session, in 12 digits.
TEN = [[3.98174306027e-11, 1.0, 1.83699980923e-18]]


@pytest.fixture(autouse=True, scope="module")
def _calls(prod: Project, figures: Figures) -> Iterator[None]:
    # Not under load: building an image takes the machine's cores and disk for minutes.
    prod.bring_images(TENSORFLOW)
    with calling(prod, figures, "versions of models, good and bad ones"):
        yield


def test_a_new_version_comes_to_all_replicas(prod: Project) -> None:
    put(prod, 2)
    await_version(prod, "2")
    assert len(states(prod, "2")) == 3


def test_a_rollout_by_a_file_goes_back_on_all_replicas_within_a_second(prod: Project) -> None:
    write_rollout(prod, {"1": 100, "2": 0})
    await_version(prod, "1")

    def send_forth() -> None:
        write_rollout(prod, {"1": 0, "2": 100})

    def go_back() -> None:
        write_rollout(prod, {"1": 100, "2": 0})

    assert answered_meanwhile(prod, send_forth, go_back) == ({"1"}, {"2"}, {"1"})
    (prod.models / "rollouts.yaml").unlink()


def test_a_rollout_by_calls_goes_back_on_all_replicas_within_a_second(prod: Project) -> None:
    set_rollout(prod, {"1": 100, "2": 0})

    def send_forth() -> None:
        set_rollout(prod, {"1": 0, "2": 100})

    def go_back() -> None:
        call_as_ops(prod, "POST", "models/digits/rollout/back")

    assert answered_meanwhile(prod, send_forth, go_back) == ({"1"}, {"2"}, {"1"})
    call_as_ops(prod, "DELETE", "models/digits/rollout")


def test_a_rollout_is_changed_by_nobody_else(prod: Project) -> None:
    path = "models/digits/rollout/back"
    (proxied,) = prod.caller("caller").call(Call("grpc", "classify", path))
    (http,) = prod.caller("gateway").call(Call("http", "classify", path, b"{}"))
    assert (proxied.code, http.code) == ("PERMISSION_DENIED", "403")


def test_a_bad_rollout_is_seen_and_goes_back_by_one_command(prod: Project) -> None:
    good = set(prod.pods("classify"))
    prod.kubectl("set", "env", "deployment/classify", "MODEL_VERSIONS=digits@9")
    prod.node.eventually(lambda: bool(waiting(prod) - good), "a new replica is up, and not ready")
    by_pod = states(prod, "2")
    assert {by_pod[pod] for pod in good} == {"AVAILABLE"}
    assert "AVAILABLE" not in {by_pod[pod] for pod in by_pod.keys() - good}
    prod.kubectl("rollout", "undo", "deployment/classify")
    prod.await_rollouts()
    assert set(states(prod, "2").values()) == {"AVAILABLE"}


def test_new_replicas_take_from_the_state_store_what_an_older_one_has_had(prod: Project) -> None:
    model = prod.models / "digits" / "1" / "digits.tflite"
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    card = {"model": {"path": model.name}, "source": {"sha256": digest}}
    put(prod, 3, yaml.safe_dump(card))
    await_version(prod, "3")
    keys = ("exec", "deployment/redis", "--", "redis-cli", "--scan", "--pattern", f"*{digest}*")
    prod.node.eventually(lambda: digest in prod.kubectl(*keys), "the state store has it")
    (prod.models / "digits" / "3" / model.name).unlink()
    prod.kubectl("rollout", "restart", "deployment/classify")
    prod.await_rollouts()
    assert list(states(prod, "3").values()) == ["AVAILABLE"] * 3
    for pod in prod.pods("classify"):
        said = prod.kubectl("logs", pod, "--container=classify")
        assert "model digits version 3 is in the state store" in said


def test_a_saved_model_answers_on_three_replicas(prod: Project, shared: Path) -> None:
    prod.offer_model(shared / "models" / "chopstick")
    prod.apply(TENSORFLOW)
    prod.await_leavers()  # callers remember replicas without TensorFlow until then
    body = b'{"signature": "serving_default", "inputs": {"chopstick_length": [[10.0]]}}'
    call = Call("grpc", "classify", "models/chopstick/predict", body)
    answers = prod.caller("caller").call(*[call] * 30)
    assert {(answer.code, answer.text) for answer in answers if answer.code != "OK"} == set()
    assert all(json.loads(answer.text)["outputs"]["classes_prob"] == TEN for answer in answers)
    counts = prod.answered("classify", "models/<name>/predict")
    assert len(counts) == 3
    assert min(counts.values()) > 0, counts


def put(project: Project, version: int, card: str = "") -> None:
    """Add a version of the digits as documented: under a temporary name, then renamed."""
    digits = project.models / "digits"
    part = digits / ".part"
    shutil.copytree(digits / "1", part)
    if card:
        (part / "card.yaml").write_text(card)
    part.rename(digits / str(version))


def await_version(project: Project, version: str) -> None:
    """Wait until all replicas serve a version of the digits."""
    project.node.eventually(
        lambda: set(states(project, version).values()) == {"AVAILABLE"},
        f"every replica serves version {version}",
    )


def write_rollout(project: Project, weights: Mapping[str, int]) -> None:
    """Give the digits a rollout by a file among the models."""
    part = project.models / ".rollouts"
    part.write_text(yaml.safe_dump({"digits": {"weights": dict(weights)}}))
    part.rename(project.models / "rollouts.yaml")


def set_rollout(project: Project, weights: Mapping[str, int]) -> None:
    """Give the digits a rollout by a call, which does not replace one of a file."""
    body = json.dumps({"weights": weights}).encode()
    call_as_ops(project, "PUT", "models/digits/rollout", body)


def call_as_ops(project: Project, verb: str, method: str, body: bytes = b"") -> None:
    """Call classify as the app that may change what is served."""
    (answer,) = project.caller("ops").call(Call("http", "classify", method, body, verb))
    assert answer.code == "200", answer.text


def answered_meanwhile(
    project: Project, send_forth: Callable[[], None], go_back: Callable[[], None]
) -> tuple[set[str], set[str], set[str]]:
    """Call all replicas while a rollout goes forth and back; no call may fail.

    Returns:
        the versions that have answered before, between and after, but for calls that were sent
        within a second of a change.
    """
    with Load(project.caller("caller"), "grpc", threads=4) as load:
        await_calls(project)
        forth = time.time()
        send_forth()
        forth_done = time.time()
        await_calls(project)
        back = time.time()
        go_back()
        back_done = time.time()
        await_calls(project)
    assert not load.failed, load.failed[:5]
    answered = [
        (call.since, call.seconds, json.loads(call.text)["version"])
        for call in load.calls
        if call.app == "classify"
    ]
    before = {version for since, took, version in answered if since + took < forth}
    between = {
        version
        for since, took, version in answered
        if forth_done + 1 < since and since + took < back
    }
    after = {version for since, _, version in answered if back_done + 1 < since}
    return before, between, after


def await_calls(project: Project) -> None:
    """Return once each replica has answered for some seconds."""
    began = time.monotonic()
    before = project.answered("classify", "classify")

    def have_answered() -> bool:
        now = project.answered("classify", "classify")
        return time.monotonic() > began + 4 and all(
            count > before.get(pod, 0) + 20 for pod, count in now.items()
        )

    project.node.eventually(have_answered, "each replica has answered")


def states(project: Project, version: str) -> dict[str, str]:
    """The state of a version of the digits on each replica, or that it is absent."""
    answers = {}
    for pod in project.pods("classify"):
        address = project.kubectl("get", f"pod/{pod}", "--output=jsonpath={.status.podIP}")
        models = json.loads(project.caller("caller").run("models.py", f"{address}:50051"))
        known = {it["version"]: it["state"] for it in models["models"] if it["model"] == "digits"}
        answers[pod] = known.get(version, "not there")
    return answers


def waiting(project: Project) -> set[str]:
    """The replicas of classify that have started but are not ready."""
    return {
        pod["metadata"]["name"]
        for pod in project.replicas("classify")
        for container in pod["status"].get("containerStatuses", [])
        if container["name"] == "classify" and container.get("started") and not container["ready"]
    }
