"""The last events: bounded, and read on from where a reader stopped."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from meshlens.daprkit.application.recent_events import MOST_BYTES, RecentEvents
from meshlens.daprkit.errors import InvalidRequest

LONG = 30.0  # seconds; no test waits for its end


def add(recent: RecentEvents, *names: str) -> None:
    for name in names:
        recent.add(json.dumps({"id": name}).encode())


def names_of(events: tuple[bytes, ...]) -> list[str]:
    return [json.loads(event)["data"]["id"] for event in events]


def test_a_new_reader_gets_what_is_kept_at_once() -> None:
    recent = RecentEvents(3)
    assert recent.read(seconds=LONG).events == ()
    add(recent, "a", "b", "c", "d")
    seen = recent.read(seconds=LONG)
    assert names_of(seen.events) == ["b", "c", "d"]
    assert seen.missed == 1


def test_an_event_has_the_time_of_its_publication() -> None:
    recent = RecentEvents(1)
    add(recent, "a")
    (event,) = recent.read().events
    assert datetime.fromisoformat(json.loads(event)["time"]).utcoffset() is not None


def test_a_reader_reads_on_from_its_cursor() -> None:
    recent = RecentEvents(3)
    add(recent, "a", "b")
    seen = recent.read()
    add(recent, "c")
    further = recent.read(seen.cursor, seconds=LONG)
    assert (names_of(further.events), further.missed) == (["c"], 0)
    assert recent.read(further.cursor).events == ()


def test_a_slow_reader_learns_how_many_events_it_has_missed() -> None:
    recent = RecentEvents(2)
    add(recent, "a")
    cursor = recent.read().cursor
    add(recent, "b", "c", "d", "e")
    seen = recent.read(cursor)
    assert (names_of(seen.events), seen.missed) == (["d", "e"], 2)


def test_a_waiting_reader_is_woken_by_the_next_event() -> None:
    recent = RecentEvents(2)
    cursor = recent.read().cursor
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(recent.read, cursor, seconds=LONG)
        add(recent, "a")
        assert names_of(reading.result(LONG).events) == ["a"]


def test_a_reader_that_has_waited_long_enough_gets_nothing_and_keeps_its_cursor() -> None:
    recent = RecentEvents(2)
    cursor = recent.read().cursor
    assert recent.read(cursor, seconds=0.001).cursor == cursor


def test_nobody_waits_for_a_process_that_ends() -> None:
    recent = RecentEvents(2)
    cursor = recent.read().cursor
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(recent.read, cursor, seconds=LONG)
        recent.close()
        assert reading.result(LONG).events == ()
    assert recent.read(cursor, seconds=LONG).events == ()


def test_a_cursor_of_an_earlier_process_gets_everything_at_once() -> None:
    recent = RecentEvents(2)
    earlier = RecentEvents(2).read().cursor
    assert recent.read(earlier, seconds=LONG).events == ()
    add(recent, "a")
    assert names_of(recent.read(earlier, seconds=LONG).events) == ["a"]


@pytest.mark.parametrize("cursor", ["1", "x-1", "0123456z-1", "01234567-", "01234567-1-"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="after must be the cursor") as refusal:
        RecentEvents(2).read(cursor)
    assert refusal.value.option == "after"


def test_large_events_are_fewer() -> None:
    recent = RecentEvents(100)
    for _ in range(10):
        recent.add(json.dumps({"id": "x" * (MOST_BYTES // 3)}).encode())
    seen = recent.read()
    assert len(seen.events) == 2
    assert seen.missed == 8
