import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from meshlens.batch.objects import FolderObjects

# Puts an object, and stands still once it is written, before it has its place.
SLOW = """
import os, sys
from pathlib import Path
from meshlens.batch.objects import FolderObjects

def stand_still(descriptor, flush=os.fsync):
    flush(descriptor)
    print("written", flush=True)
    sys.stdin.readline()

os.fsync = stand_still
FolderObjects(Path(sys.argv[1])).put("results/1", b"x" * 1000)
"""
DAY = 86400


@contextmanager
def writing(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is writing an object."""
    command = [sys.executable, "-c", SLOW, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"written\n"
        try:
            yield process
        finally:
            process.kill()


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".part")]


@pytest.mark.slow
def test_what_is_being_written_stays_until_it_is_whole(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    with writing(tmp_path) as process:
        (beside,) = left(tmp_path)
        old = time.time() - 2 * DAY
        os.utime(beside, (old, old))
        objects.tidy()
        assert left(tmp_path) == [beside]
        assert [*objects.names("")] == []
        process.communicate(b"\n\n", timeout=60)
    assert process.returncode == 0
    assert objects.get("results/1") == b"x" * 1000
    assert left(tmp_path) == []


@pytest.mark.slow
def test_what_a_killed_process_has_half_written_is_removed(tmp_path: Path) -> None:
    with writing(tmp_path) as process:
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert len(left(tmp_path)) == 1
    objects = FolderObjects(tmp_path)
    objects.put("results/2", b"")
    objects.tidy()
    assert left(tmp_path) == []
    assert [*objects.names("")] == ["results/2"]


def test_what_another_host_has_half_written_is_removed_after_a_day(tmp_path: Path) -> None:
    beside = tmp_path / f"1.{'0' * 16}-{'1' * 16}.part"
    beside.write_bytes(b"half")
    objects = FolderObjects(tmp_path)
    objects.tidy()
    assert left(tmp_path) == [beside]
    old = time.time() - 2 * DAY
    os.utime(beside, (old, old))
    objects.tidy()
    assert left(tmp_path) == []


def test_what_has_another_name_is_none_of_ours(tmp_path: Path) -> None:
    download = tmp_path / "model.tflite.part"
    download.write_bytes(b"half")
    os.utime(download, (0, 0))
    FolderObjects(tmp_path).tidy()
    assert download.exists()


def test_a_file_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = FolderObjects(tmp_path)
    removed: list[list[Path]] = []
    flock = fcntl.flock

    def lock(file: BinaryIO, how: int) -> None:
        # Another process tidies now.
        if not removed:
            removed.append(left(tmp_path))
            for path in removed[0]:
                path.unlink()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock)
    objects.put("a", b"whole")
    assert len(removed[0]) == 1
    assert objects.get("a") == b"whole"
    assert left(tmp_path) == []


def test_a_file_system_without_locks_is_written_to_and_not_tidied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    objects = FolderObjects(tmp_path)
    objects.put("a", b"whole")
    assert objects.get("a") == b"whole"
    beside = tmp_path / f"1.{'0' * 16}-{'1' * 16}.part"
    beside.write_bytes(b"half")
    os.utime(beside, (0, 0))
    objects.tidy()
    assert left(tmp_path) == [beside]
