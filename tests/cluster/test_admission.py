"""What the API server says to overlays and components: unknown fields and warnings are errors."""

from pathlib import Path

import pytest
import yaml
from cluster.caller import NAMESPACE
from cluster.node import Node
from manifests import COMPONENTS, render

# Kinds from other projects, which this cluster does not have.
FOREIGN = {"HTTPRoute", "PodMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication"}
CHOICES = [("dev", ""), ("prod", "")] + [("prod", component) for component in COMPONENTS]


@pytest.mark.parametrize(("overlay", "component"), CHOICES)
def test_the_api_server_takes_every_overlay_and_component(
    node: Node, tmp_path: Path, overlay: str, component: str
) -> None:
    manifests = render(tmp_path, overlay, [component] if component else [])
    known = [each for each in manifests if each["kind"] not in FOREIGN]
    assert len(known) >= 12
    namespaces = node.kubectl("get", "namespaces", "--output=name")
    if f"namespace/{NAMESPACE}" not in namespaces:
        node.kubectl("create", "namespace", NAMESPACE)
    strictly = ("--dry-run=server", "--validate=strict", "--warnings-as-errors")
    answer = node.kubectl("apply", *strictly, "--filename=-", stdin=yaml.safe_dump_all(known))
    assert len(answer.splitlines()) == len(known)
