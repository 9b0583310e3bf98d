"""Files that appear whole or not at all, and what a killed process leaves of them.

A file is written beside its place, under a lock that its process has until the file is whole. The
name beside says by which kernel and mount it is written: who shares both sees the lock anywhere,
who does not may be on a file system whose locks hold on one host only, and goes by the age, too.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import time
from functools import cache
from pathlib import Path
from typing import BinaryIO

_ENDING = ".part"
_BESIDE = re.compile(rf"\.(?P<mount>[0-9a-f]{{16}})-[0-9a-f]{{16}}{re.escape(_ENDING)}\Z")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# Longer than any write takes, and than clocks of hosts are apart.
_ABANDONED_SECONDS = 86400.0


def write_whole(path: Path, data: bytes, *, flushed: bool = True) -> None:
    """Write a file: beside its place, flushed to the disk, renamed, and that flushed, too.

    Args:
        path: its place.
        data: what it has.
        flushed: whether to wait for the disk; otherwise a failure of the machine may leave the file
            empty, or what was there before.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside, file = _create(path)
    try:
        with file:
            file.write(data)
            file.flush()
            if flushed:
                os.fsync(file.fileno())
            beside.replace(path)
        if flushed:
            _flush_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def is_beside(name: str) -> bool:
    """Return whether a file of this name is one beside its place, which may be half written."""
    return _BESIDE.search(name) is not None


def remove_abandoned(path: Path) -> None:
    """Remove a file beside its place if whoever wrote it has been killed.

    It stays if it is being written, or if nobody can tell: it cannot be opened or locked, or it
    is less than a day old and written by another host.
    """
    beside = _BESIDE.search(path.name)
    if beside is None:
        return
    # It has got its place, or is another user's, or on a file system without locks.
    with contextlib.suppress(OSError), path.open("r+b") as file:
        age = time.time() - os.fstat(file.fileno()).st_mtime
        if beside["mount"] == _name_mount(path.parent) or age > _ABANDONED_SECONDS:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _create(path: Path) -> tuple[Path, BinaryIO]:
    """Return a new file beside a place, locked if the file system has locks."""
    while True:
        name = f"{path.name}.{_name_mount(path.parent)}-{secrets.token_hex(8)}{_ENDING}"
        beside = path.with_name(name)
        file = beside.open("xb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # it is being removed, as one that nobody has locked
            file.close()
            continue
        except OSError:  # without locks nobody removes it
            return beside, file
        if beside.exists():
            return beside, file
        file.close()


def _name_mount(folder: Path) -> str:
    """Return a name of the kernel, and of the mount of a folder."""
    mount = f"{_name_kernel()} {folder.stat().st_dev}"
    return hashlib.sha256(mount.encode()).hexdigest()[:16]


@cache
def _name_kernel() -> str:
    try:
        return _BOOT.read_text()
    except OSError:  # a sandbox, whose locks may be its own
        return secrets.token_hex(8)


def _flush_folder(folder: Path) -> None:
    """Have names on the disk in the order in which they were given: results before their piece."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
