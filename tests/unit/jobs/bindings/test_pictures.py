from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.classify.batch.naming import Naming, options
from unit.jobs.bindings.store import KINDS, MAX_BODY, NAME, Store, serve

from meshlens.batch.errors import InputChanged
from meshlens.batch.loop import run
from meshlens.batch.objects import FolderObjects
from meshlens.classify.batch.job import PictureJob
from meshlens.classify.batch.places.folder import FolderPictures
from meshlens.classify.batch.results.formats import Format
from meshlens.daprkit.sidecar.object_lists import LOCAL
from meshlens.jobs.addresses import Address
from meshlens.jobs.bindings.bucket import Bucket
from meshlens.jobs.bindings.pictures import BindingPictures

NAMES = ["Z.PNG", "a.jpg", "b.jpg", "a/1.jpg", "a/10.jpg", "a/b/2.webp", "a-b/3.png", "x/4.gif"]


@pytest.fixture
def store() -> Store:
    objects = {f"2026/{name}": name.encode() for name in NAMES}
    return Store(objects={**objects, "2026/notes.txt": b"", "2026-old/c.jpg": b"", "d.jpg": b""})


@pytest.fixture
def bucket(store: Store) -> Iterator[Bucket]:
    with serve(store) as (bucket, _):
        yield bucket


def place_of(bucket: Bucket, *patterns: str) -> BindingPictures:
    return BindingPictures(bucket, Address(NAME, "2026"), patterns)


def answer(place: BindingPictures, objects: FolderObjects) -> None:
    job = PictureJob(lambda _: place, Naming(most=3))
    run(job, job.identify({"place": place.identify()}), objects)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_have_the_names_and_the_order_of_a_folder(
    bucket: Bucket, store: Store, tmp_path: Path, kind: str
) -> None:
    store.kind = kind
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(name)
    listed = [*place_of(bucket).list()]
    folder = [*FolderPictures(tmp_path).list()]
    assert [picture.name for picture in listed] == [picture.name for picture in folder]
    if kind != LOCAL:
        assert [picture.size for picture in listed] == [picture.size for picture in folder]
    chosen = place_of(bucket, "a/*.jpg", "b.jpg")
    assert [picture.name for picture in chosen.list()] == ["b.jpg", "a/1.jpg", "a/10.jpg"]
    assert chosen.identify()["folder"] == f"dapr://binding/{NAME}/2026"


@pytest.mark.parametrize("kind", KINDS)
def test_the_answers_have_the_bytes_of_those_to_a_folder(
    bucket: Bucket, store: Store, tmp_path: Path, kind: str
) -> None:
    store.kind = kind
    folder = tmp_path / "folder"
    for name in NAMES:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(name)
    job = PictureJob(FolderPictures.open, Naming())
    of_folder, of_binding = FolderObjects(tmp_path / "one"), FolderObjects(tmp_path / "other")
    run(job, job.identify(options(folder)), of_folder)
    answer(place_of(bucket), of_binding)
    name = f"results/00000.{Format.JSONL}"
    assert of_binding.get(name) == of_folder.get(name)
    assert b'"bytes": null' in (of_binding.get("summary.json") or b"") or kind != LOCAL


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_cannot_be_read_fails_alone_and_says_why(
    bucket: Bucket, store: Store, tmp_path: Path, kind: str
) -> None:
    store.kind = kind
    store.broken.add("2026/b.jpg")
    objects = FolderObjects(tmp_path)
    answer(place_of(bucket), objects)
    lines = (objects.get("results/00000.jsonl") or b"").decode().splitlines()
    assert len(lines) == len(NAMES)
    (failed,) = (line for line in lines if "error" in line)
    assert '"picture":"b.jpg"' in failed
    assert "UNREADABLE_PICTURE" in failed
    assert "must give '2026/b.jpg' by its operation get" in failed


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_larger_than_allowed_fails_alone(
    bucket: Bucket, store: Store, tmp_path: Path, kind: str
) -> None:
    store.kind = kind
    store.objects["2026/b.jpg"] = bytes(MAX_BODY - 1)
    place, objects = place_of(bucket), FolderObjects(tmp_path)
    job = PictureJob(lambda _: place, Naming())
    run(job, job.identify({"place": place.identify(), "max_bytes": 100}), objects)
    lines = (objects.get("results/00000.jsonl") or b"").decode().splitlines()
    (failed,) = (line for line in lines if "error" in line)
    assert f"at most 100 bytes, got {MAX_BODY - 1}" in failed


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_picture_that_changes_during_the_job_ends_it(
    bucket: Bucket, store: Store, tmp_path: Path, kind: str
) -> None:
    store.kind = kind

    def change(name: str) -> None:
        if name == "2026/b.jpg":
            store.objects["2026/a/1.jpg"] = b"A/1.jpg"

    store.before_get = change
    with pytest.raises(InputChanged, match=r"2026/a/1\.jpg must stay as it was when the job was"):
        answer(place_of(bucket), FolderObjects(tmp_path))
