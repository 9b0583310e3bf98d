"""A container that uses more memory than it may."""

import pytest
from cluster.project import Project
from cluster.sandbox import SandboxError

_PIECE = 40
# Processes that each use less than the service. The first line makes the kernel kill process 1,
# the service, first, as if the service used all that memory. Before all others end with it, the
# kernel kills some of them, too, but not their parent, which uses nothing.
_OVERUSE = """
import os
import signal
import sys
from pathlib import Path
Path("/proc/1/oom_score_adj").write_text("1000")
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        held = bytearray(int(sys.argv[2]) * 1024**2)
        signal.pause()
signal.pause()
"""


def exceed_limit(project: Project, app: str, pod: str, mebibytes: int) -> None:
    """Let the kernel kill the container of a service, and return once it has.

    Args:
        project: the services.
        app: the service, and its container.
        pod: a replica of it.
        mebibytes: to use, far more than the container's limit.
    """
    program = ("python", "-c", _OVERUSE, str(mebibytes // _PIECE), str(_PIECE))
    with pytest.raises(SandboxError, match="137"):  # killed with the service
        project.kubectl("exec", pod, f"--container={app}", "--", *program)
    status = f"{{.status.containerStatuses[?(@.name=='{app}')].lastState.terminated.reason}}"
    project.node.eventually(
        lambda: project.kubectl("get", f"pod/{pod}", f"--output=jsonpath={status}") == "OOMKilled",
        "the kernel has killed the service",
    )
