"""What a release checks, and what it publishes only by a tag."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from installed import need
from release import (
    NAMESPACE,
    PROJECTS,
    SUMS,
    find_disagreements,
    main,
    write_address,
    write_sums,
)

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github/workflows/release.yml"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
URL = "https://example.com/meshlens"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that a release reads or writes, with a dated changelog."""
    for name in ("pyproject.toml", *(f"{folder}/pyproject.toml" for folder in PROJECTS)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for folder in PROJECTS:
        shutil.copy(ROOT / folder / "README.md", tmp_path / folder)
    changelog = (ROOT / "CHANGELOG.md").read_text()
    (tmp_path / "CHANGELOG.md").write_text(
        re.sub(rf"^## {VERSION} - .*$", f"## {VERSION} - 2026-01-31", changelog, flags=re.MULTILINE)
    )
    return tmp_path


def test_the_sources_are_of_one_version_which_the_changelog_has(copy: Path) -> None:
    assert find_disagreements(copy, f"v{VERSION}") == []


def test_a_tag_of_another_version_is_refused_with_each_place(copy: Path) -> None:
    wrong = find_disagreements(copy, "v9.9.9")
    places = {line.partition(":")[0] for line in wrong}
    assert places == {
        "CHANGELOG.md",
        "pyproject.toml",
        *(f"{folder}/pyproject.toml" for folder in PROJECTS),
    }
    assert any("meshlens-daprkit==" in line for line in wrong)


def test_a_changelog_without_a_date_is_refused(copy: Path) -> None:
    changelog = copy / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("2026-01-31", "unreleased"))
    (line,) = find_disagreements(copy, f"v{VERSION}")
    assert line.startswith("CHANGELOG.md: ")


def test_distributions_name_the_repository_they_are_released_from(copy: Path) -> None:
    write_address(copy, URL, "0123abc")
    for folder in PROJECTS:
        urls = tomllib.loads((copy / folder / "pyproject.toml").read_text())["project"]["urls"]
        assert urls["Repository"] == URL
        assert urls["Changelog"] == f"{URL}/blob/0123abc/CHANGELOG.md"
        links = re.findall(r"\]\(([^)#]+)", (copy / folder / "README.md").read_text())
        assert all(link.startswith("https://") for link in links)
        for link in links:
            if link.startswith(f"{URL}/blob/0123abc/"):
                path = link.removeprefix(f"{URL}/blob/0123abc/").partition("#")[0]
                assert (ROOT / path).exists(), link


@pytest.fixture
def released(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in ("a.whl", "b.tar.gz", "sbom.cdx.json"):
        (folder / name).write_text(f"the content of {name}")
    return folder


@pytest.fixture
def key(tmp_path: Path) -> Path:
    need("ssh-keygen", "apt-get install openssh-client")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True)
    return tmp_path / "key"


def verify(folder: Path, key: Path) -> bool:
    """Whether the sums are signed by the key, and the files are those of the sums, as a user sees.

    The commands are those of SECURITY.md.
    """
    signers = folder.parent / "allowed_signers"
    signers.write_text(f"meshlens {key.with_suffix('.pub').read_text()}")
    signed = subprocess.run(
        [
            *("ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", "meshlens"),
            *("-f", signers, "-s", folder / "SHA256SUMS.sig"),
        ],
        input=(folder / SUMS).read_bytes(),
        check=False,
    )
    command = ["sha256sum", "--check", "--strict", "--status", SUMS]
    return not signed.returncode and not subprocess.run(command, cwd=folder, check=False).returncode


@pytest.mark.slow
def test_the_sums_of_what_is_released_are_signed_and_nothing_else_passes(
    released: Path, key: Path
) -> None:
    for _ in range(2):  # a second run signs what is there then
        assert write_sums(released, key).exists()
        assert verify(released, key)
    names = [line.split("  ")[1] for line in (released / SUMS).read_text().splitlines()]
    assert names == ["a.whl", "b.tar.gz", "sbom.cdx.json"]
    (released / "a.whl").write_text("another content")
    assert not verify(released, key)
    write_sums(released, None)
    assert not (released / "SHA256SUMS.sig").exists()
    write_sums(released, key)
    (released / SUMS).write_text((released / SUMS).read_text().replace("a.whl", "c.whl"))
    assert not verify(released, key)


def test_sums_without_a_key_are_written_and_said_to_be_unsigned(
    released: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RELEASE_KEY", raising=False)
    assert main(["sums", str(released)]) == 0
    assert (released / SUMS).exists()
    assert "are not signed" in capsys.readouterr().err


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish"]) == 2
    assert "release.py check" in capsys.readouterr().err


def test_only_a_tag_publishes() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    jobs = workflow["jobs"]
    by_tag = "github.ref_type == 'tag'"
    assert jobs["publish"]["if"] == by_tag
    assert {*jobs["publish"]["needs"]} == {"distributions", "images"}
    for job in jobs.values():
        for step in job["steps"]:
            if "login-action" in step.get("uses", ""):
                assert step["if"] == by_tag
            if "build-push-action" in step.get("uses", ""):
                assert step["with"]["push"] == f"${{{{ {by_tag} }}}}"
    assert workflow["permissions"] == {"contents": "read"}


def test_the_images_are_those_that_the_manifests_name() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    images = {each["image"] for each in jobs["images"]["strategy"]["matrix"]["include"]}
    named = set()
    for file in (ROOT / "k8s").rglob("*.yaml"):
        named |= set(re.findall(r"\bmeshlens/((?:pca|classify)[\w-]*)", file.read_text()))
    assert images == named
