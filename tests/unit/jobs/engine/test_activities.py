import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from counting import Counting

from meshlens.batch import loop
from meshlens.batch.errors import ObjectsFailed
from meshlens.batch.job import count_levels, count_nodes
from meshlens.batch.objects import FolderObjects
from meshlens.jobs.archive import Archive, Record
from meshlens.jobs.engine.activities import Activities
from meshlens.jobs.kinds import Kinds

JOB = "a" * 64
PARTS = 40
Table = Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "jobs")


def begin(
    archive: Archive,
    tmp_path: Path,
    *,
    idle: bool = True,
    **changes: Any,  # noqa: ANN401 - fields of a record
) -> Table:
    file = tmp_path / "numbers.txt"
    file.write_text("\n".join(changes.pop("lines", map(str, range(PARTS)))))
    identity = Counting().identify({"file": str(file), "lines": 1})
    record = {"kind": "sums", "version": "counting-1", "identity": identity, "skip": False}
    archive.begin(JOB, Record(**{**record, "run": "1", "started": "2026", **changes}))
    kinds = Kinds({"sums": "counting:Counting"})
    return Activities(kinds, archive, lambda *_: None, lambda: idle).table()


def run(table: Table) -> str:
    """Call the activities one after the other, as the workflow does."""
    stage = table["plan"]({"job": JOB})
    while "end" not in stage:
        common = {"job": JOB, "stage": stage["stage"]}
        for number in range(stage["parts"]):
            end = table["part"]({**common, "number": number})["end"]
            if end not in {"done", "left out"}:
                return str(end)
        for level in range(1, count_levels(stage["parts"]) + 1):
            nodes = {"level": level, "start": 0, "stop": count_nodes(stage["parts"], level)}
            assert table["merge"]({**common, **nodes}) == {"end": "done"}
        stage = table["finish"](common)
    return str(stage["end"])


def test_the_activities_leave_what_the_loop_leaves(archive: Archive, tmp_path: Path) -> None:
    table = begin(archive, tmp_path)
    assert run(table) == "done"
    result = archive.result(JOB)
    assert result
    alone = FolderObjects(tmp_path / "alone")
    record = archive.record(JOB)
    assert loop.run(Counting(), record.identity, alone).summary == result.summary
    objects = archive.objects(JOB)
    names = [name for name in objects.names("") if not name.startswith("job/")]
    assert names == [*alone.names("")]
    assert all(objects.get(name) == alone.get(name) for name in names)


def test_a_look_names_the_blocks_of_a_page_that_have_something_to_do(
    archive: Archive, tmp_path: Path
) -> None:
    table = begin(archive, tmp_path)
    stage = table["plan"]({"job": JOB})
    common = {"job": JOB, "stage": stage["stage"]}
    page = {**common, "start": 0, "stop": 35, "block": 10}
    assert table["look"](page) == {"blocks": [0, 10, 20, 30], "done": 0}
    for number in (*range(10), *range(20, 29), *range(30, 35)):
        table["part"]({**common, "number": number})
    assert table["look"](page) == {"blocks": [10, 20], "done": 15}
    assert table["look"]({**page, "start": 30, "stop": 40}) == {"blocks": [30], "done": 0}


def test_a_part_that_cannot_be_worked_on_is_an_answer_and_kept(
    archive: Archive, tmp_path: Path
) -> None:
    lines = [*map(str, range(3)), "three"]
    assert run(begin(archive, tmp_path, lines=lines)) == "failed"
    failed = archive.failure(JOB)
    assert failed
    assert failed.reason == "PART_FAILED"
    assert failed.message.startswith("numbers.txt, line 4: lines must be whole numbers")


def test_a_part_is_left_out_if_that_was_wanted(archive: Archive, tmp_path: Path) -> None:
    assert run(begin(archive, tmp_path, lines=["1", "two", "3"], skip=True)) == "done"
    result = archive.result(JOB)
    assert result
    assert result.summary["left_out"] == ["numbers.txt, line 2"]


def test_the_next_run_of_a_job_has_a_record_of_its_own(archive: Archive, tmp_path: Path) -> None:
    table = begin(archive, tmp_path, lines=["1", "two", "3"], run="1")
    stage = table["plan"]({"job": JOB})
    part = {"job": JOB, "stage": stage["stage"], "number": 1}
    assert table["part"]({**part, "run": "1"}) == {"end": "failed"}
    archive.begin(JOB, replace(archive.record(JOB), skip=True, run="2"))
    assert table["part"]({**part, "run": "2"}) == {"end": "left out"}


