import os
import resource
from pathlib import Path

import pytest

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.classify.batch.errors import NoPictures, UnreadablePicture
from meshlens.classify.batch.places.folder import FolderPictures
from meshlens.classify.batch.places.pictures import Picture


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def listed(folder: Path, *patterns: str) -> list[str]:
    return [picture.name for picture in FolderPictures(folder, patterns).list()]


def only(folder: Path) -> Picture:
    (picture,) = FolderPictures(folder).list()
    return picture


def test_pictures_are_listed_by_their_names_folder_by_folder(tmp_path: Path) -> None:
    names = ["b.jpg", "Z.PNG", "x/2.webp", "x/10.heic", "a/y.jpeg", "a/c/d.tif", "e.gif"]
    fill(tmp_path, *names, "notes.txt", "jpg", "x/results.jsonl")
    in_order = ["Z.PNG", "b.jpg", "e.gif", "a/y.jpeg", "a/c/d.tif", "x/10.heic", "x/2.webp"]
    assert listed(tmp_path) == in_order
    assert [picture.size for picture in FolderPictures(tmp_path).list()] == [
        len(name) for name in in_order
    ]


def test_patterns_choose_names_in_place_of_the_suffixes(tmp_path: Path) -> None:
    fill(tmp_path, "a", "b.jpg", "cats/1.jpg", "cats/old/2.jpg", "dogs/1.jpg")
    assert listed(tmp_path, "cats/*.jpg", "a") == ["a", "cats/1.jpg", "cats/old/2.jpg"]
    assert listed(tmp_path, "cats/[12].jpg") == ["cats/1.jpg"]


def test_links_to_files_are_followed_and_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "else", "a.jpg", "more/b.jpg")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.jpg").symlink_to(tmp_path / "else/a.jpg")
    (folder / "more").symlink_to(tmp_path / "else/more")
    (folder / "dangling.jpg").symlink_to(tmp_path / "none")
    os.mkfifo(folder / "pipe.jpg")
    assert listed(folder) == ["dangling.jpg", "link.jpg"]
    place = FolderPictures(folder)
    dangling, link = place.list()
    assert place.read(link) == b"a.jpg"
    with pytest.raises(UnreadablePicture, match="got No such file"):
        place.read(dangling)


def test_a_name_that_is_not_utf_8_is_a_picture_with_a_name_to_show(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))).write_bytes(b"old")
    picture = only(tmp_path)
    assert picture.shown == "caf\\xe9.jpg"
    assert FolderPictures(tmp_path).read(picture) == b"old"
    assert Picture("café.jpg", 0, "").shown == "café.jpg"


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoPictures, match=r"got No such file or directory: .*none; check the name"):
        listed(tmp_path / "none")
    fill(tmp_path, "file")
    with pytest.raises(NoPictures, match="Not a directory"):
        listed(tmp_path / "file")


def test_a_place_is_found_again_by_its_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "in/a.jpg", "in/b.png")
    monkeypatch.chdir(tmp_path)
    place = FolderPictures(Path("in"), ["*.png"])
    monkeypatch.chdir("/")
    again = FolderPictures.open(place.identify())
    assert [*again.list()] == [*place.list()]
    assert [picture.name for picture in again.list()] == ["b.png"]


@pytest.mark.parametrize("change", ["longer", "rewritten", "gone", "folder"])
def test_a_picture_that_is_no_longer_what_was_listed_ends_the_job(
    tmp_path: Path, change: str
) -> None:
    fill(tmp_path, "a.jpg")
    picture = only(tmp_path)
    path = tmp_path / "a.jpg"
    match change:
        case "longer":
            path.write_text("a.jpg and more")
        case "rewritten":
            path.write_text("b.jpg")
            os.utime(path, ns=(0, int(picture.mark) + 1))
        case "gone":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
    expected = UnreadablePicture if change == "folder" else InputChanged
    with pytest.raises(expected):
        FolderPictures(tmp_path).read(picture)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_picture_without_access_is_unreadable(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    picture = only(tmp_path)
    (tmp_path / "a.jpg").chmod(0)
    with pytest.raises(UnreadablePicture, match="Permission denied"):
        FolderPictures(tmp_path).read(picture)


def test_a_process_without_room_for_files_blames_no_picture(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    picture = only(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        with pytest.raises(PartFailed, match="got Too many open files; run with fewer workers"):
            FolderPictures(tmp_path).read(picture)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
