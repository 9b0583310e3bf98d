"""Jobs on the real workflow engine: the same bytes as one process, whatever is killed."""

import io
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from counting import Counting
from dapr_run import dapr_runtime
from documents import block
from integration.test_up import fetch, up
from job_kinds import JOB_KINDS, KILLING, PACED, Paced
from jobs_mesh import ENDED, ROOT, JobsMesh, jobs_mesh
from processes import eventually
from pyarrow import parquet as pq
from range_site import Answer, Asked, RangeSite, serving_ranges
from unit.pca.tables.bodies import claim_rows, write_parquet

from meshlens.batch import loop
from meshlens.batch.errors import PartFailed
from meshlens.batch.job import Stage
from meshlens.batch.objects import FolderObjects
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.answers import StartBody, Started
from meshlens.jobs.archive import Archive
from meshlens.jobs.control import Control
from meshlens.jobs.engine.calls import Engine
from meshlens.jobs.engine.workflows import PAGE_BLOCKS
from meshlens.jobs.errors import EngineUnavailable
from meshlens.jobs.kinds import Kinds
from meshlens.jobs.settings import Settings
from meshlens.jobs.tables import Tables
from meshlens.pca.batch.threads import one_thread

pytestmark = pytest.mark.timeout(240)

PAGE = "docs/jobs.md"
SHELF = "dapr://binding/shelf/tables"
VICTIMS = (
    *("worker", "app", "all workers"),
    *("placement", "scheduler", "jobs-daprd", "sidecar and app"),
)
LINES = 3
STAGES = 2
BLOCK = 10
# Objects of the service.
OWN = "job/"
# A job of so many parts has two stages, so twice as many are worked on.
PARTS = 24
QUICK, SLOW = 0.0, 0.1
# Whoever changes a job by a call comes before its end.
LEISURELY = 0.3
REPLICAS = 4


@pytest.fixture(scope="module")
def site() -> Iterator[RangeSite]:
    with serving_ranges({}) as site:
        yield site


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory, site: RangeSite) -> Iterator[JobsMesh]:
    folder = tmp_path_factory.mktemp("jobs")
    add_binding(folder, "shelf", folder / "shelf")
    inputs = f"{folder.parent},{SHELF},{site.address('/tables')}"
    with jobs_mesh(folder, JOB_INPUTS=inputs, PRIVATE_ORIGINS="true") as running:
        yield running


def add_binding(mesh: Path, name: str, files: Path) -> None:
    """Let the sidecar of jobs have the binding of the page, for a folder of files."""
    component = block(PAGE, "kind: Component")
    assert "name: photos" in component
    own = mesh / ".dapr" / "mesh" / "jobs"
    own.mkdir(parents=True, exist_ok=True)
    text = component.replace("name: photos", f"name: {name}").replace("/srv/photos", str(files))
    (own / f"{name}.yaml").write_text(text)


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    return write_numbers(tmp_path, PARTS)


def write_numbers(folder: Path, parts: int) -> Path:
    file = folder / "numbers.txt"
    file.write_text("\n".join(str(number % 97) for number in range(parts * LINES)))
    return file


def published(mesh: JobsMesh, job: str, within: float = 20.0) -> list[dict[str, Any]]:
    """The events that say that a job has ended, once there are any."""

    def find() -> list[dict[str, Any]]:
        events = mesh.ask("events", verb="GET")["events"]
        return [
            event["data"] for event in events if (event["data"]["result"] or {}).get("job") == job
        ]

    return eventually(find, f"the end of {job} is published", within=within)


def paced(file: Path, seconds: float) -> dict[str, Any]:
    log = file.with_name("log.txt")
    return {"file": str(file), "lines": LINES, "seconds": seconds, "log": str(log)}


def begun(file: Path) -> Counter[str]:
    """How often each part was worked on."""
    log = file.with_name("log.txt")
    return Counter(log.read_text().splitlines() if log.exists() else ())


def objects_of(folder: Path) -> dict[str, bytes | None]:
    """What the steps of a job have left, by its name; not what a kill has left half written."""
    objects = FolderObjects(folder)
    return {name: objects.get(name) for name in objects.names("") if not name.startswith(OWN)}


