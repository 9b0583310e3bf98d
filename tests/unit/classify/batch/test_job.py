"""Many pictures as a job, run by the loop."""

import json
import multiprocessing
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from unit.classify.batch.naming import Naming, job, options

from meshlens.batch.errors import Cancelled, InputChanged, ObjectsFailed
from meshlens.batch.job import Fields, Result
from meshlens.batch.loop import Progress, run
from meshlens.batch.objects import FolderObjects
from meshlens.classify.batch.errors import NoPictures
from meshlens.classify.batch.manifest import CHUNK

COUNT = 2 * CHUNK + 7
TEXTS = [f"!{number}" if number % 100 == 3 else f"kind {number % 7}" for number in range(COUNT)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number, text in enumerate(TEXTS):
        (folder / f"{number:04d}.jpg").write_text(text)
    return folder


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "job")


def answer(
    naming: Naming, folder: Path, objects: FolderObjects, *, workers: int = 1, **others: object
) -> Result:
    made = job(naming)
    return run(made, made.identify(options(folder, **others)), objects, workers=workers)


def all_of(objects: FolderObjects) -> dict[str, bytes | None]:
    return {name: objects.get(name) for name in objects.names("")}


def rows_of(objects: FolderObjects) -> list[dict[str, Any]]:
    results = (objects.get(name) or b"" for name in objects.names("results/"))
    return [json.loads(line) for data in results for line in data.splitlines()]


def summary_of(objects: FolderObjects) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(objects.get("summary.json") or b"")
    return summary


def test_every_picture_has_its_row_and_a_bad_one_fails_alone(
    pictures: Path, objects: FolderObjects
) -> None:
    result = answer(Naming(), pictures, objects)
    rows = rows_of(objects)
    assert [row["picture"] for row in rows] == [f"{number:04d}.jpg" for number in range(COUNT)]
    for row, text in zip(rows, TEXTS, strict=True):
        if text.startswith("!"):
            message = f"expected a picture, got {text}"
            assert row["error"] == {"reason": "INVALID_IMAGE", "message": message}
        else:
            assert row["labels"][0]["label"] == text
    names = [f"results/{number:05d}.jsonl" for number in range(3)]
    assert [*result.objects] == ["summary.json", *names]
    assert len(json.dumps(result.summary)) < 1024
    summary = summary_of(objects)
    assert (summary["pictures"], summary["answered"], summary["failed"]) == (COUNT, COUNT - 11, 11)
    assert summary["labels"] == Counter(text for text in TEXTS if text[0] != "!")
    assert summary["bytes"] == sum(map(len, TEXTS))
    assert summary["failures"]["INVALID_IMAGE"]["count"] == 11
    assert summary["failures"]["INVALID_IMAGE"]["first"][1]["picture"] == "0103.jpg"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_all_bytes_are_the_same_with_any_number_of_workers_and_of_pictures_at_a_time(
    pictures: Path, tmp_path: Path, form: str
) -> None:
    kept = []
    for workers, most in ((1, 1), (3, 1), (2, 32)):
        objects = FolderObjects(tmp_path / f"{workers}-{most}")
        answer(Naming(most), pictures, objects, workers=workers, format=form)
        kept.append(all_of(objects))
    assert kept[0] == kept[1] == kept[2]


