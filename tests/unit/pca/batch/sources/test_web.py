"""Tables of the web: the same numbers as of this machine, by no more bytes than they take."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq
from range_site import Answer, Asked, RangeSite, serving_ranges
from unit.pca.batch.sources.tables import read_all, source_of, write_arrow, write_parquet

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Stage
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.batch.steps import Steps
from meshlens.pca.batch.fit import FitJob
from meshlens.pca.batch.sources.table import describe, open_table
from meshlens.pca.batch.threads import one_thread
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.remote import ranges

VALUES = np.random.default_rng(7).normal((1.0, 2.0, 3.0), size=(40, 3))
COLUMNS = dict(zip("xyz", VALUES.T, strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the table in every format that is read in parts."""
    write_parquet(tmp_path / "a.parquet", COLUMNS)
    write_arrow(tmp_path / "a.arrow", COLUMNS)
    write_arrow(tmp_path / "a.arrows", COLUMNS, stream=True)
    np.save(tmp_path / "a.npy", VALUES)
    np.save(tmp_path / "columns.npy", np.asfortranarray(VALUES))
    lines = [",".join(map(repr, row)) for row in VALUES.tolist()]
    (tmp_path / "a.csv").write_text("x,y,z\n" + "\n".join(lines) + "\n")
    return tmp_path


FORMATS = ["a.parquet", "a.arrow", "a.arrows", "a.npy", "columns.npy", "a.csv"]


@pytest.fixture
def site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeSite]:
    monkeypatch.setattr(ranges, "_PAUSES", ())
    files = {f"/t/{path.name}": path.read_bytes() for path in folder.iterdir()}
    with serving_ranges(files) as site:
        yield site


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("known", [True, False])
def test_a_file_of_the_web_has_the_parts_and_numbers_of_a_local_one(
    site: RangeSite, folder: Path, name: str, *, known: bool
) -> None:
    site.ranges = known
    assert np.array_equal(read_all(site.address(f"/t/{name}")), VALUES)
    local, remote = source_of(folder / name), source_of(site.address(f"/t/{name}"))
    for mine, other in zip(remote.plan(), local.plan(), strict=True):
        assert {**mine, "file": "", "state": ""} == {**other, "file": "", "state": ""}
        assert remote.locate(mine) == local.locate(other)
    if known:
        assert all("range" in asked.headers for asked in site.asked)


@pytest.mark.parametrize("name", FORMATS)
def test_a_fit_has_the_bytes_of_that_of_a_local_file(
    site: RangeSite, folder: Path, tmp_path: Path, name: str
) -> None:
    job = FitJob(open_table)
    kept = [FolderObjects(tmp_path / where) for where in ("remote", "local")]
    for objects, file in zip(kept, [site.address(f"/t/{name}"), str(folder / name)], strict=True):
        given = {"input": describe([file]), "options": {"k": "2"}, "scores": True}
        with one_thread():
            run(job, job.identify(given), objects)
    remote, local = (
        [objects.get(result) for result in ("model.json", "read.json", *objects.names("scores/"))]
        for objects in kept
    )
    assert len(remote) > 2
    assert remote == local


def test_of_a_large_file_only_what_a_fit_needs_is_fetched(site: RangeSite, tmp_path: Path) -> None:
    columns = {f"v{at}": np.random.default_rng(at).normal(size=60_000) for at in range(20)}
    path = tmp_path / "wide.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=20_000, compression="none")
    size, site.sent = path.stat().st_size, 0
    site.files["/wide"] = path.read_bytes()
    found = read_all(site.address("/wide"), query={"use": "v3,v11"})
    assert np.array_equal(found, np.stack([columns["v3"], columns["v11"]], axis=1))
    # Two columns of twenty, the footer, and the beginning.
    assert site.sent < size * 2 / 20 + 4 * (1 << 16)
    longest = max(
        int(last) - int(first)
        for asked in site.asked
        for first, _, last in [asked.headers["range"].removeprefix("bytes=").partition("-")]
    )
    assert longest < size / 20


def plan(folder: Path, address: str) -> tuple[Steps, Stage]:
    job = FitJob(open_table)
    given = describe([address], limits={"cells": 12, "text": 600})
    steps = Steps(job, FolderObjects(folder / "job"))
    return steps, steps.plan(job.identify({"input": given}))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("etag", "known"), [(True, True), (False, True), (True, False)])
