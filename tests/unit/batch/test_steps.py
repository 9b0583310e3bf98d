import multiprocessing
import os
from pathlib import Path

import pytest
from counting import Counting

from meshlens.batch.errors import PartFailed
from meshlens.batch.job import GoOn, Stage
from meshlens.batch.objects import FolderObjects, Objects
from meshlens.batch.steps import Steps


class Deadly(Counting):
    """Its second part ends its process."""

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Work, or end the process as the kernel does that is out of memory."""
        if number == 1:
            os.kill(os.getpid(), 9)
        return super().part(stage, number, objects, go_on)


def work(folder: Path, identity: dict[str, object], number: int) -> None:
    steps = Steps(Deadly(), FolderObjects(folder))
    steps.part(steps.plan(identity), number, lambda: None)


def test_a_part_that_ends_its_worker_three_times_is_not_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "numbers.txt"
    file.write_text("1\n2\n3\n")
    job = Deadly()
    identity = dict(job.identify({"file": str(file), "lines": 1}))
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        worker = context.Process(target=work, args=(tmp_path / "job", identity, 1))
        worker.start()
        worker.join()
        assert worker.exitcode == -9
    steps = Steps(job, FolderObjects(tmp_path / "job"))
    stage = steps.plan(identity)
    with pytest.raises(PartFailed, match=r"numbers.txt, line 2: .* got 3 workers that have ended"):
        steps.part(stage, 1, lambda: None)
    assert steps.part(stage, 0, lambda: None)
    assert [*steps.missing(stage)] == [1, 2]


def test_a_trial_that_a_failure_of_the_machine_has_damaged_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "numbers.txt"
    file.write_text("1\n2\n3\n")
    objects = FolderObjects(tmp_path / "job")
    steps = Steps(Counting(), objects)
    stage = steps.plan(Counting().identify({"file": str(file), "lines": 1}))
    for number, left in enumerate((b"", b"\0", b"9\0")):
        objects.put(f"trials/{stage.digest}/{number}", left)
        assert steps.part(stage, number, lambda: None)
    assert [*objects.names("trials/")] == []


def test_a_part_is_untried_until_it_has_a_piece_or_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "numbers.txt"
    file.write_text("1\ntwo\n3\n4\n5\n")
    steps = Steps(Counting(), FolderObjects(tmp_path / "job"), skip=True)
    stage = steps.plan(Counting().identify({"file": str(file), "lines": 1}))
    assert steps.untried(stage, range(1, 4)) == [1, 2, 3]
    assert not steps.part(stage, 1, lambda: None)
    assert steps.part(stage, 2, lambda: None)
    assert steps.untried(stage, range(5)) == [0, 3, 4]


def test_a_trial_that_a_kill_has_left_goes_once_the_piece_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "numbers.txt"
    file.write_text("1\n2\n")
    objects = FolderObjects(tmp_path / "job")
    steps = Steps(Counting(), objects)
    stage = steps.plan(Counting().identify({"file": str(file), "lines": 1}))
    assert steps.part(stage, 0, lambda: None)
    objects.put(f"trials/{stage.digest}/0", b"1")
    assert steps.part(stage, 0, lambda: None)
    assert [*objects.names("trials/")] == []