def test_a_cancelled_job_ends_its_parts(archive: Archive, tmp_path: Path) -> None:
    table = begin(archive, tmp_path)
    stage = table["plan"]({"job": JOB})
    archive.cancel(JOB)
    part = {"job": JOB, "stage": stage["stage"], "number": 0}
    assert table["part"](part) == {"end": "cancelled"}
    assert archive.failure(JOB) is None


def test_a_job_of_another_version_is_refused(archive: Archive, tmp_path: Path) -> None:
    table = begin(archive, tmp_path, version="counting-0")
    assert table["plan"]({"job": JOB}) == {"end": "failed"}
    failed = archive.failure(JOB)
    assert failed
    assert "run by the version that has started it, counting-0, got counting-1" in failed.message


def test_objects_that_cannot_be_kept_are_raised_to_be_tried_again(
    archive: Archive, tmp_path: Path
) -> None:
    table = begin(archive, tmp_path)
    stage = table["plan"]({"job": JOB})
    (tmp_path / "jobs" / JOB / "pieces").write_text("no folder")
    with pytest.raises(ObjectsFailed):
        table["part"]({"job": JOB, "stage": stage["stage"], "number": 0})
    assert archive.failure(JOB) is None


def test_the_same_part_at_the_same_time_is_worked_on_once(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = begin(archive, tmp_path)
    stage = table["plan"]({"job": JOB})
    part = {"job": JOB, "stage": stage["stage"], "number": 0}
    begun: list[int] = []
    both = threading.Barrier(2)
    original = Counting.part

    def counted(*arguments: Any) -> bytes:  # noqa: ANN401 - those of a part
        begun.append(arguments[2])
        return original(*arguments)

    monkeypatch.setattr(Counting, "part", counted)

    def work() -> None:
        both.wait()
        assert table["part"](part) == {"end": "done"}

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert begun == [0]


def help_on(table: Table, number: int, outstanding: tuple[int, int]) -> tuple[dict[str, Any], str]:
    """Plan, and work on a part while others are outstanding; return its answer, and the stage."""
    stage = table["plan"]({"job": JOB})["stage"]
    part = {"job": JOB, "stage": stage, "number": number, "help": [*outstanding]}
    return table["part"](part), stage


def done(archive: Archive, stage: str) -> list[int]:
    names = archive.objects(JOB).names(f"pieces/{stage}/")
    return sorted(int(name.rpartition("-")[2]) for name in names)


def test_who_is_idle_works_on_all_that_is_outstanding_and_on_nothing_else(
    archive: Archive, tmp_path: Path
) -> None:
    answer, stage = help_on(begin(archive, tmp_path), 12, (10, 15))
    assert answer == {"end": "done"}
    assert done(archive, stage) == [10, 11, 12, 13, 14]


def test_who_has_something_else_to_do_does_not_help(archive: Archive, tmp_path: Path) -> None:
    _, stage = help_on(begin(archive, tmp_path, idle=False), 12, (10, 15))
    assert done(archive, stage) == [12]


def test_nobody_helps_with_a_part_that_another_is_at(archive: Archive, tmp_path: Path) -> None:
    table = begin(archive, tmp_path)
    stage = table["plan"]({"job": JOB})["stage"]
    with archive.claim(stage, 13):
        help_on(table, 12, (10, 15))
    assert done(archive, stage) == [10, 11, 12, 14]


def test_a_part_that_ends_the_job_ends_the_help(archive: Archive, tmp_path: Path) -> None:
    lines = ["1", "2", "three", "4"]
    answer, stage = help_on(begin(archive, tmp_path, lines=lines), 0, (0, 4))
    assert answer == {"end": "failed"}
    assert done(archive, stage) == [0, 3]


def test_a_part_that_was_left_out_is_left_to_who_has_got_it(
    archive: Archive, tmp_path: Path
) -> None:
    table = begin(archive, tmp_path, lines=["1", "two", "3"], skip=True)
    _, stage = help_on(table, 1, (0, 2))
    assert done(archive, stage) == [0]
    part = {"job": JOB, "stage": stage, "number": 1}
    assert table["part"](part) == {"end": "left out"}


def test_the_first_reason_of_a_failure_stays(archive: Archive, tmp_path: Path) -> None:
    table = begin(archive, tmp_path)
    table["fail"]({"job": JOB, "message": "no room"})
    table["fail"]({"job": JOB, "message": "another"})
    failed = archive.failure(JOB)
    assert failed
    assert (failed.reason, failed.message) == ("ENGINE_FAILED", "no room")
