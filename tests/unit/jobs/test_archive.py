import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from meshlens.batch.errors import ObjectsFailed
from meshlens.batch.job import Result
from meshlens.jobs.archive import Archive, Failed, Record
from meshlens.jobs.errors import JobNotFound

JOB, OTHER = "a" * 64, "b" * 64
RECORD = Record(
    "counting", "counting-1", {"file": "/numbers.txt"}, skip=False, run="0a1b2c3d", started="2026"
)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "jobs")


def test_a_job_is_found_as_it_was_started(archive: Archive) -> None:
    assert [*archive] == []
    archive.begin(JOB, RECORD)
    assert archive.record(JOB) == RECORD
    assert [*archive] == [JOB]


@pytest.mark.parametrize("name", ["", "abc", "..", "../" + "a" * 61, "A" * 64, OTHER])
def test_what_is_no_id_of_a_job_finds_none(archive: Archive, name: str) -> None:
    archive.begin(JOB, RECORD)
    with pytest.raises(JobNotFound, match="the id must be that of a job"):
        archive.record(name)


def test_a_new_start_forgets_how_the_last_one_ended(archive: Archive) -> None:
    archive.begin(JOB, RECORD)
    archive.finish(JOB, Result({"sum": 6}, ["answer"]))
    archive.fail(JOB, Failed("PART_FAILED", "numbers.txt, line 3"))
    archive.cancel(JOB)
    assert archive.result(JOB) == Result({"sum": 6}, ["answer"])
    assert archive.failure(JOB) == Failed("PART_FAILED", "numbers.txt, line 3")
    assert archive.is_cancelled(JOB)
    archive.begin(JOB, RECORD)
    assert (archive.result(JOB), archive.failure(JOB)) == (None, None)
    assert not archive.is_cancelled(JOB)


def test_a_job_that_is_forgotten_leaves_nothing(archive: Archive, tmp_path: Path) -> None:
    archive.begin(JOB, RECORD)
    archive.objects(JOB).put("pieces/0-0", b"1")
    archive.forget(JOB)
    assert [*(tmp_path / "jobs").iterdir()] == []
    archive.forget(JOB)
    with pytest.raises(JobNotFound):
        archive.forget("..")


def test_a_job_is_forgotten_while_its_last_parts_are_still_written(
    archive: Archive, tmp_path: Path
) -> None:
    objects, ended = archive.objects(JOB), Event()

    def work() -> None:
        for number in count():
            if ended.is_set():
                return
            with suppress(ObjectsFailed):  # its folder has just been moved
                objects.put(f"pieces/{number}", b"1")

    with ThreadPoolExecutor() as pool:
        working = pool.submit(work)
        try:
            for _ in range(100):
                archive.begin(JOB, RECORD)
                archive.forget(JOB)
        finally:
            ended.set()
        working.result()
    archive.forget(JOB)
    assert [*(tmp_path / "jobs").iterdir()] == []


def test_what_a_kill_has_left_of_a_job_is_deleted_with_the_next(
    archive: Archive, tmp_path: Path
) -> None:
    archive.objects(JOB).put("pieces/0", b"1")
    (tmp_path / "jobs" / JOB).rename(tmp_path / "jobs" / f"{JOB}.0a1b")
    assert [*archive] == []
    archive.begin(JOB, RECORD)
    archive.forget(JOB)
    assert [*(tmp_path / "jobs").iterdir()] == []


def test_the_job_that_was_started_last_comes_first(archive: Archive, tmp_path: Path) -> None:
    for at, job in enumerate((JOB, OTHER, JOB)):
        archive.begin(job, RECORD)
        record = tmp_path / "jobs" / job / "job/record"
        os.utime(record, ns=(at, at))
    assert [*archive] == [JOB, OTHER]
    (tmp_path / "jobs" / ("c" * 64)).mkdir()
    assert [*archive] == [JOB, OTHER], "what has no record is no job"


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file")
    with pytest.raises(ObjectsFailed, match=f"must be listed, .* at {tmp_path}/jobs"):
        [*Archive(tmp_path / "jobs")]


def test_each_start_has_a_workflow_of_its_own_whose_id_the_engine_takes() -> None:
    name = RECORD.name_workflow(JOB)
    assert name == f"{'a' * 40}-0a1b2c3d"
    assert len(name) <= 64


def test_who_has_a_job_alone_keeps_others_from_it_until_the_end(
    archive: Archive, tmp_path: Path
) -> None:
    archive.begin(JOB, RECORD)
    lock = tmp_path / "jobs" / "locks" / JOB[:2]
    with archive.alone(JOB), Archive(tmp_path / "jobs").alone(OTHER), lock.open("rb") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        archive.forget(JOB)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with archive.alone(JOB):
        assert [*archive] == []


def test_a_part_is_had_by_one_at_a_time_and_its_neighbours_by_others(
    archive: Archive, tmp_path: Path
) -> None:
    other = Archive(tmp_path / "jobs")
    stage = "f" * 64
    with archive.claim(stage, 7) as first:
        with (
            other.claim(stage, 7) as second,
            other.claim(stage, 8) as next_,
        ):
            assert (first, second, next_) == (True, False, True)
        with archive.claim(stage, 7) as again:
            assert not again
    with other.claim(stage, 7) as later:
        assert later


def test_who_waits_for_a_part_gets_it_or_goes_on_without(archive: Archive, tmp_path: Path) -> None:
    other, stage = Archive(tmp_path / "jobs"), "f" * 64
    with ThreadPoolExecutor() as pool:
        with archive.claim(stage, 7):
            with other.claim(stage, 7, seconds=0.1) as without:
                assert not without
            waiting = pool.submit(_claim, other, stage)
        assert waiting.result(timeout=30)


def _claim(archive: Archive, stage: str) -> bool:
    with archive.claim(stage, 7, seconds=30) as has:
        return has


def test_a_lock_that_cannot_be_made_is_said(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(JobNotFound), archive.alone("../passwd"):
        pass
    (tmp_path / "jobs").write_text("no folder")
    with pytest.raises(ObjectsFailed, match="the folder of the jobs must be writable"):
        archive.alone(JOB).__enter__()
    with pytest.raises(ObjectsFailed, match="the folder of the jobs must be writable"):
        archive.claim(JOB, 0).__enter__()