def of_one_process(
    job: Counting, options: Mapping[str, Any], folder: Path
) -> dict[str, bytes | None]:
    """What the loop in one process leaves of the same job."""
    loop.run(job, job.identify(options), FolderObjects(folder / "alone"))
    return objects_of(folder / "alone")


def check_same_bytes(mesh: JobsMesh, job: str, options: Mapping[str, Any], folder: Path) -> None:
    assert objects_of(mesh.jobs_folder / job) == of_one_process(Paced(), options, folder)


def test_a_job_leaves_the_same_bytes_as_one_process(mesh: JobsMesh, tmp_path: Path) -> None:
    options = paced(write_numbers(tmp_path, 200), QUICK)
    started = mesh.start(PACED, options)
    assert started["new"]
    job = started["id"]
    assert mesh.await_end(job)["state"] == "completed"
    result = mesh.ask(f"result/{job}", verb="GET")
    status, answer = mesh.call(f"result/{job}/{result['objects'][0]}", verb="GET")
    assert (status, answer) == (200, (mesh.jobs_folder / job / "answer").read_bytes())
    assert result["summary"]["left_out"] == []
    assert set(begun(Path(options["file"])).values()) == {1}
    check_same_bytes(mesh, job, options, tmp_path)


@pytest.mark.parametrize(
    "further",
    [{}, {"scores": True, "picture": True}, {"picture": {"kind": "biplot", "title": "Noise"}}],
)
def test_a_fit_leaves_the_same_bytes_as_one_process(
    mesh: JobsMesh,
    further: Mapping[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JOB_INPUTS", str(tmp_path))
    values = np.random.default_rng(7).normal((5.0, 0.0, -5.0), size=(9000, 3))
    for number, part in enumerate(np.split(values, 18)):
        np.save(tmp_path / f"part-{number:02d}.npy", part)
    options = {"files": f"{tmp_path}/part-*.npy", "standardize": True, "k": 2, **further}
    job = mesh.start("pca-fit", options)["id"]
    assert mesh.await_end(job)["state"] == "completed"
    named = mesh.ask(f"result/{job}", verb="GET")["objects"]
    assert ("picture.svg" in named) == ("picture" in further)
    with one_thread():
        loop.run(Tables(), Tables().identify(options), FolderObjects(tmp_path / "alone"))
    alone = objects_of(tmp_path / "alone")
    assert objects_of(mesh.jobs_folder / job) == alone
    model = json.loads(alone["model.json"] or b"")
    assert np.allclose(model["mean"], values.mean(axis=0))
    for name in named:
        status, answer = mesh.call(f"result/{job}/{name}", verb="GET")
        assert (status, answer) == (200, alone[name])


def test_a_fit_of_objects_leaves_the_same_bytes_as_one_of_files(mesh: JobsMesh) -> None:
    values = np.random.default_rng(8).normal((5.0, 0.0, -5.0), size=(6000, 3))
    folder = mesh.folder / "shelf" / "tables" / "whole"
    folder.mkdir(parents=True)
    for number, part in enumerate(np.split(values, 12)):
        np.save(folder / f"part-{number:02d}.npy", part)
    digests = set()
    for files in (str(folder), f"{SHELF}/whole", f"{SHELF}/whole/part-*.npy"):
        options = {"files": files, "k": 2, "scores": True, "picture": True}
        job = mesh.start("pca-fit", options)["id"]
        assert mesh.await_end(job)["state"] == "completed"
        objects = objects_of(mesh.jobs_folder / job)
        scores = [data for name, data in objects.items() if name.startswith("scores/")]
        assert len(scores) == 12
        digests.add((objects["model.json"], objects["picture.svg"], *scores))
    assert len(digests) == 1


def test_a_damaged_object_in_the_middle_is_named(mesh: JobsMesh) -> None:
    folder = mesh.folder / "shelf" / "tables" / "damaged"
    folder.mkdir(parents=True)
    for number in range(5):
        np.save(folder / f"{number}.npy", np.eye(4) + number)
    (folder / "2.npy").write_bytes((folder / "2.npy").read_bytes()[:-1])
    job = mesh.start("pca-fit", {"files": f"{SHELF}/damaged"})["id"]
    status = mesh.await_end(job)
    assert (status["state"], status["reason"]) == ("failed", "PART_FAILED")
    assert "damaged/2.npy" in status["message"]


def test_a_fit_of_the_web_leaves_the_same_bytes_as_one_of_files(
    mesh: JobsMesh, site: RangeSite, tmp_path: Path
) -> None:
    values = np.random.default_rng(9).normal((5.0, 0.0, -5.0), size=(6000, 3))
    table = pa.table(dict(zip("xyz", values.T, strict=True)))
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=500)
    site.files["/tables/a.parquet"] = (tmp_path / "a.parquet").read_bytes()
    digests = set()
    for files in (str(tmp_path / "a.parquet"), site.address("/tables/a.parquet")):
        job = mesh.start("pca-fit", {"files": files, "k": 2, "scores": True})["id"]
        assert mesh.await_end(job)["state"] == "completed"
        objects = objects_of(mesh.jobs_folder / job)
        scores = [data for name, data in objects.items() if name.startswith("scores/")]
        digests.add((objects["model.json"], objects["read.json"], *scores))
    assert len(digests) == 1


def test_a_file_of_the_web_that_changes_ends_its_job_by_its_name(
    mesh: JobsMesh, site: RangeSite
) -> None:
    for number in range(5):
        with io.BytesIO() as file:
            np.save(file, np.eye(4) + number)
            site.files[f"/tables/{number}.npy"] = file.getvalue()
    named = [site.address(f"/tables/{number}.npy") for number in range(5)]
    reads = count()

    def change(asked: Asked, answer: Answer) -> Answer:
        # The plan reads it once, its part then.
        looks = asked.headers["range"] == "bytes=0-0"
        if asked.path != "/tables/3.npy" or looks or next(reads) != 1:
            return answer
        site.files[asked.path] = site.files[asked.path][::-1]
        return site.answer(asked)

    site.bend = change
    job = mesh.start("pca-fit", {"files": named})["id"]
    status = mesh.await_end(job)
    assert (status["state"], status["reason"]) == ("failed", "INPUT_CHANGED")
    assert "3.npy must stay as it is while it is read" in status["message"]


def test_a_table_with_more_rows_than_it_claims_is_named_by_both_engines(
    mesh: JobsMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_INPUTS", str(tmp_path))
    body = write_parquet({"x": np.random.default_rng(9).normal(size=40)})
    (tmp_path / "table.parquet").write_bytes(claim_rows(body, 40, 30))
    options = {"files": str(tmp_path / "table.parquet")}
    status = mesh.await_end(mesh.start("pca-fit", options)["id"])
    assert (status["state"], status["reason"]) == ("failed", "PART_FAILED")
    assert "table.parquet, rows 1 to 30" in status["message"]
    assert "expected 30 rows in group 1, got 40" in status["message"]
    with pytest.raises(PartFailed) as failed:
        loop.run(Tables(), Tables().identify(options), FolderObjects(tmp_path / "alone"))
    assert str(failed.value) == status["message"]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("pca-fit", {"files": "https://host.example/tables/a.csv"}),
        ("pictures", {"folder": "/etc"}),
        ("pca-fit", {"files": "/etc/*.csv"}),
        ("pictures", {"folder": "dapr://binding/shelf"}),
        ("pca-fit", {"files": "dapr://binding/shelf/*/a.csv"}),
    ],
)
def test_what_is_not_in_a_folder_for_jobs_is_refused(
    mesh: JobsMesh, kind: str, options: Mapping[str, str]
) -> None:
    status, answer = mesh.call("start", {"kind": kind, "options": options})
    assert status == 403
    assert b"JOB_INPUTS" in answer


