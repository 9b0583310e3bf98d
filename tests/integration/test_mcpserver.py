"""Dapr's resource MCPServer: it lists our tools, and calls them as durable workflows."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dapr_run import dapr_runtime
from mesh import ROOT, Mesh
from processes import Process, eventually, free_ports

from meshlens.command.mesh.sidecars import LOOPBACK_FLAGS

IRIS = (ROOT / "services/pca/src/meshlens/pca/web/samples/iris.csv").read_text()
ACTORS = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: actors
spec:
  type: state.in-memory
  version: v1
  metadata:
    - name: actorStateStore
      value: "true"
"""
HERE = "127.0.0.1"

# Dapr's control plane is built where no test on a cluster has done so yet.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Workflows:
    """The sidecar of an agent, by its API of workflows."""

    def __init__(self, port: int, daprd: Process) -> None:
        self._port = port
        self.daprd = daprd

    def start(self, name: str, instance: str, arguments: object) -> None:
        body = json.dumps({"arguments": arguments})
        self._call("POST", f"{name}/start?instanceID={instance}", body)

    def await_result(self, instance: str) -> Mapping[str, Any]:
        def is_over() -> bool:
            return self._call("GET", instance)["runtimeStatus"] in {"COMPLETED", "FAILED"}

        eventually(is_over, f"the workflow {instance} ends", within=40)
        state = self._call("GET", instance)
        assert state["runtimeStatus"] == "COMPLETED", state
        result: Mapping[str, Any] = json.loads(state["properties"]["dapr.workflow.output"])
        return result

    def _call(self, verb: str, path: str, body: str = "") -> Mapping[str, Any]:
        connection = http.client.HTTPConnection(HERE, self._port, timeout=30)
        try:
            head = {"content-type": "application/json"}
            connection.request(verb, f"/v1.0/workflows/dapr/{path}", body, head)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        assert response.status < 300, text
        answer: Mapping[str, Any] = json.loads(text)
        return answer


@pytest.fixture(scope="module")
def workflows(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workflows]:
    """An agent's sidecar with the resources of the examples, and Dapr's control plane for it."""
    programs = dapr_runtime("placement", "scheduler") / ".dapr" / "bin"
    folder, free = tmp_path_factory.mktemp("resources"), free_ports()
    ports = {name: next(free) for name in ("placement", "scheduler", "http")}
    resource = (ROOT / "examples" / "agents" / "mcpserver.yaml").read_text()
    (folder / "mcpserver.yaml").write_text(
        resource.replace("localhost:3500", f"{HERE}:{ports['http']}")
    )
    (folder / "actors.yaml").write_text(ACTORS)
    common = {"--metrics-listen-address": HERE, "--listen-address": HERE}
    flags: Mapping[str, Mapping[str, object]] = {
        "placement": {**common, "--healthz-listen-address": HERE},
        "scheduler": {
            **common,
            "--healthz-listen-address": HERE,
            "--etcd-data-dir": mesh.folder / "etcd",
            "--etcd-client-listen-address": HERE,
            "--etcd-client-port": next(free),
            "--etcd-initial-cluster": f"dapr-scheduler-server-0=http://{HERE}:{next(free)}",
            "--override-broadcast-host-port": f"{HERE}:{ports['scheduler']}",
        },
        "daprd": {
            "--app-id": "agent",
            "--config": ROOT / "dapr" / "config.yaml",
            "--dapr-http-port": ports["http"],
            "--dapr-grpc-port": next(free),
            "--dapr-internal-grpc-port": next(free),
            "--dapr-listen-addresses": HERE,
            "--metrics-port": next(free),
            "--placement-host-address": f"{HERE}:{ports['placement']}",
            "--scheduler-host-address": f"{HERE}:{ports['scheduler']}",
            "--resources-path": folder,
        },
    }
    with ExitStack() as running:

        def launch(name: str, command: Path, more: Mapping[str, object]) -> Process:
            words = [str(part) for flag in {**flags[name], **more}.items() for part in flag]
            words += LOOPBACK_FLAGS if name == "daprd" else ()
            env = {**os.environ, "DAPR_HOST_IP": HERE}
            process = Process(f"agent-{name}", [str(command), *words], folder=mesh.folder, env=env)
            running.callback(process.kill)
            return process

        for name in ("placement", "scheduler"):
            own = {
                "--port": ports[name],
                "--healthz-port": next(free),
                "--metrics-port": next(free),
            }
            launch(name, programs / name, own)
        daprd = launch("daprd", dapr_runtime("daprd") / ".dapr" / "bin" / "daprd", {})
        eventually(
            lambda: "Status: Running" in daprd.log() or daprd.exit_code, "daprd runs", within=40
        )
        assert daprd.exit_code is None, daprd.log(20)
        yield Workflows(ports["http"], daprd)


def test_a_tool_is_called_by_a_workflow(workflows: Workflows) -> None:
    name = "dapr.internal.mcp.pca.CallTool.fit"
    workflows.start(name, "fit", {"table": IRIS, "k": 2})
    result = workflows.await_result("fit")
    assert not result.get("isError")
    fitted = json.loads(result["content"][0]["text"])
    assert len(fitted["explained_variance_ratio"]) == 2


def test_the_resource_outlives_a_kill_of_the_service(mesh: Mesh, workflows: Workflows) -> None:
    mesh.kill_app("pca")
    workflows.start("dapr.internal.mcp.pca.CallTool.fit", "away", {"table": IRIS})
    # Dapr answers at once what its own retries have left; the workflow that called decides.
    assert "Service Unavailable" in workflows.await_result("away")["content"][0]["text"]
    mesh.start_app("pca")
    eventually(lambda: mesh.call("classify", "pca", "mcp", b"{}").status == 200, "pca is back")
    workflows.start("dapr.internal.mcp.pca.CallTool.fit", "back", {"table": IRIS})
    assert not workflows.await_result("back").get("isError")
