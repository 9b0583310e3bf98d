"""The commands of docs/models-on-kubernetes.md, and those of the recorder in docs/events.md.

In their order, and last of all: it leaves one replica of each service, deployed by the overlay dev.
"""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from client_programs import programs_of
from cluster.lifetime import Figures
from cluster.outside import bucket, postgresql
from cluster.project import DEV, Project, volume
from cluster.shell import Shell, make_checkout
from documents import blocks

POINTS = b"1,2,3,5,4,4,9,1,7,7"
DOCUMENTS = ("docs/models-on-kubernetes.md", "docs/events.md")


@pytest.fixture(scope="module")
def dev(project: Project, figures: Figures) -> Project:
    """One replica of each service, whatever ran before."""
    figures.lap("what ran before")
    project.bring_images(DEV)
    project.kubectl("delete", "hpa", "--all")
    project.node.kubectl("apply", "--kustomize", DEV)
    names = [f"deployment/{name}" for name in ("redis", "pca", "classify")]
    project.kubectl("scale", "--replicas=1", *names)
    for name in names:
        project.kubectl("rollout", "status", name, "--timeout=300s")
    figures.lap("one replica of each")
    return project


@pytest.fixture(scope="module")
def store(dev: Project) -> Iterator[Mapping[str, str]]:
    with bucket(dev.node, "models") as env:
        yield env


@pytest.fixture(scope="module")
def database(dev: Project) -> Iterator[str]:
    with postgresql(dev.node) as address:
        yield address


@pytest.fixture(scope="module")
def shell(
    dev: Project, store: Mapping[str, str], database: str, tmp_path_factory: pytest.TempPathFactory
) -> Shell:
    """Runs a block in a copy of the repository."""
    checkout = make_checkout(tmp_path_factory.mktemp("checkout"))
    return Shell(dev.node, checkout, programs_of("s3_bucket"), POSTGRESQL=database, **store)


def commands(test: str) -> list[str]:
    """The blocks that name a test of this module, in their order."""
    return [it.text for it in blocks() if it.document in DOCUMENTS and it.test.endswith(test)]


def assert_seven(answer: str, version: str) -> None:
    """Assert that it is the answer of a version of the model to a seven."""
    said = json.loads(answer)
    assert (said["model"], said["version"], said["labels"][0]["label"]) == ("numbers", version, "7")


def test_a_model_comes_from_a_bucket(
    dev: Project, shell: Shell, store: Mapping[str, str], figures: Figures
) -> None:
    *_, state, answer = [shell.run(it) for it in commands("test_a_model_comes_from_a_bucket")]
    assert json.loads(state)["state"] == "AVAILABLE"
    assert_seven(answer, "1")
    # Neither the manifest nor the pod has the key.
    secret = store["AWS_SECRET_ACCESS_KEY"]
    assert secret not in dev.kubectl("get", "component", "models", "--output=yaml")
    assert secret not in dev.kubectl("get", "pods", "--output=yaml")
    figures.lap("a model from a bucket")


def test_a_model_comes_from_a_volume(
    dev: Project, shell: Shell, tmp_path: Path, figures: Figures
) -> None:
    tmp_path.chmod(0o777)  # as storage classes do for the group of the pod
    dev.apply_manifests(volume("shelf", tmp_path, claim="models"))
    *_, answer, _ = [shell.run(it) for it in commands("test_a_model_comes_from_a_volume")]
    assert_seven(answer, "2")
    assert (tmp_path / "numbers" / "2" / "numbers.tflite").is_file()
    figures.lap("a model from a volume")


def test_a_model_comes_from_an_image(dev: Project, shell: Shell, figures: Figures) -> None:
    write, build, deploy, call = commands("test_a_model_comes_from_an_image")
    shell.run(write)
    program, verb, option, image, folder = shlex.split(build)
    assert (program, verb, option) == ("docker", "build", "-t")
    dev.bring_models(image, shell.folder / folder)
    shell.run(deploy)
    assert_seven(shell.run(call), "3")
    figures.lap("a model from an image")


def test_a_result_is_recorded_in_the_database_that_a_secret_names(
    dev: Project, shell: Shell, database: str, figures: Figures
) -> None:
    deploy, query = commands("test_a_result_is_recorded_in_the_database_that_a_secret_names")
    shell.run(deploy)
    (shell.folder / "points").write_bytes(POINTS)
    shell.run("examples/kubernetes/ask.sh pca plot <points")
    digest = hashlib.sha256(POINTS).hexdigest()

    def is_seen() -> bool:
        events = json.loads(shell.run(query))["events"]
        return digest in {event["data"]["input"]["sha256"] for event in events}

    dev.node.eventually(is_seen, "the event of the call is recorded")
    assert database not in dev.kubectl("get", "component", "records", "--output=yaml")
    figures.lap("a recorded result")