def test_the_same_job_twice_is_one_job(mesh: JobsMesh, numbers: Path) -> None:
    options = paced(numbers, QUICK)
    first = mesh.start(PACED, options)
    again = mesh.start(PACED, options)
    assert (first["new"], again["new"]) == (True, False)
    assert again["id"] == first["id"]
    assert mesh.await_end(first["id"])["state"] == "completed"
    third = mesh.start(PACED, options)
    assert (third["new"], third["state"]) == (False, "completed")
    assert set(begun(numbers).values()) == {1}
    anew = mesh.start(PACED, options, again=True)
    assert anew["new"]
    assert mesh.await_end(first["id"])["state"] == "completed"
    assert set(begun(numbers).values()) == {2}


def test_the_same_job_started_at_once_by_several_replicas_runs_once(
    mesh: JobsMesh, numbers: Path
) -> None:
    kinds = Kinds.of(JOB_KINDS)
    sidecar = Sidecar(Settings(dapr_grpc_port=mesh.run.ports.grpc))
    body = StartBody(kind=PACED, options=paced(numbers, QUICK))
    all_there = Barrier(REPLICAS)

    def start(_: int) -> Started:
        # What a replica has of its own; the sidecar and the folder are those that all have.
        control = Control(
            kinds, Archive(mesh.jobs_folder), Engine(sidecar, seconds=8), block=BLOCK, window=3
        )
        all_there.wait()
        return control.start(body)

    with ThreadPoolExecutor(REPLICAS) as replicas:
        started = [*replicas.map(start, range(REPLICAS))]
    sidecar.close()
    assert Counter(one.new for one in started) == {True: 1, False: REPLICAS - 1}
    (job,) = {one.id for one in started}
    assert mesh.await_end(job)["state"] == "completed"
    assert set(begun(numbers).values()) == {1}
    assert len(published(mesh, job)) == 1


