"""A one-node Kubernetes cluster: control plane, containerd, kubelet, kube-proxy and DNS."""

import json
import secrets
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from cluster import settings
from cluster.sandbox import Sandbox, SandboxError
from processes import Process, eventually

from meshlens.command.mesh.errors import MeshError

_WAIT_SECONDS = 120.0
_LOG_TAIL = 40
_PROGRAM_TAIL = 5
_UNREADY = (
    "jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}"
    ' {.status.containerStatuses[*].ready}{"\\n"}{end}'
)


class Node:
    """The cluster, in a sandbox.

    Args:
        sandbox: where it runs.
        programs: folder of the Kubernetes programs.
    """

    def __init__(self, sandbox: Sandbox, programs: Path) -> None:
        self.sandbox = sandbox
        self._programs = programs
        self._files = sandbox.folder / "node"
        self._kubeconfig = self._files / "kubeconfig"
        self._processes: list[Process] = []

    def start(self) -> None:
        """Start all its programs and wait until the API server is ready."""
        self._write_files()
        self._start("containerd", "containerd", "--config", self._files / "containerd.toml")
        self._start("etcd", self._programs / "etcd", *settings.etcd(self._files))
        self._start(*self._kube("kube-apiserver"), *settings.apiserver(self._files))
        self.eventually(
            lambda: self.kubectl("get", "--raw=/readyz") == "ok", "the API server is ready"
        )
        kubeconfig = f"--kubeconfig={self._kubeconfig}"
        for name, flags in {
            "kube-controller-manager": settings.controller_manager(self._files),
            "kube-scheduler": ["--leader-elect=false"],
            "kube-proxy": settings.proxy(),
            "kubelet": settings.kubelet(self._files),
        }.items():
            self._start(*self._kube(name), kubeconfig, *flags)
        self._start("coredns", self._programs / "coredns", "-conf", self._files / "Corefile")

    @property
    def logs(self) -> dict[str, str]:
        """The end of each program's output, by name."""
        return {process.name: process.log(_PROGRAM_TAIL) for process in self._processes}

    def report(self) -> dict[str, str]:
        """What helps to explain a failure: states, events, and the logs of unready pods."""
        sections = {
            "pods": self._ask("get", "pods", "--all-namespaces", "--output=wide"),
            "events": self._ask("events", "--all-namespaces", "--types=Warning"),
        }
        listing = self._ask("get", "pods", "--all-namespaces", f"--output={_UNREADY}")
        for line in listing.splitlines():
            namespace, pod, *ready = line.split()
            if "false" in ready:
                logs = ("logs", pod, "--all-containers", "--prefix", f"--tail={_LOG_TAIL}")
                sections[f"log of {pod}"] = self._ask(*logs, f"--namespace={namespace}")
        return sections | {f"log of {name}": log for name, log in self.logs.items()}

    def await_ready(self) -> None:
        """Wait until pods can be scheduled."""
        ready = ["wait", "--for=condition=Ready", f"node/{settings.NODE}", "--timeout=1s"]
        self.eventually(lambda: "met" in self.kubectl(*ready), "the node is Ready")
        account = ["get", "serviceaccount", "default"]
        self.eventually(lambda: "default" in self.kubectl(*account), "service accounts exist")

    def kubectl(
        self, *arguments: str | Path, stdin: str | bytes = "", timeout: float = 120.0
    ) -> str:
        """Run kubectl and return its output.

        Raises:
            SandboxError: it failed; the message holds its output.
        """
        return self.sandbox.run(self._kubectl(arguments), stdin=stdin, timeout=timeout)

    def get(self, *arguments: str) -> Any:  # noqa: ANN401 # whatever the API returns
        """Return the result of `kubectl get`, decoded from JSON."""
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def eventually(
        self, condition: Callable[[], bool], what: str, *, within: float = _WAIT_SECONDS
    ) -> None:
        """Wait until a condition holds; it does not hold while kubectl fails.

        Raises:
            MeshError: it did not hold in time, or a program of the node died.
        """
        refusal = ""

        def unless_dead() -> bool:
            nonlocal refusal
            for process in self._processes:
                if process.exit_code is not None:
                    raise MeshError(
                        f"{process.name} ended with code {process.exit_code}:\n"
                        f"{process.log(_LOG_TAIL)}"
                    )
            try:
                return bool(condition())
            except SandboxError as error:
                refusal = str(error)
                return False

        try:
            eventually(unless_dead, what, within=within)
        except TimeoutError as error:
            raise MeshError(f"{error}; last answer: {refusal}") from None

    def popen(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start kubectl; the caller owns its streams."""
        return self.sandbox.popen(self._kubectl(arguments))

    def helm(self, *arguments: str | Path, timeout: float = 600.0) -> str:
        """Run helm and return its output."""
        command = [self._programs / "helm", "--kubeconfig", self._kubeconfig, *arguments]
        return self.sandbox.run(command, timeout=timeout)

    def import_image(self, archive: Path) -> None:
        """Import an image into containerd, since pods cannot pull any."""
        self.sandbox.run(["ctr", "-n", "k8s.io", "images", "import", archive], timeout=600.0)

    def tag_image(self, image: str, name: str) -> None:
        """Give an image that is there a further name."""
        self.sandbox.run(["ctr", "-n", "k8s.io", "images", "tag", "--force", image, name])

    def _ask(self, *arguments: str) -> str:
        """The output of kubectl, or its error message."""
        try:
            return self.kubectl(*arguments)
        except SandboxError as error:
            return str(error)

    def _kubectl(self, arguments: Sequence[str | Path]) -> list[str | Path]:
        return [self._programs / "kubectl", "--kubeconfig", self._kubeconfig, *arguments]

    def _kube(self, name: str) -> tuple[str, Path]:
        return name, self._programs / name

    def _start(self, name: str, program: str | Path, *flags: str | Path) -> None:
        self._processes.append(self.sandbox.start(name, [program, *flags]))

    def _write_files(self) -> None:
        self._files.mkdir()
        (self._files / "resolv.conf").write_text("")
        token = secrets.token_hex()
        (self._files / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
        self._kubeconfig.write_text(yaml.safe_dump(settings.kubeconfig(self._files, token)))
        (self._files / "kubelet.yaml").write_text(
            yaml.safe_dump(settings.kubelet_configuration(self._files, self.sandbox.cgroup))
        )
        (self._files / "containerd.toml").write_text(settings.containerd(self._files))
        (self._files / "Corefile").write_text(settings.corefile(self._kubeconfig))
        (self._files / "cni").mkdir()
        (self._files / "cni" / "bridge.conflist").write_text(json.dumps(settings.cni()))
        key = self._files / "service-account.key"
        self.sandbox.run(["openssl", "genrsa", "-out", key, "2048"])
