"""Replicas come and go while callers call: who notices, and is any event lost."""

import os

import pytest
from cluster.lifetime import Figures
from cluster.load import Watched
from cluster.project import PROD, Project

SERVICES = ("pca", "classify")
ROLLOUTS = int(os.environ.get("ROLLOUTS", "3"))


@pytest.fixture
def watched(prod: Project, figures: Figures) -> Watched:
    return Watched(prod, figures)


def test_rolling_updates(prod: Project, watched: Watched) -> None:
    with watched.during(f"{ROLLOUTS} rolling updates of both services"):
        for _ in range(ROLLOUTS):
            prod.kubectl("rollout", "restart", *(f"deployment/{name}" for name in SERVICES))
            prod.await_rollouts()


def test_deleted_pods(prod: Project, watched: Watched) -> None:
    with watched.during("a pod of each service deleted"):
        prod.kubectl("delete", *(f"pod/{prod.pods(name)[0]}" for name in SERVICES))
        prod.await_rollouts()


def test_scaling(prod: Project, watched: Watched) -> None:
    prod.kubectl("delete", "hpa", *SERVICES)  # it would scale to its least number again
    with watched.during("scaled 1, 3, 1"):
        for replicas in (1, 3, 1):
            for name in SERVICES:
                prod.kubectl("scale", f"deployment/{name}", f"--replicas={replicas}")
            for name in SERVICES:
                prod.kubectl("rollout", "status", f"deployment/{name}", "--timeout=120s")
    prod.apply(PROD)