def test_the_end_of_a_job_is_an_event_once(mesh: JobsMesh, numbers: Path) -> None:
    job = mesh.start(PACED, paced(numbers, QUICK))["id"]
    mesh.await_end(job)
    (event,) = published(mesh, job)
    assert event["result"] == {"job": job, "kind": "paced-1", "state": "completed", "reason": ""}
    assert mesh.call(f"ended/{job}")[0] == 200


def test_the_end_is_an_event_once_the_app_answers_again(mesh: JobsMesh, numbers: Path) -> None:
    job = mesh.start(PACED, paced(numbers, SLOW))["id"]
    mesh.await_done(job, 10)
    app, *_ = mesh.workers()

    def tries() -> int:
        return mesh.run.supervisor.log("jobs").count("the app must publish that a job has ended")

    before = tries()
    os.kill(app, signal.SIGSTOP)
    try:
        eventually(lambda: tries() > before + 3, "it is told more often than steps are", within=120)
    finally:
        os.kill(app, signal.SIGCONT)
    (event,) = published(mesh, job, within=60)
    assert event["result"]["state"] == "completed"


def test_the_end_is_an_event_where_no_app_may_call_jobs(tmp_path: Path, numbers: Path) -> None:
    with jobs_mesh(tmp_path, guarded=True, JOB_INPUTS=str(numbers)) as mesh:
        # The sidecar asks its own app for no certificate, unless the call is proxied.
        job = mesh.start(PACED, paced(numbers, QUICK))["id"]
        assert mesh.await_end(job)["state"] == "completed"
        (event,) = published(mesh, job)
    assert event["result"]["state"] == "completed"


def test_a_paused_job_stands_still_and_goes_on(
    mesh: JobsMesh, numbers: Path, tmp_path: Path
) -> None:
    options = paced(numbers, LEISURELY)
    job = mesh.start(PACED, options)["id"]
    mesh.await_done(job, 10)
    assert mesh.ask(f"pause/{job}")["state"] == "paused"
    assert mesh.status(job) is not None
    assert mesh.start(PACED, options)["new"] is False
    assert mesh.ask(f"resume/{job}")["state"] == "running"
    assert mesh.await_end(job)["state"] == "completed"
    check_same_bytes(mesh, job, options, tmp_path)