def test_a_file_that_changes_after_the_plan_ends_the_job_by_its_name(
    site: RangeSite, tmp_path: Path, name: str, *, etag: bool, known: bool
) -> None:
    site.etag, site.ranges, site.modified = etag, known, "Wed, 25 Nov 2026 10:00:00 GMT"
    steps, stage = plan(tmp_path, site.address(f"/t/{name}"))
    assert len(stage.parts) > 1
    assert steps.part(stage, 0, lambda: None)
    data = site.files[f"/t/{name}"]
    site.files[f"/t/{name}"] = data[:-1] + bytes([data[-1] ^ 1])
    site.modified = "Wed, 25 Nov 2026 10:00:01 GMT"
    with pytest.raises(InputChanged, match="must stay as it is while it is read") as changed:
        steps.part(stage, 1, lambda: None)
    assert changed.value.places[0].file == name
    del site.files[f"/t/{name}"]
    with pytest.raises(InputChanged):
        steps.part(stage, 1, lambda: None)


def test_a_file_that_changes_before_the_plan_is_not_planned(
    site: RangeSite, tmp_path: Path
) -> None:
    job = FitJob(open_table)
    identity = job.identify({"input": describe([site.address("/t/a.csv")])})
    (found,) = identity["found"]["files"]
    assert found["size"] == len(site.files["/t/a.csv"])
    assert found["mark"].startswith('"')
    site.files["/t/a.csv"] += b"1,2,3\n"
    with pytest.raises(InputChanged, match="must be what it was when the job was started"):
        Steps(job, FolderObjects(tmp_path / "job")).plan(identity)
    assert job.identify({"input": describe([site.address("/t/a.csv")])}) != identity


@pytest.mark.parametrize("status", [403, 500])
def test_a_server_that_fails_ends_the_part_by_its_file_and_rows(
    site: RangeSite, tmp_path: Path, status: int
) -> None:
    steps, stage = plan(tmp_path, site.address("/t/a.parquet"))

    def bend(_: Asked, answer: Answer) -> Answer:
        return replace(answer, status=status, body=b"")

    site.bend = bend
    with pytest.raises(PartFailed, match=rf"^a\.parquet, rows 1 to 6: .*got status {status}") as it:
        steps.part(stage, 0, lambda: None)
    assert it.value.places[0].file == "a.parquet"
    assert it.value.remedy


def test_an_answer_with_another_range_ends_the_part(site: RangeSite, tmp_path: Path) -> None:
    steps, stage = plan(tmp_path, site.address("/t/a.npy"))

    def bend(asked: Asked, answer: Answer) -> Answer:
        if asked.headers["range"] == "bytes=0-0":
            return answer
        return replace(answer, headers={**answer.headers, "Content-Range": "bytes 7-8/9"})

    site.bend = bend
    with pytest.raises(PartFailed, match="the range of bytes that it is asked for") as failed:
        steps.part(stage, 0, lambda: None)
    assert failed.value.places[0].file == "a.npy"


def test_several_files_are_one_table_sorted_by_address(site: RangeSite) -> None:
    site.files = {"/t/b.csv": b"x,y\n3,4\n", "/t/a.csv": b"x,y\n1,2\n2,9\n"}
    named = [site.address(path) for path in site.files]
    assert read_all(*named).tolist() == [[1, 2], [2, 9], [3, 4]]
    with pytest.raises(InvalidTable, match="each file must be named once"):
        source_of(*named, named[0]).identify()
    site.files["/t/b.csv"] = b"x,z\n3,4\n"
    with pytest.raises(InvalidTable, match=r"is not there in b\.csv"):
        source_of(*named).plan()


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b\x08 packed", b"<html>no</html>"])
def test_what_is_no_table_in_parts_is_refused(site: RangeSite, damage: bytes) -> None:
    site.files["/t/a.csv"] = damage
    with pytest.raises(InvalidTable):
        source_of(site.address("/t/a.csv")).plan()


def test_a_missing_file_is_named(site: RangeSite) -> None:
    with pytest.raises(InvalidTable, match="404") as refused:
        source_of(site.address("/t/none.csv")).identify()
    assert refused.value.places[0].file == "none.csv"


@pytest.mark.parametrize(
    "files",
    [
        ["https://host/a.csv", "/srv/a.csv"],
        ["https://me:swordfish@host/a.csv"],
        ["https://host/a.csv?sig=swordfish"],
        ["https://host/folder/"],
        ["ftp://host/a.csv"],
    ],
)
def test_addresses_that_cannot_be_one_table_are_refused(files: list[str]) -> None:
    with pytest.raises(InvalidOption, match="addresses of files") as refused:
        describe(files)
    assert refused.value.option == "files"
    assert "swordfish" not in str(refused.value)
    assert "got ://" not in str(refused.value)
