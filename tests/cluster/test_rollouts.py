"""Replicas come and go while callers call: no caller notices, and no event is lost."""

import os
from collections.abc import Iterator

import pytest
from cluster.lifetime import Figures
from cluster.load import calling
from cluster.project import PROD, Project

SERVICES = ("pca", "classify")
ROLLOUTS = int(os.environ.get("ROLLOUTS", "10"))


@pytest.fixture(autouse=True, scope="module")
def _calls(prod: Project, figures: Figures) -> Iterator[None]:
    what = f"{ROLLOUTS} rolling updates of both, a pod of each deleted, both scaled 1, 3, 1"
    with calling(prod, figures, what):
        yield


def test_rolling_updates(prod: Project) -> None:
    for _ in range(ROLLOUTS):
        prod.kubectl("rollout", "restart", *(f"deployment/{name}" for name in SERVICES))
        prod.await_rollouts()


def test_deleted_pods(prod: Project) -> None:
    gone = {f"pod/{prod.pods(name)[0]}" for name in SERVICES}
    prod.kubectl("delete", "--wait=false", *gone)
    prod.await_rollouts()


def test_scaling(prod: Project) -> None:
    prod.kubectl("delete", "hpa", *SERVICES)  # it would scale back to its minimum
    for replicas in (1, 3, 1):
        for name in SERVICES:
            prod.kubectl("scale", f"deployment/{name}", f"--replicas={replicas}")
        for name in SERVICES:
            prod.kubectl("rollout", "status", f"deployment/{name}", "--timeout=120s")
    prod.apply(PROD)