def test_a_cancelled_job_keeps_what_is_done_and_goes_on_when_it_is_started_again(
    mesh: JobsMesh, numbers: Path, tmp_path: Path
) -> None:
    options = paced(numbers, LEISURELY)
    job = mesh.start(PACED, options)["id"]
    mesh.await_done(job, 10)
    status, refusal = mesh.call(f"purge/{job}")
    assert status == 400
    assert b"cancel it first" in refusal
    assert mesh.ask(f"cancel/{job}")["state"] == "cancelled"
    status, refusal = mesh.call(f"result/{job}", verb="GET")
    assert status == 400
    assert b"start it again" in refusal
    assert mesh.status(job)["state"] == "cancelled"  # type: ignore[index] # it answers
    assert mesh.start(PACED, options)["new"]
    assert mesh.await_end(job)["state"] == "completed"
    # When it was cancelled, at most as many were under way as may be outstanding.
    outstanding = Settings().job_block * Settings().job_window
    assert sum(begun(numbers).values()) <= 2 * PARTS + outstanding
    check_same_bytes(mesh, job, options, tmp_path)


def test_a_bad_part_ends_its_job_or_is_left_out(mesh: JobsMesh, numbers: Path) -> None:
    lines = numbers.read_text().splitlines()
    lines[4 * LINES] = "four"
    numbers.write_text("\n".join(lines))
    options = paced(numbers, QUICK)
    job = mesh.start(PACED, options)["id"]
    status = mesh.await_end(job)
    assert (status["state"], status["reason"]) == ("failed", "PART_FAILED")
    assert "numbers.txt, line 13" in status["message"]
    assert mesh.start(PACED, options, skip=True)["new"]
    assert mesh.await_end(job)["state"] == "completed"
    summary = mesh.ask(f"result/{job}", verb="GET")["summary"]
    assert summary["left_out"] == ["numbers.txt, line 13"]


def test_a_purged_job_is_gone(mesh: JobsMesh, numbers: Path) -> None:
    job = mesh.start(PACED, paced(numbers, QUICK))["id"]
    mesh.await_end(job)
    assert job in [each["id"] for each in mesh.ask("list", verb="GET")["jobs"]]
    assert mesh.ask(f"purge/{job}") == {"id": job, "purged": True}
    assert mesh.call(f"status/{job}", verb="GET")[0] == 404
    assert job not in [each["id"] for each in mesh.ask("list", verb="GET")["jobs"]]
    assert not (mesh.jobs_folder / job).exists()


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("start", {"kind": "none"}, b"kind must be one of"),
        ("start", {"kind": PACED, "colour": 1}, b"colour"),
        ("status/abc", None, b"the id must be that of a job"),
        ("result/" + "0" * 64, None, b"the id must be that of a job"),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(
    mesh: JobsMesh, method: str, body: object, expected: bytes
) -> None:
    status, answer = mesh.call(method, body, verb="POST" if body else "GET")
    assert status in {400, 404}
    assert expected in answer


def kill(mesh: JobsMesh, victim: str) -> None:
    """Kill without warning what a fault of this name means; the supervisor starts it again."""
    match victim:
        case "worker":
            pids = mesh.workers()[1:]
        case "app":
            pids = mesh.workers()[:1]
        case "all workers":
            pids = mesh.workers()
        case "sidecar and app":
            pids = [mesh.run.supervisor.pid("jobs-daprd"), mesh.workers()[0]]
        case _:
            pids = [mesh.run.supervisor.pid(victim)]
    for pid in pids:
        with suppress(ProcessLookupError):  # it has just been killed, and is about to come back
            os.kill(pid, signal.SIGKILL)


def check_fault(mesh: JobsMesh, victim: str, file: Path) -> None:
    """Kill something in the middle of a job, which ends all the same, with the same bytes."""
    options = paced(file, SLOW)
    job = mesh.start(PACED, options)["id"]
    mesh.await_done(job, 10)
    kill(mesh, victim)
    assert mesh.await_end(job, within=150)["state"] == "completed"
    check_same_bytes(mesh, job, options, file.parent)


def test_a_kill_of_one_worker_changes_no_byte(mesh: JobsMesh, numbers: Path) -> None:
    check_fault(mesh, "worker", numbers)
    eventually(lambda: mesh.run.count_workers() > 1, "both workers are there again")


