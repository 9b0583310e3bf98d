"""Pods that call the services, each through a sidecar with its own app id."""

import base64
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.node import Node

NAMESPACE = "meshlens"

_SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Call:
    """One call: over `grpc` (proxied, with the retries of the policy) or over `http`."""

    protocol: str
    app: str
    method: str
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """The status code by name or number, and the answer or the error message."""

    code: str
    text: str


class Caller:
    """A pod in which scripts run.

    Args:
        node: the cluster.
        name: of the pod, also its app id.
    """

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._name = name

    def call(self, *calls: Call) -> list[Answer]:
        """Make calls, several at a time, and return their answers in the same order."""
        lines = [
            json.dumps(vars(it) | {"body": base64.b64encode(it.body).decode()}) for it in calls
        ]
        printed = self.run("calls.py", stdin="\n".join(lines))
        return [Answer(**json.loads(line)) for line in printed.splitlines()]

    def run(self, script: str, *arguments: str, stdin: str = "") -> str:
        """Run a script from scripts/ in the pod and return its output.

        Raises:
            SandboxError: it failed; the message holds its output.
        """
        return self._node.kubectl(*self._exec(script, arguments), stdin=stdin, timeout=300.0)

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a script from scripts/ in the pod; the test owns its streams."""
        return self._node.popen(*self._exec(script, arguments))

    def _exec(self, script: str, arguments: Sequence[str]) -> list[str]:
        where = ["exec", "--stdin", f"--namespace={NAMESPACE}", self._name, "--container=caller"]
        return [*where, "--", "python", "-c", (_SCRIPTS / script).read_text(), *arguments]
