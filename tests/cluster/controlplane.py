"""Dapr's control plane, from its official chart."""

from cluster.node import Node
from cluster.programs import Programs

NAMESPACE = "dapr-system"


def install_dapr(node: Node, programs: Programs) -> None:
    """Install Dapr and wait until all its pods are ready."""
    # Helm does not wait until the API server serves these, and Sentry exits if it does not.
    resources = f"--filename={programs.dapr_chart / 'crds'}"
    node.kubectl("apply", "--server-side", resources)
    node.kubectl("wait", "--for=condition=Established", resources, "--timeout=60s")
    values = {
        "global.registry": "localhost/dapr",
        "global.tag": programs.dapr_version,
        "dapr_scheduler.cluster.inMemoryStorage": "true",  # the node has no storage class
        "dapr_sidecar_injector.sidecarDropALLCapabilities": "true",  # Pod Security: restricted
    }
    assignments = [f"--set={name}={value}" for name, value in values.items()]
    options = ["--create-namespace", "--skip-crds", "--wait", "--timeout=5m"]
    where = f"--namespace={NAMESPACE}"
    node.helm("install", "dapr", programs.dapr_chart, where, *options, *assignments)