def test_pictures_are_grouped_by_their_number_and_by_their_bytes(
    tmp_path: Path, objects: FolderObjects
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    sizes = [1, 1, 1, 1, 5, 2, 2, 40, 1]
    for number, size in enumerate(sizes):
        (folder / f"{number}.jpg").write_text("x" * size)
    naming = Naming(most=3, most_bytes=6)
    answer(naming, folder, objects, max_bytes=39)
    assert naming.groups == [3, 2, 2, 1]
    too_large = summary_of(objects)["failures"]["PICTURE_TOO_LARGE"]
    assert too_large["first"] == [
        {
            "picture": "7.jpg",
            "message": "the file of a picture must have at most 39 bytes, got 40;"
            " make it smaller, or allow more",
        }
    ]


def test_after_a_cancel_no_picture_is_answered_twice(
    pictures: Path, objects: FolderObjects, tmp_path: Path
) -> None:
    first = Naming()

    def stop() -> None:
        if len(first.seen) >= CHUNK + 123:
            raise Cancelled("the job was not to be cancelled")

    made = job(first)
    identity = made.identify(options(pictures))
    with pytest.raises(Cancelled):
        run(made, identity, objects, go_on=stop)
    second = Naming()
    watched: list[Progress] = []
    run(job(second), identity, objects, watch=watched.append)
    assert first.seen + second.seen == TEXTS
    assert [state.rows for state in watched] == [CHUNK, 2 * CHUNK, COUNT]
    whole = FolderObjects(tmp_path / "whole")
    answer(Naming(), pictures, whole)
    assert all_of(objects) == all_of(whole)


def test_a_part_that_gets_further_each_time_is_not_given_up(
    tmp_path: Path, objects: FolderObjects
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number:04d}.jpg").write_text(str(number))
    identity = job(Naming()).identify(options(folder))
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        worker = context.Process(target=work_on, args=(identity, objects, 10))
        worker.start()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
    naming = Naming()
    run(job(naming), identity, objects)
    assert naming.seen == []
    assert [row["picture"] for row in rows_of(objects)] == [f"{n:04d}.jpg" for n in range(50)]


def work_on(identity: Fields, objects: FolderObjects, most: int) -> None:
    """Do the job until so many pictures have been answered, and die; rows are kept at once."""

    def die(given: int) -> None:
        if given == most:
            os.kill(os.getpid(), signal.SIGKILL)

    naming = Naming(before=die)
    run(job(naming, every=0), identity, objects)
    die(len(naming.seen))


def test_what_is_done_is_not_done_again(pictures: Path, objects: FolderObjects) -> None:
    answer(Naming(), pictures, objects)
    before = all_of(objects)
    naming = Naming()
    answer(naming, pictures, objects)
    assert naming.seen == []
    assert all_of(objects) == before


def test_answers_that_have_been_lost_are_not_passed_over(
    pictures: Path, objects: FolderObjects
) -> None:
    answer(Naming(), pictures, objects)
    objects.delete("results/00001.jsonl")
    with pytest.raises(ObjectsFailed, match=r"got no results/00001\.jsonl; start the job anew"):
        answer(Naming(), pictures, objects)


@pytest.mark.parametrize("change", ["new", "gone", "other", "order"])
def test_pictures_that_change_before_the_plan_end_the_job(
    tmp_path: Path, objects: FolderObjects, change: str
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_text(name)
    made = job(Naming())
    identity = made.identify(options(tmp_path))
    match change:
        case "new":
            (tmp_path / "c.jpg").write_text("c")
        case "gone":
            (tmp_path / "b.jpg").unlink()
        case "other":
            os.utime(tmp_path / "b.jpg", ns=(0, 0))
        case "order":
            (tmp_path / "b.jpg").rename(tmp_path / "B.jpg")
    with pytest.raises(InputChanged, match="must stay as they are while a job is planned"):
        run(made, identity, objects)


def test_a_picture_that_changes_during_the_job_ends_it_by_its_name_and_what_is_done_is_kept(
    tmp_path: Path, objects: FolderObjects
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(CHUNK + 2):
        (folder / f"{number:04d}.jpg").write_text("x")

    def change(given: int) -> None:
        if given == CHUNK:
            (folder / "0501.jpg").write_text("changed")

    with pytest.raises(InputChanged, match=r"0501\.jpg must stay as it was when the job was plan"):
        answer(Naming(before=change), folder, objects)
    assert [*objects.names("results/")] == ["results/00000.jsonl"]


def test_a_folder_without_pictures_is_refused(tmp_path: Path, objects: FolderObjects) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(NoPictures, match=r"there must be pictures, got none in .*; check"):
        answer(Naming(), tmp_path, objects)


def test_a_part_is_located_by_its_pictures(pictures: Path, objects: FolderObjects) -> None:
    made = job(Naming())
    stage = made.plan(made.identify(options(pictures)), objects)
    assert made.locate(stage, 2) == "pictures 1001 to 1007 of the manifest"
    assert "0001.jpg" not in stage.document.decode()


def test_a_message_of_any_length_takes_little_room(tmp_path: Path, objects: FolderObjects) -> None:
    (tmp_path / "a.jpg").write_text("!" + "ü" * 10_000)
    answer(Naming(), tmp_path, objects)
    (row,) = rows_of(objects)
    assert len(row["error"]["message"].encode()) <= 500
    assert row["error"]["message"].endswith("ü...")
