"""The outbox: an event whose append has returned is there, whatever happens next."""

import itertools
import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from processes import eventually
from unit.daprkit.outbox.disks import Disk, connect_small, event, kept

from meshlens.daprkit.errors import OutboxFull, OutboxUnavailable, OutboxUnusable
from meshlens.daprkit.outbox.file import MOST_BYTES, MOST_EVENTS, Entry
from meshlens.daprkit.outbox.store import Outbox

LIMIT = 1024 * 1024
# Appends events and reports each as soon as it is promised, until it is killed.
APPENDS = """
import sys
from pathlib import Path
from meshlens.daprkit.outbox.store import Outbox
from meshlens.daprkit.application.events import CloudEvent
outbox = Outbox(Path(sys.argv[1]), 2**30)
for number in range(10**6):
    outbox.append(CloudEvent(f"{number}", b"{}"))
    print(number, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def outbox(folder: Path) -> Iterator[Outbox]:
    with closing(Outbox(folder, LIMIT)) as opened:
        yield opened


def read_all(outbox: Outbox) -> list[Entry]:
    entries: list[Entry] = []
    while more := outbox.read(entries[-1].number if entries else 0):
        entries += more
    return entries


def ids(outbox: Outbox) -> list[str]:
    return [entry.event.identity for entry in read_all(outbox)]


def test_an_event_is_on_the_disk_when_append_returns(outbox: Outbox, folder: Path) -> None:
    outbox.append(event("a"))
    assert kept(folder / "0.db") == ["a"]


def test_events_of_many_threads_are_all_kept_in_the_order_of_their_numbers(outbox: Outbox) -> None:
    with ThreadPoolExecutor(16) as threads:
        numbers = list(threads.map(outbox.append, map(event, range(500))))
    assert sorted(numbers) == list(range(1, 501))
    written = {number: f"{name}" for name, number in enumerate(numbers)}
    assert ids(outbox) == [written[number] for number in range(1, 501)]
    assert outbox.depth == 500


def test_events_that_wait_together_are_committed_together(folder: Path) -> None:
    disk = Disk()
    with closing(Outbox(folder, LIMIT, disk.connect)) as outbox, ThreadPoolExecutor(32) as threads:
        opened = disk.operations
        list(threads.map(outbox.append, map(event, range(1000))))
    # One by one each would take three: begin, insert, commit.
    assert disk.operations - opened < 2 * 1000


def test_what_is_accepted_is_gone_after_the_next_start(folder: Path) -> None:
    with closing(Outbox(folder, LIMIT)) as outbox:
        for name in "abc":
            outbox.append(event(name))
        outbox.remove(read_all(outbox)[:2])
        assert outbox.depth == 1
    with closing(Outbox(folder, LIMIT)) as outbox:
        assert ids(outbox) == ["c"]
        assert outbox.depth == 1


def test_numbers_go_on_after_a_start(folder: Path) -> None:
    with closing(Outbox(folder, LIMIT)) as outbox:
        assert outbox.append(event("a")) == 1
    with closing(Outbox(folder, LIMIT)) as outbox:
        assert outbox.append(event("b")) == 2


def test_a_killed_process_loses_nothing_it_has_promised(folder: Path) -> None:
    for round_ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", APPENDS, str(folder)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            promised = [process.stdout.readline().strip() for _ in range(50 * (round_ + 1))]
            os.kill(process.pid, signal.SIGKILL)
            promised += process.stdout.read().split()
        with closing(Outbox(folder, LIMIT)) as outbox:
            found = read_all(outbox)
            assert [entry.event.identity for entry in found][: len(promised)] == promised
            # One more may have been written, and not reported.
            assert len(found) <= len(promised) + 1
            outbox.remove(found)


def test_two_processes_never_share_a_file(folder: Path) -> None:
    with closing(Outbox(folder, LIMIT)) as one, closing(Outbox(folder, LIMIT)) as other:
        one.append(event("a"))
        other.append(event("b"))
        assert (ids(one), ids(other)) == (["a"], ["b"])
    assert (kept(folder / "0.db"), kept(folder / "1.db")) == (["a"], ["b"])


def test_what_dead_processes_have_left_is_taken_over_in_order(folder: Path) -> None:
    with closing(Outbox(folder, LIMIT)) as one, closing(Outbox(folder, LIMIT)) as other:
        one.append(event("a"))
        for number in range(250):
            other.append(event(number))
    with closing(Outbox(folder, LIMIT)) as heir:
        assert ids(heir) == ["a", *map(str, range(250))]
        assert heir.depth == 251
    assert not (folder / "1.db").exists()


def test_a_living_process_keeps_its_file(folder: Path) -> None:
    first = Outbox(folder, LIMIT)
    with closing(Outbox(folder, LIMIT)) as second:
        second.append(event("mine"))
        first.append(event("left"))
        first.close()
        with closing(Outbox(folder, LIMIT)) as heir:
            assert ids(heir) == ["left"]
        assert ids(second) == ["mine"]


def test_at_the_bound_requests_are_refused_until_the_broker_has_taken_events(folder: Path) -> None:
    with closing(Outbox(folder, 3000)) as outbox:
        while outbox.depth < 4:
            outbox.admit()
            outbox.append(event("a", 500))
        with pytest.raises(OutboxFull, match=r"3000 bytes.*OUTBOX_SIZE"):
            outbox.admit()
        # What was admitted before still has its place.
        outbox.append(event("b", 500))
        outbox.remove(read_all(outbox)[:3])
        outbox.admit()
    with closing(Outbox(folder, 1000)) as outbox, pytest.raises(OutboxFull):
        outbox.admit()


def test_a_full_disk_refuses_events_and_keeps_what_it_has(folder: Path) -> None:
    with closing(Outbox(folder, LIMIT, connect_small(12))) as outbox:
        promised = fill(outbox)
        assert promised > 5
        assert ids(outbox) == [f"{number}" for number in range(promised)]
        outbox.remove(read_all(outbox)[:3])
        outbox.append(event("again", 2000))
        assert ids(outbox)[-1] == "again"


def test_whatever_operation_fails_no_promised_event_is_lost_and_none_appears(
    tmp_path: Path,
) -> None:
    number = 0
    while True:
        number += 1
        folder = tmp_path / f"{number}"
        disk = Disk(lambda operation, number=number: operation == number)  # type: ignore[misc] # a lambda with a default
        promised, refused = use(folder, disk)
        found = kept(folder / "0.db")
        assert [name for name in found if name not in refused] == promised
        assert len(refused) <= 1
        if disk.operations < number:
            break
    assert number > 30


@pytest.mark.parametrize("every", [2, 3, 5, 7, 11])
def test_a_disk_that_fails_again_and_again_loses_nothing(folder: Path, every: int) -> None:
    disk = Disk(lambda operation: operation % every == 0)
    promised, refused = use(folder, disk)
    found = kept(folder / "0.db")
    assert [name for name in found if name not in refused] == promised


def test_after_the_disk_has_recovered_events_are_written_again(folder: Path) -> None:
    disk = Disk(lambda _: True)
    with closing(Outbox(folder, LIMIT, disk.connect)) as outbox:
        with pytest.raises(OutboxUnavailable, match="disk I/O error"):
            outbox.append(event("a"))
        disk.fails = lambda _: False
        outbox.append(event("b"))
        assert ids(outbox) == ["b"]


def fill(outbox: Outbox) -> int:
    """Append events until one is refused; return how many were not."""
    for number in itertools.count():
        try:
            outbox.append(event(number, 2000))
        except OutboxUnavailable:
            return number
    raise AssertionError("it takes whatever comes")


def use(folder: Path, disk: Disk) -> tuple[list[str], set[str]]:
    """Append events and accept the first two; return those that stay, and those refused."""
    promised, refused = [], set()
    with closing(Outbox(folder, LIMIT, disk.connect)) as outbox:
        for name in "abcdef":
            try:
                outbox.append(event(name))
            except OutboxUnavailable:
                refused.add(name)
            else:
                promised.append(name)
        disk.fails, fails = lambda _: False, disk.fails
        accepted = [entry for entry in read_all(outbox) if entry.event.identity in "ab"]
        disk.fails = fails
        outbox.remove(accepted)
        for name in "gh":
            try:
                outbox.append(event(name))
            except OutboxUnavailable:
                refused.add(name)
            else:
                promised.append(name)
        disk.fails = lambda _: False
    gone = {entry.event.identity for entry in accepted}
    return [name for name in promised if name not in gone], refused


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(folder: Path) -> None:
    folder.mkdir()
    (folder / "0.db").write_bytes(b"no database " * 1000)
    with closing(Outbox(folder, LIMIT)) as outbox:
        outbox.append(event("a"))
    (aside,) = folder.glob("0.db.damaged-*")
    assert aside.read_bytes() == b"no database " * 1000
    assert kept(folder / "0.db") == ["a"]


def test_a_damaged_file_of_a_dead_process_is_set_aside_too(folder: Path) -> None:
    folder.mkdir()
    (folder / "1.db").write_bytes(b"no database " * 1000)
    with closing(Outbox(folder, LIMIT)) as outbox:
        assert ids(outbox) == []
    assert len(list(folder.glob("1.db.damaged-*"))) == 1


def test_the_age_is_of_the_oldest_event(outbox: Outbox, folder: Path) -> None:
    assert outbox.measure_age() == 0.0
    outbox.append(event("a"))
    with closing(sqlite3.connect(folder / "0.db")) as database:
        database.execute("UPDATE events SET recorded = recorded - 100")
        database.commit()
    assert 100 <= outbox.measure_age() < 1000
    outbox.remove(read_all(outbox))
    assert outbox.measure_age() == 0.0


def test_the_age_on_a_disk_that_fails_is_unknown(folder: Path) -> None:
    disk = Disk()
    with closing(Outbox(folder, LIMIT, disk.connect)) as outbox:
        outbox.append(event("a"))
        disk.fails = lambda _: True
        assert math.isnan(outbox.measure_age())
        disk.fails = lambda _: False
        assert outbox.measure_age() > 0


def test_a_folder_that_cannot_be_made_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutboxUnusable, match="OUTBOX_FOLDER"):
        Outbox(tmp_path / "file" / "outbox", LIMIT)


def test_an_outbox_that_is_closed_takes_no_events(folder: Path) -> None:
    outbox = Outbox(folder, LIMIT)
    outbox.close()
    with pytest.raises(OutboxUnavailable):
        outbox.append(event("a"))
    with pytest.raises(OutboxUnavailable):
        outbox.read(0)


def test_the_last_events_are_read_from_memory_and_those_before_from_the_file(folder: Path) -> None:
    disk = Disk()
    with closing(Outbox(folder, LIMIT, disk.connect)) as outbox:
        for number in range(MOST_EVENTS + 5):
            outbox.append(event(number))
        operations = disk.operations
        first = outbox.read(0)
        assert disk.operations > operations
        operations = disk.operations
        rest = outbox.read(first[-1].number)
        assert disk.operations == operations
    assert [entry.number for entry in first + rest] == list(range(1, MOST_EVENTS + 6))
    assert [entry.event for entry in first + rest] == [event(n) for n in range(MOST_EVENTS + 5)]


def test_what_is_kept_in_memory_is_bounded_in_bytes(folder: Path) -> None:
    disk = Disk()
    with closing(Outbox(folder, 2**30, disk.connect)) as outbox:
        for number in range(4):
            outbox.append(event(number, MOST_BYTES // 2))
        operations = disk.operations
        assert [entry.number for entry in outbox.read(3)] == [4]
        assert disk.operations == operations
        assert [entry.number for entry in outbox.read(1)] == [2]
        assert disk.operations > operations


def test_what_is_accepted_leaves_the_file_though_no_event_follows(folder: Path) -> None:
    with closing(Outbox(folder, LIMIT)) as outbox:
        assert outbox.tidy() is None
        outbox.append(event("a"))
        outbox.remove(read_all(outbox))
        assert kept(folder / "0.db") == ["a"]
        eventually(lambda: outbox.tidy() is None, "it is removed")
        assert kept(folder / "0.db") == []
        # The next event's number is not taken again.
        assert outbox.append(event("b")) == 2


def test_what_cannot_be_removed_now_is_removed_later(folder: Path) -> None:
    disk = Disk()
    with closing(Outbox(folder, LIMIT, disk.connect)) as outbox:
        outbox.append(event("a"))
        outbox.remove(read_all(outbox))
        disk.fails = lambda _: True
        operations = disk.operations
        eventually(lambda: outbox.tidy() is not None and disk.operations > operations, "it tries")
        assert kept(folder / "0.db") == ["a"]
        disk.fails = lambda _: False
        eventually(lambda: outbox.tidy() is None, "it is removed")
    assert kept(folder / "0.db") == []
