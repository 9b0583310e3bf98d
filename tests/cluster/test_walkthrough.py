"""The commands of docs/kubernetes.md, in order, from an empty namespace; runs after all others."""

import json
import re
from pathlib import Path

import pytest
from cluster.caller import NAMESPACE
from cluster.project import DEV, Project
from cluster.shell import Shell, make_checkout
from manifests import ROOT

PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
BLOCKS: list[str] = re.findall(r"^▸\n```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

_MINUTES = 10 * 60.0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that mirrors the repository and receives what the commands write."""
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def shell(prod: Project, checkout: Path) -> Shell:
    """Runs a block in the checkout, against a cluster without the project."""
    prod.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")  # nobody calls them
    prod.node.kubectl("delete", "namespace", NAMESPACE, timeout=_MINUTES)
    prod.bring_images(DEV)
    return Shell(prod.node, checkout)


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
        block: shell.run(until_the_pages_came(block) if "port-forward" in block else block)
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
