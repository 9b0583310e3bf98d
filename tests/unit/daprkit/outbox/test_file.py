"""A file of the outbox: all or nothing, in order, and never taken for whole if it is not."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from unit.daprkit.outbox.disks import event, kept

from meshlens.daprkit.outbox.file import (
    MOST_BYTES,
    MOST_EVENTS,
    Entry,
    OutboxDamaged,
    OutboxFile,
    delete,
    set_aside,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "0.db"


@pytest.fixture
def file(path: Path) -> Iterator[OutboxFile]:
    with closing(OutboxFile(path)) as opened:
        yield opened


def entries(count: int, size: int = 20) -> list[Entry]:
    return [Entry(number, event(number, size), 7.5) for number in range(1, count + 1)]


def test_what_is_written_is_read_in_its_order(file: OutboxFile) -> None:
    file.write(reversed(entries(3)))
    assert file.read(0) == entries(3)
    assert file.read(2) == entries(3)[2:]


def test_what_is_removed_is_gone_and_the_measure_follows(file: OutboxFile) -> None:
    file.write(entries(3))
    before = file.measure()
    file.write([], removed=[1, 3])
    after = file.measure()
    assert [entry.number for entry in file.read(0)] == [2]
    assert (before.count, before.last, after.count) == (3, 3, 1)
    assert before.size == sum(entry.size for entry in entries(3))
    assert after.size == entries(2)[1].size


def test_the_oldest_is_the_first(file: OutboxFile) -> None:
    assert file.oldest() is None
    file.write(entries(2))
    assert file.oldest() == 7.5


def test_a_read_is_bounded_by_events_and_by_bytes(file: OutboxFile) -> None:
    file.write(entries(MOST_EVENTS + 1))
    assert len(file.read(0)) == MOST_EVENTS
    file.write([], removed=range(1, MOST_EVENTS + 2))
    file.write(entries(3, MOST_BYTES // 2))
    assert len(file.read(0)) == 1
    file.write([], removed=range(1, 4))
    file.write(entries(2, 2 * MOST_BYTES))
    assert len(file.read(0)) == 1


def test_a_commit_survives_a_loss_of_power(file: OutboxFile, path: Path) -> None:
    file.write(entries(1))
    database = file._database  # noqa: SLF001 - the promise is in its settings
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert kept(path) == ["1"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no database at all " * 500),
        lambda path: path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000),
        lambda path: path.write_bytes(path.read_bytes()[:-4096]),
    ],
    ids=["other bytes", "overwritten", "cut short"],
)
def test_a_file_that_is_damaged_is_refused(path: Path, spoil: Callable[[Path], object]) -> None:
    with closing(OutboxFile(path)) as file:
        file.write(entries(50, 1000))
    spoil(path)
    with pytest.raises(OutboxDamaged, match=r"0\.db"):
        OutboxFile(path)


@pytest.mark.parametrize("script", ["PRAGMA user_version = 2", "CREATE TABLE events (other)"])
def test_another_programs_database_is_refused(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(script)
    with pytest.raises(OutboxDamaged):
        OutboxFile(path)


def test_a_file_set_aside_keeps_its_bytes(path: Path) -> None:
    path.write_bytes(b"damaged")
    path.with_name("0.db-wal").write_bytes(b"its log")
    aside = set_aside(path)
    assert aside.read_bytes() == b"damaged"
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"its log"
    assert not path.exists()


def test_a_deleted_file_leaves_nothing(path: Path, tmp_path: Path) -> None:
    file = OutboxFile(path)
    file.write(entries(1))
    delete(path)
    file.close()
    assert list(tmp_path.iterdir()) == []
