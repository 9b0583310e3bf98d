"""Replicas come, go and die while callers call: who notices, and is any event lost."""

import os

import pytest
from cluster.lifetime import Figures
from cluster.load import Watched
from cluster.project import PROD, Project
from cluster.sandbox import SandboxError

SERVICES = ("pca", "classify")
ROLLOUTS = int(os.environ.get("ROLLOUTS", "3"))

# Far more than the limit, in processes that hold less than the service each. The first line makes
# process 1, the service, what the kernel ends first, as it would if the service held all that.
OVERUSE = """
import os
from pathlib import Path
Path("/proc/1/oom_score_adj").write_text("1000")
for _ in range(60):
    if os.fork() == 0:
        held = bytearray(40 * 1024**2)
        os.read(0, 1)
        os._exit(0)
os.wait()
"""
KILLED = "jsonpath={.status.containerStatuses[?(@.name=='classify')].lastState.terminated.reason}"


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


def test_a_replica_over_its_memory_limit_is_replaced(prod: Project, watched: Watched) -> None:
    pod = prod.pods("classify")[0]
    with watched.during("a replica of classify killed for its memory", abrupt=True):
        with pytest.raises(SandboxError, match="137"):  # what runs beside the service ends with it
            prod.kubectl("exec", pod, "--container=classify", "--", "python", "-c", OVERUSE)
        prod.node.eventually(
            lambda: prod.kubectl("get", f"pod/{pod}", f"--output={KILLED}") == "OOMKilled",
            "the kernel has killed the service",
        )
        prod.await_rollouts()
