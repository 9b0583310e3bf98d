"""Pods that call the services, each through a sidecar with its own app id."""

import base64
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cluster.node import Node

NAMESPACE = "meshlens"

_SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Call:
    """One call: over `grpc` (proxied, with the retries of the policy) or over `http`.

    That is POST over gRPC, and GET over HTTP without a body, unless `verb` names another one there.
    """

    protocol: str
    app: str
    method: str
    body: bytes = b""
    verb: str = ""


@dataclass(frozen=True)
class Answer:
    """The status code by name or number, and the answer or the error message."""

    code: str
    text: str


@dataclass(frozen=True)
class Request:
    """A request by HTTP: POST if it has a body."""

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Caller:
    """A pod in which scripts run.

    Args:
        node: the cluster.
        name: of the pod, also its app id.
        packages: where Python finds packages before its own, in the pod.
    """

    def __init__(self, node: Node, name: str, packages: str = "") -> None:
        self._node = node
        self._name = name
        self._packages = packages

    def call(self, *calls: Call) -> list[Answer]:
        """Make calls, several at a time, and return their answers in the same order."""
        lines = [
            json.dumps(vars(it) | {"body": base64.b64encode(it.body).decode()}) for it in calls
        ]
        printed = self.run("calls.py", stdin="\n".join(lines))
        return [Answer(**json.loads(line)) for line in printed.splitlines()]

    def fetch(self, *requests: Request, ca: str = "") -> list[Answer]:
        """Send requests to any address, bypassing the sidecar, each on a connection of its own.

        Args:
            requests: sent one after the other.
            ca: PEM text of the only authority to trust.
        """
        lines = [
            json.dumps(
                {
                    "url": it.url,
                    "body": base64.b64encode(it.body).decode(),
                    "headers": dict(it.headers),
                }
            )
            for it in requests
        ]
        printed = self.run("fetch.py", *filter(None, [ca]), stdin="\n".join(lines))
        return [Answer(**json.loads(line)) for line in printed.splitlines()]

    def run_text(self, program: str, stdin: bytes) -> str:
        """Run the text of a program in the pod and return its output.

        Raises:
            SandboxError: it failed; the message holds its output.
        """
        return self._node.kubectl(*self._exec(program), stdin=stdin, timeout=300.0)

    def run(self, script: str, *arguments: str, stdin: str = "") -> str:
        """Run a script from scripts/ in the pod and return its output.

        Raises:
            SandboxError: it failed; the message holds its output.
        """
        command = self._exec((_SCRIPTS / script).read_text(), *arguments)
        return self._node.kubectl(*command, stdin=stdin, timeout=300.0)

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a script from scripts/ in the pod; the test owns its streams."""
        return self._node.popen(*self._exec((_SCRIPTS / script).read_text(), *arguments))

    def _exec(self, program: str, *arguments: str) -> list[str]:
        where = ["exec", "--stdin", f"--namespace={NAMESPACE}", self._name, "--container=caller"]
        env = ["env", f"PYTHONPATH={self._packages}"] if self._packages else []
        return [*where, "--", *env, "python", "-c", program, *arguments]
