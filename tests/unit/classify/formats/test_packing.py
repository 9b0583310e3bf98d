"""A folder becomes bytes and a folder again, and nothing stands outside it."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.packing import pack, unpack


def fill(folder: Path) -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables/variables.index").write_bytes(b"index")
    (folder / ".hidden").write_bytes(b"secret")
    return folder


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    unpack(pack(fill(tmp_path / "model")), tmp_path / "copy")
    copied = {
        path.relative_to(tmp_path / "copy").as_posix(): path.read_bytes()
        for path in (tmp_path / "copy").rglob("*")
        if path.is_file()
    }
    assert copied == {"saved_model.pb": b"graph", "variables/variables.index": b"index"}


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(tmp_path: Path) -> None:
    one, other = fill(tmp_path / "one"), fill(tmp_path / "other")
    os.utime(other / "saved_model.pb", (0, 0))
    assert pack(one) == pack(other)


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside"])  # noqa: S108 - a name that must be refused
def test_a_file_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(InvalidModel, match="archive of the model is damaged"):
        unpack(stream.getvalue(), target)
    assert not (target / name).exists()


@pytest.mark.parametrize("data", [b"text", b"\xff" * 600])
def test_bytes_that_are_no_archive_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidModel, match="archive of the model is damaged"):
        unpack(data, tmp_path)
