"""The daprd that tools/ builds has the components that the project names, and no others."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# What daprd takes by itself: the resolver of a host without a configuration, and in Kubernetes the
# resolver and the secrets of its namespace.
UNNAMED = {"nameresolution.mdns", "nameresolution.kubernetes", "secretstores.kubernetes"}
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
    assert sorted(listed()) == sorted({*named()} | UNNAMED)


def test_what_dapr_run_reads_is_among_what_was_searched() -> None:
    found = set(named())
    for path in sorted(ROOT.glob("components/*/*.yaml")):
        resource = yaml.safe_load(path.read_text())
        # An HTTPEndpoint needs no component.
        if resource["kind"] == "Component":
            assert resource["spec"]["type"] in found
    config = yaml.safe_load((ROOT / "dapr/config.yaml").read_text())
    assert f"nameresolution.{config['spec']['nameResolution']['component']}" in found
