"""How tools/dapr_release.py fetches a program, from a site on this host."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dapr_release import ReleaseError, archive_url, fetch
from release_site import ReleaseSite, archive_of, release_site

PROGRAM = b"#!/bin/sh\necho 1.18.3\n" + bytes(range(256)) * 400


@pytest.fixture
def site() -> Iterator[ReleaseSite]:
    with release_site() as running:
        yield running


def path_of(site: ReleaseSite, program: str = "daprd") -> str:
    return archive_url(site.address, program, "1.18.3").removeprefix(site.address)


def test_a_program_is_taken_out_of_its_archive(site: ReleaseSite, tmp_path: Path) -> None:
    site.publish(path_of(site), archive_of("daprd", PROGRAM))
    path = fetch(site.address, "daprd", "1.18.3", tmp_path)
    assert path == tmp_path / ".dapr/bin/daprd"
    assert path.read_bytes() == PROGRAM
    assert path.stat().st_mode & 0o777 == 0o755
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


@pytest.mark.parametrize(("program", "repository"), [("daprd", "dapr/dapr"), ("dapr", "dapr/cli")])
def test_each_program_is_in_its_own_repository(
    monkeypatch: pytest.MonkeyPatch, program: str, repository: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert archive_url("https://github.com/", program, "1.2.3") == (
        f"https://github.com/{repository}/releases/download/v1.2.3/{program}_linux_arm64.tar.gz"
    )


def test_an_archive_with_another_digest_is_thrown_away(site: ReleaseSite, tmp_path: Path) -> None:
    site.publish(path_of(site), archive_of("daprd", PROGRAM), digest="0" * 64)
    with pytest.raises(ReleaseError, match=r"but 0{64} is published beside it; not used"):
        fetch(site.address, "daprd", "1.18.3", tmp_path)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_download_that_breaks_off_goes_on_where_it_was(site: ReleaseSite, tmp_path: Path) -> None:
    archive = archive_of("daprd", PROGRAM)
    path = path_of(site)
    site.publish(path, archive)
    site.break_after = len(archive) // 3
    assert fetch(site.address, "daprd", "1.18.3", tmp_path).read_bytes() == PROGRAM
    ranges = [wanted for asked, wanted in site.asked if asked == path]
    assert ranges[:3] == ["", f"bytes={site.break_after}-", f"bytes={2 * site.break_after}-"]


def test_what_has_arrived_is_kept_for_the_next_time(site: ReleaseSite, tmp_path: Path) -> None:
    archive = archive_of("daprd", PROGRAM)
    path = path_of(site)
    site.publish(path, archive)
    part = tmp_path / f"{Path(path).name}.part"
    part.write_bytes(archive[:100])
    site.break_after = 0
    with pytest.raises(ReleaseError, match=f"broke off after 100 of {len(archive)} bytes"):
        fetch(site.address, "daprd", "1.18.3", tmp_path)
    assert part.read_bytes() == archive[:100]
    site.break_after = None
    assert fetch(site.address, "daprd", "1.18.3", tmp_path).read_bytes() == PROGRAM
    assert site.asked[-1] == (path, "bytes=100-")


def test_a_whole_download_that_was_not_unpacked_is_not_fetched_again(
    site: ReleaseSite, tmp_path: Path
) -> None:
    archive = archive_of("daprd", PROGRAM)
    site.publish(path_of(site), archive)
    (tmp_path / f"{Path(path_of(site)).name}.part").write_bytes(archive)
    assert fetch(site.address, "daprd", "1.18.3", tmp_path).read_bytes() == PROGRAM


@pytest.mark.parametrize(
    ("archive", "says"),
    [(b"no archive", "holds no daprd"), (archive_of("dapr", PROGRAM), "holds no daprd")],
)
def test_an_archive_without_the_program_leaves_none(
    site: ReleaseSite, tmp_path: Path, archive: bytes, says: str
) -> None:
    site.publish(path_of(site), archive)
    with pytest.raises(ReleaseError, match=says):
        fetch(site.address, "daprd", "1.18.3", tmp_path)
    assert not list((tmp_path / ".dapr/bin").iterdir())


def test_a_site_without_the_release_says_so(site: ReleaseSite, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"daprd_.*\.sha256: HTTP Error 404"):
        fetch(site.address, "daprd", "1.18.3", tmp_path)


def test_a_page_instead_of_a_digest_is_no_digest(site: ReleaseSite, tmp_path: Path) -> None:
    site.files[f"{path_of(site)}.sha256"] = b"<html>Please log in</html>"
    with pytest.raises(ReleaseError, match=r"holds no SHA-256, but '<html>Please log in</html>'"):
        fetch(site.address, "daprd", "1.18.3", tmp_path)


def test_a_host_that_cannot_be_reached_is_said_with_its_address(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"http://127\.0\.0\.1:1/.*Connection refused"):
        fetch("http://127.0.0.1:1", "daprd", "1.18.3", tmp_path)