@pytest.mark.soak
@pytest.mark.parametrize("victim", VICTIMS[1:])
def test_a_kill_of_what_it_needs_changes_no_byte(
    mesh: JobsMesh, numbers: Path, victim: str
) -> None:
    check_fault(mesh, victim, numbers)


@pytest.mark.soak
@pytest.mark.parametrize("victim", ["jobs-daprd", "sidecar and app", "all workers"])
def test_a_kill_of_what_reads_objects_changes_no_byte(mesh: JobsMesh, victim: str) -> None:
    name = victim.replace(" ", "-")
    folder = mesh.folder / "shelf" / "tables" / name
    folder.mkdir(parents=True)
    values = np.random.default_rng(9).normal((5.0, 0.0, -5.0), size=(30_000, 3))
    for number, part in enumerate(np.split(values, 300)):
        np.save(folder / f"{number:03d}.npy", part)
    models = set()
    for files, killed in ((str(folder), ""), (f"{SHELF}/{name}", victim)):
        job = mesh.start("pca-fit", {"files": files})["id"]
        if killed:
            mesh.await_done(job, 10)
            kill(mesh, killed)
        assert mesh.await_end(job, within=150)["state"] == "completed"
        models.add((mesh.jobs_folder / job / "model.json").read_bytes())
    assert len(models) == 1


