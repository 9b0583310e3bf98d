"""The cluster's state equals the manifests: applying them again changes nothing."""

from cluster.project import PROD, Project

# kubectl always sends a budget's selector, which the API can replace but not merge.
ALWAYS_SENT = "poddisruptionbudget.policy/"


def test_applying_again_changes_nothing(prod: Project) -> None:
    said = prod.node.kubectl("apply", "--kustomize", PROD).splitlines()
    changed = [line for line in said if not line.endswith(" unchanged")]
    assert len(said) > len(changed)
    assert [line for line in changed if not line.startswith(ALWAYS_SENT)] == []


def test_nothing_differs(prod: Project) -> None:
    assert prod.node.kubectl("diff", "--kustomize", PROD) == ""
