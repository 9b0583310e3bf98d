"""Looks up the known vulnerabilities of every package that is locked.

python tools/audit.py [--required]

Returns 1 if a package has one, and names them. Where the package index or its advisories cannot be
reached, nothing is known, which is said: that returns 0, or 3 with --required.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
AUDITOR = "pip-audit==2.10.1"
# Has had advisories for years: an auditor that finds nothing here knows nothing.
_CONTROL = "jinja2==2.4.1"
_VULNERABLE, _UNKNOWN = 1, 3


def export(path: Path) -> None:
    """Write the locked packages of all distributions and extras as requirements."""
    command = ["uv", "export", "--frozen", "--quiet", "--all-packages", "--all-extras"]
    options = ["--no-emit-workspace", "--no-hashes", "--output-file", str(path)]
    subprocess.run([*command, *options], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - a fixed command


def look_up(requirements: Path) -> tuple[str, str]:
    """Return what the auditor writes, JSON unless it fails, and its last line of complaint."""
    command = ["uv", "tool", "run", "--quiet", AUDITOR, "--format", "json", "--progress-spinner"]
    options = ["off", "--no-deps", "--disable-pip", "--requirement", str(requirements)]
    done = subprocess.run(  # noqa: S603 - a fixed command
        [*command, *options], capture_output=True, text=True, check=False
    )
    return done.stdout, (done.stderr.strip() or "no output").splitlines()[-1]


def judge(output: str, complaint: str) -> tuple[int, list[str]]:
    """Return 0, 1 or 3 as the program does with --required, and what to say.

    Args:
        output: JSON of pip-audit, or anything else if it failed.
        complaint: why, if it failed.
    """
    try:
        packages: Sequence[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, LookupError, TypeError):
        return _UNKNOWN, [f"not audited: {complaint}"]
    found = [
        f"{package['name']} {package['version']}: {each['id']}, fixed in"
        f" {', '.join(each['fix_versions']) or 'no version'}"
        for package in packages
        for each in package.get("vulns", ())
    ]
    audited = [package for package in packages if "vulns" in package]
    skipped = [
        f"not audited: {it['name']}: {it['skip_reason']}" for it in packages if it not in audited
    ]
    if found:
        return _VULNERABLE, [*found, *skipped]
    if skipped or not audited:
        count = f"{len(audited)} of {len(packages)} packages"
        return _UNKNOWN, [*skipped[:3], f"{count} have been audited, without a finding"]
    return 0, [f"{len(audited)} packages have no known vulnerability"]


def audit(folder: Path) -> tuple[int, list[str]]:
    """Return what `judge` does of all locked packages, if one with known faults is found out."""
    control, requirements = folder / "control.txt", folder / "requirements.txt"
    control.write_text(_CONTROL)
    code, lines = judge(*look_up(control))
    if code != _VULNERABLE:
        return _UNKNOWN, ["not audited: advisories cannot be reached", *lines]
    export(requirements)
    return judge(*look_up(requirements))


def main(arguments: list[str]) -> int:
    """Audit what is locked."""
    with tempfile.TemporaryDirectory() as folder:
        code, lines = audit(Path(folder))
    print(*lines, sep="\n", file=sys.stderr if code else sys.stdout)
    return 0 if code == _UNKNOWN and arguments != ["--required"] else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
