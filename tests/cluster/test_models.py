"""Models in a volume of the cluster: new versions, bad ones, TensorFlow on three replicas."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from classify.models import shipped_models
from cluster.caller import Call
from cluster.lifetime import Figures
from cluster.load import Watched
from cluster.project import PROD, Project

OVERLAYS = Path(__file__).parent / "overlays"
# What a chopstick of 10 cm is: the float32 that TensorFlow's own session gives, in 12 digits.
TEN = [[3.98174306027e-11, 1.0, 1.83699980923e-18]]


@pytest.fixture(scope="module")
def folder(prod: Project) -> Iterator[Path]:
    """The folder behind the volume of models, with what ships in it."""
    models = prod.node.sandbox.folder / "models"
    shutil.copytree(shipped_models() / "digits", models / "digits")
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "models"},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteMany"],
            "hostPath": {"path": str(models)},
            "claimRef": {"namespace": "meshlens", "name": "models"},
        },
    }
    prod.node.kubectl("apply", "--filename=-", stdin=yaml.safe_dump(volume))
    prod.apply(OVERLAYS / "models")
    yield models
    prod.apply(PROD)
    prod.await_leavers()
    prod.kubectl("delete", "persistentvolumeclaim/models")
    prod.node.kubectl("delete", "persistentvolume/models")


@pytest.fixture
def watched(prod: Project, figures: Figures) -> Watched:
    return Watched(prod, figures)


def put(folder: Path, version: int, card: str = "") -> None:
    """Bring a version of the digits as the documentation says: under another name, then renamed."""
    part = folder / "digits" / ".part"
    shutil.copytree(folder / "digits" / "1", part)
    if card:
        (part / "card.yaml").write_text(card)
    part.rename(folder / "digits" / str(version))


def states(project: Project, version: str) -> dict[str, str]:
    """Each replica's own word for a version of the digits: its state, or that it is not there."""
    answers = {}
    for pod in project.pods("classify"):
        address = project.kubectl("get", f"pod/{pod}", "--output=jsonpath={.status.podIP}")
        models = json.loads(project.caller("caller").run("models.py", f"{address}:50051"))
        told = {it["version"]: it["state"] for it in models["models"] if it["model"] == "digits"}
        answers[pod] = told.get(version, "not there")
    return answers


def test_a_new_version_comes_to_all_replicas_while_callers_call(
    prod: Project, watched: Watched, folder: Path
) -> None:
    with watched.during("a new version of a model on all replicas"):
        put(folder, 2)
        prod.node.eventually(
            lambda: set(states(prod, "2").values()) == {"AVAILABLE"},
            "every replica serves version 2",
        )
    assert len(states(prod, "2")) == 3


def test_a_bad_rollout_goes_back_by_one_command(
    prod: Project, watched: Watched, folder: Path
) -> None:
    with watched.during("a rollout of a version that is not there, and back"):
        before = set(prod.pods("classify"))
        prod.kubectl("set", "env", "deployment/classify", "MODEL_VERSIONS=digits@9")
        prod.node.eventually(
            lambda: not before.issuperset(prod.pods("classify")), "a replica tries"
        )
        prod.kubectl("rollout", "undo", "deployment/classify")
        prod.await_rollouts()
    assert folder.is_dir()
    assert set(states(prod, "2").values()) == {"AVAILABLE"}


def test_replicas_take_a_version_from_the_state_store_once_one_has_had_it(
    prod: Project, watched: Watched, folder: Path
) -> None:
    model = folder / "digits" / "1" / "digits.tflite"
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    card = {"model": {"path": "digits.tflite"}, "source": {"sha256": digest}}
    put(folder, 3, yaml.safe_dump(card))
    prod.node.eventually(
        lambda: set(states(prod, "3").values()) == {"AVAILABLE"}, "every replica serves version 3"
    )
    keys = ("exec", "deployment/redis", "--", "redis-cli", "--scan", "--pattern", f"*{digest}*")
    prod.node.eventually(lambda: digest in prod.kubectl(*keys), "the state store has it")
    (folder / "digits" / "3" / "digits.tflite").unlink()
    with watched.during("a rollout of replicas that take a model from the state store"):
        prod.kubectl("rollout", "restart", "deployment/classify")
        prod.await_rollouts()
    assert list(states(prod, "3").values()) == ["AVAILABLE"] * 3
    for pod in prod.pods("classify"):
        said = prod.kubectl("logs", pod, "--container=classify")
        assert "model digits version 3 is in the state store" in said


def test_a_saved_model_answers_on_three_replicas(prod: Project, shared: Path, folder: Path) -> None:
    shutil.copytree(shared / "models" / "chopstick", folder / "chopstick")
    prod.apply(OVERLAYS / "tensorflow")
    prod.await_leavers()  # callers remember replicas without TensorFlow until then
    body = b'{"signature": "serving_default", "inputs": {"chopstick_length": [[10.0]]}}'
    call = Call("grpc", "classify", "models/chopstick/predict", body)
    answers = prod.caller("caller").call(*[call] * 30)
    assert {(answer.code, answer.text) for answer in answers if answer.code != "OK"} == set()
    assert all(json.loads(answer.text)["outputs"]["classes_prob"] == TEN for answer in answers)
    counts = prod.answered("classify", "models/<name>/predict")
    assert len(counts) == 3
    assert min(counts.values()) > 0, counts
