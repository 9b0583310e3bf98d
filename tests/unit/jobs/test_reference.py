"""What the methods answer is what the reference says."""

import json
from pathlib import Path

import pytest
from counting import Counting
from reference import Documented

from meshlens.batch.loop import run
from meshlens.batch.steps import name_job
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.archive import Archive, Record
from meshlens.jobs.control import Control
from meshlens.jobs.engine.calls import Engine
from meshlens.jobs.errors import EngineUnavailable
from meshlens.jobs.kinds import Kinds
from meshlens.jobs.service import Service
from meshlens.jobs.settings import Settings


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "jobs")


@pytest.fixture
def jobs(archive: Archive) -> Documented:
    """The service, whose sidecar is away."""
    engine = Engine(Sidecar(Settings(dapr_grpc_port=1)), seconds=1)
    kinds = Kinds({"counting": "counting:Counting"})
    return Documented(Service(Control(kinds, archive, engine, block=10, window=3)).routes())


def test_answers_of_each_method_are_as_described(
    jobs: Documented, archive: Archive, tmp_path: Path
) -> None:
    file = tmp_path / "numbers.txt"
    file.write_text("1\n2\n3\n")
    options = {"file": str(file), "lines": 2}
    job = Counting()
    identity = job.identify(options)
    name = name_job(job, identity)
    record = Record("counting", job.kind, identity, False, "1", "2026-01-31T12:00:00Z")  # noqa: FBT003 - skip
    archive.begin(name, record)
    archive.finish(name, run(job, identity, archive.objects(name)))

    body = json.dumps({"kind": "counting", "options": options}).encode()
    started = json.loads(jobs.call("POST", "start", body, "application/json").body)
    assert (started["id"], started["state"], started["new"]) == (name, "completed", False)
    (listed,) = json.loads(jobs.call("GET", "list").body)["jobs"]
    assert listed == json.loads(jobs.call("GET", f"status/{name}").body)
    for method in ("pause", "resume", "cancel", "ended"):
        assert json.loads(jobs.call("POST", f"{method}/{name}").body) == listed
    result = json.loads(jobs.call("GET", f"result/{name}").body)
    assert result["objects"] == ["answer"]
    assert jobs.call("GET", f"result/{name}/answer").body == b"3 1"
    with pytest.raises(EngineUnavailable):
        jobs.call("POST", f"purge/{name}")
    for method in ("openapi.json", "asyncapi.json", "events"):
        jobs.call("GET", method)
    called = jobs.called | {"POST purge/{id}"}  # which asks the engine
    assert called == {f"{verb} {path}" for verb, path, _ in jobs.operations()}
