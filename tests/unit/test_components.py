"""The daprd that tools/ builds has the components that the project names, and no others."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# What daprd takes by itself: the resolver of a host without a configuration, and in Kubernetes the
# resolver and the secrets of its namespace.
UNNAMED = {"nameresolution.mdns", "nameresolution.kubernetes", "secretstores.kubernetes"}
# What the doctor finds in others' files; none of ours has it.
SHUNNED = {"pubsub.in-memory"}
KINDS = "bindings|configuration|conversation|crypto|lock|middleware.http|pubsub|secretstores|state"
TYPE = re.compile(rf"\btype:\s*[\"']?((?:{KINDS})\.[a-z0-9.-]+)")
RESOLVER = re.compile(r"nameResolution:(?:\s*#.*\n)*\s+component:\s*(\S+)")


def named() -> Iterator[str]:
    """Yield the type of each component in the project's files, YAML in code and prose included."""
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(tracked, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    for name in files.stdout.rstrip("\0").split("\0"):
        path = ROOT / name
        if path.suffix in {".yaml", ".yml", ".py", ".md", ".sh"} and path.is_file():
            text = path.read_text(encoding="utf-8")
            yield from TYPE.findall(text)
            yield from (f"nameresolution.{resolver}" for resolver in RESOLVER.findall(text))


def listed() -> list[str]:
    lines = (ROOT / "tools/dapr/components").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_daprd_that_is_built_has_the_components_that_are_named() -> None:
    assert sorted(listed()) == sorted({*named()} - SHUNNED | UNNAMED)


def test_no_component_holds_a_secret() -> None:
    secret = re.compile(r"password|token|secret|key\b|connectionstring|credential", re.IGNORECASE)
    seen = 0
    for path in sorted((*ROOT.glob("components/*/*.yaml"), *ROOT.glob("k8s/**/*.yaml"))):
        if "templates" in path.parts:  # of the chart, which holds no component of its own
            continue
        for resource in yaml.safe_load_all(path.read_text()):
            if resource and "spec" in resource and resource.get("kind") == "Component":
                for item in resource["spec"].get("metadata", ()):
                    if secret.search(item["name"]) and not is_file(item):
                        seen += 1
                        assert {"secretKeyRef", "envRef"} & item.keys(), (path, item["name"])
    assert seen >= 4


def is_file(item: dict[str, str]) -> bool:
    """Whether a value is the file of an embedded database, which has no password."""
    return str(item.get("value", "")).startswith((".dapr/", "file:"))


def test_what_dapr_run_reads_is_among_what_was_searched() -> None:
    found = set(named())
    for path in sorted(ROOT.glob("components/*/*.yaml")):
        resource = yaml.safe_load(path.read_text())
        # An HTTPEndpoint needs no component.
        if resource["kind"] == "Component":
            assert resource["spec"]["type"] in found
    config = yaml.safe_load((ROOT / "dapr/config.yaml").read_text())
    assert f"nameresolution.{config['spec']['nameResolution']['component']}" in found


def test_components_with_a_secret_store_are_those_without_but_for_the_references() -> None:
    for example, plain in (
        ("secrets/pubsub.yaml", "components/redis/pubsub.yaml"),
        ("secrets/statestore.yaml", "components/redis/statestore.yaml"),
        ("secrets/records.yaml", "examples/recorder/postgresql/records.yaml"),
    ):
        sealed = yaml.safe_load((ROOT / "examples" / example).read_text())
        known = yaml.safe_load((ROOT / plain).read_text())
        if "pubsub" in example:
            known["scopes"].append("recorder")
        assert sealed.pop("auth") == {"secretStore": "secrets"}
        for here, there in zip(sealed["spec"]["metadata"], known["spec"]["metadata"], strict=True):
            assert ("secretKeyRef" in here) == ("envRef" in there)
            here.pop("secretKeyRef", None)
            there.pop("envRef", None)
        assert sealed == known


def test_the_secrets_of_the_page_are_those_that_components_refer_to() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    secrets = json.loads(page[page.index('{"redis"') :].partition("\n```")[0])
    store, *components = (
        yaml.safe_load((ROOT / f"examples/secrets/{name}.yaml").read_text())
        for name in ("secretstore", "pubsub", "statestore", "records")
    )
    assert {
        (item["secretKeyRef"]["name"], item["secretKeyRef"]["key"])
        for component in components
        for item in component["spec"]["metadata"]
        if "secretKeyRef" in item
    } == {(name, key) for name, keys in secrets.items() for key in keys}
    closed = yaml.safe_load((ROOT / "dapr/config.yaml").read_text())["spec"]["secrets"]["scopes"]
    assert closed == [{"storeName": store["metadata"]["name"], "defaultAccess": "deny"}]
