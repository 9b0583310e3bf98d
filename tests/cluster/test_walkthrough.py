"""The commands of docs/kubernetes.md, in order, from an empty namespace; runs last."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from cluster.caller import NAMESPACE
from cluster.images import REDIS_IMAGE
from cluster.programs import programs
from cluster.project import Project
from manifests import ROOT, of_kind, pod_of, render

PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
BLOCKS: list[str] = re.findall(r"^▸\n```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

Shell: TypeAlias = Callable[[str], str]
_MINUTES = 10 * 60.0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that mirrors the repository and receives what the commands write."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("k8s", "examples", "services"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def shell(prod: Project, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Runs a block in the checkout, against a cluster without the project."""
    node = prod.node
    prod.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")  # nobody calls them
    node.kubectl("delete", "namespace", NAMESPACE, timeout=_MINUTES)
    redis = of_kind(render(tmp_path_factory.mktemp("dev"), "dev"), "Deployment")["redis"]
    (image,) = [container["image"] for container in pod_of(redis)["containers"]]
    node.sandbox.run(["ctr", "-n", "k8s.io", "images", "tag", "--force", REDIS_IMAGE, image])
    kubeconfig = tmp_path_factory.mktemp("kube") / "config"
    kubeconfig.write_text(node.kubectl("config", "view", "--raw", "--flatten"))
    path = f"{programs().kubernetes}:{os.environ['PATH']}"
    bash = ["env", f"--chdir={checkout}", f"PATH={path}", f"KUBECONFIG={kubeconfig}", "bash"]

    def run(block: str) -> str:
        return node.sandbox.run([*bash, "-euo", "pipefail", "-c", block], timeout=_MINUTES)

    return run


def block_with(text: str) -> str:
    (block,) = [block for block in BLOCKS if text in block]
    return block


def until_the_pages_came(block: str) -> str:
    """A block that forwards a port until it is stopped, here by having fetched the pages."""
    pages = re.findall(r"<(http://localhost:\S+)>", PAGE)
    fetch = "curl --silent --fail --retry 30 --retry-delay 1 --retry-connrefused"
    return f"{block.strip()} >/dev/null & trap 'kill $!' EXIT; {fetch} {' '.join(pages)}"


def test_the_commands_of_the_page_work_in_their_order(shell: Shell, checkout: Path) -> None:
    outputs = {
        block: shell(until_the_pages_came(block) if "port-forward" in block else block)
        for block in BLOCKS
    }
    for title in ("Principal components", "Picture classification"):
        assert f"<title>{title}" in outputs[block_with("port-forward")]
    asked = outputs[block_with("ask()")]
    assert json.loads(asked)["labels"][0]["label"] == "espresso"
    assert (checkout / "iris.svg").read_text().startswith("<svg")
    assert "successfully rolled out" in outputs[block_with("rollout undo")]
    scaled = outputs[block_with("horizontalpodautoscalers")]
    assert "horizontalpodautoscaler.autoscaling/classify" in scaled
    lines = outputs[block_with("logs")].splitlines()
    assert all(line.startswith("{") for line in lines)
    metrics = outputs[block_with("/proxy/metrics")]
    assert "meshlens_admitted" in metrics
    assert "dapr_runtime_component_loaded" in metrics
