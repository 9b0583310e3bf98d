"""A replica that exceeds its memory limit, while callers call."""

import pytest
from cluster.lifetime import Figures
from cluster.load import calling
from cluster.project import Project
from cluster.sandbox import SandboxError

# Far more than the limit, in processes that each use less than the service. The first line makes
# the kernel kill process 1, the service, first, as if the service used all that memory.
OVERUSE = """
import os
import signal
from pathlib import Path
Path("/proc/1/oom_score_adj").write_text("1000")
for _ in range(60):
    if os.fork() == 0:
        held = bytearray(40 * 1024**2)
        signal.pause()
# Not until one of them ends: until the service is gone, the kernel kills some of them as well.
signal.pause()
"""
KILLED = "jsonpath={.status.containerStatuses[?(@.name=='classify')].lastState.terminated.reason}"


def test_a_replica_over_its_limit_is_killed_and_replaced(prod: Project, figures: Figures) -> None:
    pod = prod.pods("classify")[0]
    with calling(prod, figures, "a replica of classify killed for its memory", abrupt=True):
        with pytest.raises(SandboxError, match="137"):  # killed with the service
            prod.kubectl("exec", pod, "--container=classify", "--", "python", "-c", OVERUSE)
        prod.node.eventually(
            lambda: prod.kubectl("get", f"pod/{pod}", f"--output={KILLED}") == "OOMKilled",
            "the kernel has killed the service",
        )
        prod.await_rollouts()
