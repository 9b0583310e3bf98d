"""What a release needs beyond `make dist`.

python tools/release.py check v0.1.0           # tag, versions and changelog agree
python tools/release.py address URL [COMMIT]   # metadata and READMEs name this repository
python tools/release.py sums FOLDER            # SHA256SUMS of its files, signed with RELEASE_KEY

RELEASE_KEY is the file of a private key of SSH. Without one the sums are not signed, which is said.

The address is not in the sources, as a clone may live anywhere; the release workflow knows it. In
a README, links to files of the repository become absolute, because a package index shows it alone.
"""

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECTS = ("libs/daprkit", "libs/meshlens", "services/classify", "services/jobs", "services/pca")
SUMS = "SHA256SUMS"
# What a signature of ours is for, so that it counts for nothing else.
NAMESPACE = "meshlens-release"
_LINK = re.compile(r"(\]\()(?!https?://|#|mailto:)([^)\s#]*)")
_DATED = r"^## {} - \d{{4}}-\d\d-\d\d$"


def find_disagreements(root: Path, tag: str) -> list[str]:
    """Return what does not agree with the version that a tag names."""
    version = tag.removeprefix("v")
    wrong = []
    for folder in (".", *PROJECTS):
        file = root / folder / "pyproject.toml"
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        place = file.relative_to(root)
        if project["version"] != version:
            wrong.append(f"{place}: version must be {version}, got {project['version']}")
        extras: Mapping[str, list[str]] = project.get("optional-dependencies", {})
        for requirement in chain(project["dependencies"], *extras.values()):
            pinned = re.fullmatch(r"meshlens[\w-]*(\[[\w,-]+\])?==(.+)", requirement)
            if pinned and pinned[2] != version:
                wrong.append(f"{place}: {requirement} must be of version {version}")
    changelog = (root / "CHANGELOG.md").read_text("utf-8")
    if not re.search(_DATED.format(re.escape(version)), changelog, re.MULTILINE):
        wrong.append(f"CHANGELOG.md: a heading '## {version} - <date>' is missing")
    return wrong


def write_address(root: Path, url: str, commit: str) -> None:
    """Put the address of the repository into the metadata and the READMEs of all distributions."""
    for folder in PROJECTS:
        file = root / folder / "pyproject.toml"
        text = file.read_text("utf-8")
        urls = (
            f'Repository = "{url}"\n'
            f'Documentation = "{url}/blob/{commit}/docs/api.md"\n'
            f'Changelog = "{url}/blob/{commit}/CHANGELOG.md"\n'
            f'Issues = "{url}/issues"\n'
        )
        text = text.replace("\n[build-system]", f"\n[project.urls]\n{urls}\n[build-system]", 1)
        file.write_text(text, "utf-8")
        readme = root / folder / "README.md"
        readme.write_text(_make_absolute(readme, root, f"{url}/blob/{commit}"), "utf-8")


def write_sums(folder: Path, key: Path | None) -> Path:
    """Write the digests of the files of a folder into its SHA256SUMS, and sign that.

    Args:
        folder: what is released.
        key: a private key of SSH; None not to sign.

    Returns:
        The signature, SHA256SUMS.sig, which is there if there is a key.
    """
    sums, signature = folder / SUMS, folder / f"{SUMS}.sig"
    files = sorted(path for path in folder.iterdir() if path not in (sums, signature))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    sums.write_text("".join(lines), "utf-8")
    signature.unlink(missing_ok=True)
    if key:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(sums)]
        subprocess.run(command, check=True)  # noqa: S603 - its arguments are ours
    return signature


def _make_absolute(readme: Path, root: Path, base: str) -> str:
    """Return a README whose links lead to files below `base`."""

    def lead(link: re.Match[str]) -> str:
        target = (readme.parent / link[2]).resolve().relative_to(root.resolve())
        return f"{link[1]}{base}/{target.as_posix()}"

    return _LINK.sub(lead, readme.read_text("utf-8"))


def main(arguments: list[str]) -> int:
    """Run a command; return 1 if something does not agree, 2 if there is no such command."""
    match arguments:
        case ["check", tag]:
            wrong = find_disagreements(ROOT, tag)
            print(*wrong, sep="\n", file=sys.stderr, end="\n" if wrong else "")
            return 1 if wrong else 0
        case ["address", url, *commit]:
            write_address(ROOT, url, commit[0] if commit else "main")
            return 0
        case ["sums", folder]:
            key = os.environ.get("RELEASE_KEY")
            write_sums(Path(folder), Path(key) if key else None)
            if not key:
                print("RELEASE_KEY names no key: the sums are not signed", file=sys.stderr)
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