@pytest.mark.parametrize(
    "victim", ["worker", *(pytest.param(name, marks=pytest.mark.soak) for name in VICTIMS[1:])]
)
def test_a_kill_while_a_picture_is_counted_changes_no_byte(
    mesh: JobsMesh, victim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_INPUTS", str(tmp_path))
    values = np.random.default_rng(10).normal((5.0, 0.0, -5.0), size=(20_000, 3))
    for number, part in enumerate(np.split(values, 200)):
        np.save(tmp_path / f"{number:03d}.npy", part)
    options = {"files": f"{tmp_path}/*.npy", "picture": True}
    job = mesh.start("pca-fit", options)["id"]

    def counted() -> bool:
        """Whether a part of the last stage is done."""
        stages = FolderObjects(mesh.jobs_folder / job)
        documents = [stages.get(name) or b"" for name in stages.names("stages/")]
        last = [stage for stage in map(Stage.of, documents) if stage.name == "density"]
        return any(any(stages.names(f"pieces/{stage.digest}/")) for stage in last)

    eventually(counted, "the points are being counted", within=120)
    kill(mesh, victim)
    assert mesh.await_end(job, within=150)["state"] == "completed"
    with one_thread():
        loop.run(Tables(), Tables().identify(options), FolderObjects(tmp_path / "alone"))
    alone = objects_of(tmp_path / "alone")
    assert "picture.svg" in alone
    assert objects_of(mesh.jobs_folder / job) == alone
    eventually(lambda: mesh.run.count_workers() > 1, "both workers are there again")


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_twenty_kills_at_random_change_no_byte(mesh: JobsMesh, tmp_path: Path) -> None:
    """Each one comes once the job has got further since the last; SEED chooses others."""
    choose = random.Random(os.environ.get("SEED", "1"))  # noqa: S311 - which faults come, not a secret
    options = paced(write_numbers(tmp_path, 500), SLOW)
    job = mesh.start(PACED, options)["id"]
    for _ in range(int(os.environ.get("KILLS", "20"))):
        before = len(begun(tmp_path / "numbers.txt"))

        def further(before: int = before) -> bool:
            return len(begun(tmp_path / "numbers.txt")) >= before + 10

        eventually(further, "the job gets further", within=200)
        kill(mesh, choose.choice(VICTIMS))
    assert mesh.await_end(job, within=600)["state"] == "completed"
    check_same_bytes(mesh, job, options, tmp_path)


@pytest.mark.soak
def test_a_part_that_kills_its_workers_ends_its_job(mesh: JobsMesh, numbers: Path) -> None:
    job = mesh.start(KILLING, {"file": str(numbers), "lines": LINES})["id"]
    status = mesh.await_end(job, within=150)
    assert (status["state"], status["reason"]) == ("failed", "PART_FAILED")
    assert "numbers.txt, line 10" in status["message"]
    assert "3 workers" in status["message"]


@pytest.mark.soak
def test_a_job_of_many_parts_has_small_histories(mesh: JobsMesh, tmp_path: Path) -> None:
    """It begins anew after a page of parts, so no workflow ever holds more than that."""
    parts = 2 * PAGE_BLOCKS * BLOCK // STAGES + 2 * BLOCK
    job = mesh.start(PACED, paced(write_numbers(tmp_path, parts), QUICK))["id"]
    largest = 0

    def watch() -> bool:
        nonlocal largest
        largest = max(largest, *measure_histories(mesh.folder / ".dapr" / "jobs.db"))
        status = mesh.status(job)
        return bool(status and status["state"] in ENDED)

    eventually(watch, "the job ends", within=200)
    assert mesh.status(job)["state"] == "completed"  # type: ignore[index] # it answers
    assert 0 < largest < 4 * 1024 * 1024 * 0.2


def measure_histories(database: Path) -> list[int]:
    """Return the bytes of each workflow's state."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT key, length(value) FROM state").fetchall()
    sizes: Counter[str] = Counter()
    for key, size in rows:
        sizes[key.rpartition("||")[0]] += size
    return [0, *sizes.values()]


def test_the_commands_of_the_page(tmp_path: Path) -> None:
    assert "$(if $(JOBS),--jobs)" in (ROOT / "Makefile").read_text()
    assert block(PAGE, "make run") == "make run JOBS=1\n"
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(ROOT / "services/classify/samples/coffee.jpg", pictures)
    (pictures / "bad.png").write_bytes(b"no picture")
    shutil.copytree(pictures, tmp_path / "bucket" / "2026")
    (tmp_path / "table").mkdir()
    for number in range(3):
        np.save(tmp_path / "table" / f"{number}.npy", np.eye(5) + number)
    programs = dapr_runtime("daprd", "dapr", "placement", "scheduler") / ".dapr" / "bin"
    home = tmp_path / "home"
    home.mkdir()
    inputs = f"{tmp_path},dapr://binding/photos"
    with up(
        home, "--jobs", before=["env", f"DAPR_BIN={programs}", f"JOB_INPUTS={inputs}"]
    ) as running:
        (sidecar,) = re.findall(r"meshlens jobs --sidecar \S+:(\d+) list", running.said)
        (of_mesh,) = {*re.findall(r"--resources-path (\S+)/\.dapr/mesh/", running.said)}
        add_binding(Path(of_mesh), "photos", tmp_path / "bucket")
        eventually(
            lambda: "photos" in fetch(f"http://localhost:{sidecar}/v1.0/metadata"), "it is loaded"
        )
        starts = ('jobs start pictures folder="$PWD', "jobs start pca-fit", "folder=dapr:")
        commands = "".join(block(PAGE, start) for start in starts)
        done = subprocess.run(
            ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", commands],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
                "DAPR_HTTP_PORT": sidecar,
            },
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["summary"]["pictures"] == 2
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [row["picture"] for row in rows] == ["bad.png", "coffee.jpg"]
    assert rows[0]["error"]["reason"] == "INVALID_IMAGE"
    assert rows[1]["labels"][0]["label"] == "espresso"
    assert (tmp_path / "plot.svg").read_bytes().startswith(b"<svg")
    of_binding = (tmp_path / "answers-of-2026.jsonl").read_bytes()
    assert of_binding == (tmp_path / "answers.jsonl").read_bytes()


def test_without_a_worker_the_cause_is_named(mesh: JobsMesh) -> None:
    """The last test: the mesh has none for a while."""
    sidecar = Sidecar(Settings(dapr_grpc_port=mesh.run.ports.grpc))
    engine = Engine(sidecar, seconds=5)
    engine.check()
    kill(mesh, "all workers")

    def refused() -> str:
        try:
            engine.check()
        except EngineUnavailable as error:
            return str(error)
        return ""

    cause = eventually(refused, "the engine lacks something", within=10)
    assert "no worker is connected to the sidecar" in cause
    sidecar.close()
