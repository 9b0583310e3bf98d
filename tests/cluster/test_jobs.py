"""Durable jobs: replicas come and go, and the result has the bytes of one process."""

from collections.abc import Iterator

import numpy as np
import pytest
from cluster.caller import Call
from cluster.jobs import SLOW, Jobs
from cluster.lifetime import Figures
from cluster.memory import exceed_limit
from cluster.project import Project
from mesh import ROOT

from meshlens.classify.batch.manifest import CHUNK

SAMPLES = ROOT / "services/classify/samples"
PARTS = 16
PICTURES = PARTS * CHUNK
# Each a part: more than are done until the last test, at four seconds each.
TABLES = 240


@pytest.fixture(scope="module")
def jobs(prod: Project, figures: Figures) -> Iterator[Jobs]:
    figures.lap("what ran before jobs")
    jobs = Jobs(prod)
    jobs.deploy()
    figures.lap("jobs Ready")
    yield jobs
    jobs.remove()
    figures.lap("jobs survived and gone")


@pytest.fixture(scope="module")
def fit(jobs: Jobs) -> str:
    """A job that is under way until the last test lets it end."""
    tables = jobs.inputs / "tables"
    tables.mkdir()
    values = np.random.default_rng(7).normal((5.0, 0.0, -5.0), size=(20 * TABLES, 3))
    for number, part in enumerate(np.split(values, TABLES)):
        np.save(tables / f"{number:03}.npy", part)
    (jobs.inputs / SLOW).touch()
    return jobs.start("slow-tables", {"files": "/inputs/tables/*.npy", "k": 2})


@pytest.fixture(scope="module")
def pictures(jobs: Jobs) -> str:
    """A job that calls classify."""
    folder = jobs.inputs / "pictures"
    folder.mkdir()
    for number in range(PICTURES):
        sample = SAMPLES / f"digit-{number % 10}.png"
        (folder / f"{number:04}.png").write_bytes(sample.read_bytes())
    return jobs.start("slow-pictures", {"folder": "/inputs/pictures", "model": "digits"})


def test_an_app_that_no_policy_names_is_denied(prod: Project, jobs: Jobs, fit: str) -> None:
    denied = [
        Call("http", "jobs", "list"),
        Call("http", "jobs", f"result/{fit}"),
        Call("http", "jobs", f"cancel/{fit}"),
        Call("http", "jobs", f"purge/{fit}"),
        Call("http", "jobs", "start", b"{}"),
    ]
    answers = prod.caller("stranger").call(*denied)
    assert [answer.code for answer in answers] == ["403"] * len(denied)
    # Of pca, this one may call some methods; and the one that may start jobs, no others over gRPC.
    (gateway,) = prod.caller("gateway").call(denied[0])
    (proxied,) = prod.caller("caller").call(Call("grpc", "jobs", f"cancel/{fit}"))
    assert (gateway.code, proxied.code) == ("403", "PERMISSION_DENIED")
    jobs.assert_under_way(fit)


def test_rolling_updates(prod: Project, jobs: Jobs, fit: str, pictures: str) -> None:
    jobs.await_further(fit, 1)
    prod.kubectl("rollout", "restart", "deployment/jobs")
    jobs.await_rollout()
    prod.node.eventually(lambda: jobs.count_done(pictures) > 0, "pictures are answered")
    prod.kubectl("rollout", "restart", "deployment/classify")
    jobs.assert_under_way(pictures)
    prod.await_rollouts()
    jobs.await_further(fit)


def test_a_deleted_pod(prod: Project, jobs: Jobs, fit: str) -> None:
    jobs.end_pod(prod.pods("jobs")[0])
    jobs.await_rollout()
    jobs.await_further(fit)


def test_a_replica_killed_for_its_memory(prod: Project, jobs: Jobs, fit: str) -> None:
    exceed_limit(prod, "jobs", prod.pods("jobs")[0], 4000)
    jobs.await_rollout()
    jobs.await_further(fit)


def test_after_all_that_both_end_once_with_the_bytes_of_one_process(
    prod: Project, jobs: Jobs, fit: str, pictures: str
) -> None:
    prod.await_leavers()
    jobs.await_further(fit)
    (jobs.inputs / SLOW).unlink()
    for job in (pictures, fit):
        jobs.await_end(job)
        assert jobs.digests(job) == jobs.digests_alone(job)
        assert len(jobs.await_events(job)) == 1
    assert jobs.ask(f"result/{pictures}")["summary"]["answered"] == PICTURES
