import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from counting import Counting

from meshlens.batch.errors import Cancelled, InputChanged, ObjectsFailed, PartFailed
from meshlens.batch.job import Result
from meshlens.batch.loop import Progress, run
from meshlens.batch.objects import FolderObjects
from meshlens.batch.steps import name_job

NUMBERS = [*range(1000)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.txt"
    path.write_text("".join(f"{number}\n" for number in NUMBERS))
    return path


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "job")


def sum_up(
    file: Path,
    objects: FolderObjects,
    *,
    workers: int = 1,
    skip: bool = False,
    watch: Callable[[Progress], None] = lambda _: None,
) -> Result:
    job = Counting()
    identity = job.identify({"file": str(file), "lines": 10})
    return run(job, identity, objects, workers=workers, skip=skip, watch=watch)


def all_of(objects: FolderObjects) -> dict[str, bytes | None]:
    return {name: objects.get(name) for name in objects.names("")}


def test_the_answer_and_every_object_are_the_same_with_any_number_of_workers(
    file: Path, tmp_path: Path
) -> None:
    kept = []
    for workers in (1, 2, 7):
        objects = FolderObjects(tmp_path / str(workers))
        assert sum_up(file, objects, workers=workers) == Result(
            {"above": 500, "left_out": []}, ["answer"]
        )
        assert objects.get("answer") == f"{sum(NUMBERS[500:])} 500".encode()
        kept.append(all_of(objects))
    assert kept[0] == kept[1] == kept[2]


def test_what_is_done_is_not_done_again(file: Path, objects: FolderObjects) -> None:
    job = Counting()
    identity = job.identify({"file": str(file), "lines": 10})
    watched: list[Progress] = []

    def stop_at_50() -> None:
        if len(job.begun) > 50:
            raise Cancelled("a job must not be cancelled")

    with pytest.raises(Cancelled):
        run(job, identity, objects, workers=2, go_on=stop_at_50)
    done, job.begun = set(job.begun[:49]), []
    run(job, identity, objects, watch=watched.append)
    assert not done & set(job.begun)
    assert len(job.begun) == len(set(job.begun))
    assert watched[0].stage == "sum"
    assert 48 <= watched[0].done < watched[0].of == 100
    assert watched[0].rows == 10 * watched[0].done
    assert watched[-1] == Progress("above", 100, 100, 0, 1000)
    job.begun = []
    run(job, identity, objects)
    assert job.begun == []


def test_a_part_that_fails_ends_the_job_by_its_name_and_what_is_done_is_kept(
    file: Path, objects: FolderObjects
) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:600], "six", *lines[601:]]))
    with pytest.raises(PartFailed, match=r"numbers\.txt, line 601: lines must be whole .* 'six'"):
        sum_up(file, objects, workers=2)
    assert len([*objects.names("pieces/")]) >= 59
    watched: list[Progress] = []
    result = sum_up(file, objects, skip=True, watch=watched.append)
    first = [state for state in watched if state.stage == "sum"]
    assert first[-1] == Progress("sum", 100, 100, 1, 990)
    rest = [number for number in NUMBERS if number // 10 != 60]
    above = [number for number in rest if number > sum(rest) / len(rest)]
    assert result.summary == {"above": len(above), "left_out": ["numbers.txt, line 601"]}
    # It is not left out for ever.
    with pytest.raises(PartFailed):
        sum_up(file, objects)


def test_an_input_that_changes_ends_the_job_even_if_parts_are_skipped(
    file: Path, objects: FolderObjects
) -> None:
    job = Counting()
    identity = job.identify({"file": str(file), "lines": 10})
    file.write_text(file.read_text() + "1000\n")
    with pytest.raises(InputChanged):
        run(job, identity, objects, skip=True)


@pytest.mark.parametrize("damage", [b"", b"{}", b"0" * 100])
def test_a_damaged_piece_is_worked_on_again(
    file: Path, objects: FolderObjects, damage: bytes
) -> None:
    sum_up(file, objects)
    whole = all_of(objects)
    piece = next(objects.names("pieces/"))
    objects.put(piece, damage)
    with pytest.raises(ObjectsFailed, match="none, or a damaged one; start the job again"):
        sum_up(file, objects)
    sum_up(file, objects)
    assert all_of(objects) == whole


def test_what_killed_runs_have_half_written_is_removed(
    file: Path, objects: FolderObjects, tmp_path: Path
) -> None:
    sum_up(file, objects)
    whole = all_of(objects)
    left = tmp_path / "job" / "pieces" / f"0-1.{'0' * 16}-{'1' * 16}.part"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    sum_up(file, objects)
    assert not left.exists()
    assert all_of(objects) == whole


def test_objects_that_cannot_be_kept_are_said_with_their_place(file: Path, tmp_path: Path) -> None:
    (tmp_path / "job").write_text("a file where the folder should be")
    with pytest.raises(ObjectsFailed, match=r"must be written, got .* at .*job.*; make room"):
        sum_up(file, FolderObjects(tmp_path / "job"))


def test_parts_run_at_the_same_time(file: Path, objects: FolderObjects) -> None:
    job = Counting()
    together = threading.Barrier(4)
    identity = job.identify({"file": str(file), "lines": 250})
    run(job, identity, objects, workers=4, go_on=WaitOnce(together))


class WaitOnce:
    """Waits in each of the parts' first calls until all parts are at work."""

    def __init__(self, together: threading.Barrier) -> None:
        self._together = together
        self._seen: set[str] = set()

    def __call__(self) -> None:
        name = threading.current_thread().name
        if name.startswith("part") and name not in self._seen:
            self._seen.add(name)
            self._together.wait(30)


def test_a_job_has_an_id_that_follows_from_its_options_and_input(file: Path) -> None:
    job = Counting()
    identity = job.identify({"file": str(file), "lines": 10})
    assert name_job(job, identity) == name_job(
        Counting(), dict(sorted(identity.items(), reverse=True))
    )
    file.write_text("1\n")
    assert name_job(job, identity) != name_job(job, job.identify({"file": str(file), "lines": 10}))
