import threading

import pytest

from meshlens.daprkit.application.queueing.slots import Slots
from meshlens.daprkit.application.streams import Streams
from meshlens.daprkit.errors import Busy, Stopping


def test_a_stream_holds_a_place_while_it_is_open() -> None:
    slots = Slots(1)
    streams = Streams(slots)
    with streams.open(lambda: None):
        assert slots.held == 1
        with pytest.raises(Busy), streams.open(lambda: None):
            pytest.fail("opened")
    assert slots.held == 0


def test_an_idle_stream_ends_with_its_service_and_no_other_opens() -> None:
    streams, ended = Streams(Slots(2)), threading.Event()
    with streams.open(ended.set) as stream:
        streams.close()
        assert ended.is_set()
        with pytest.raises(Stopping), stream.message():
            pytest.fail("taken")
    with pytest.raises(Stopping), streams.open(lambda: None):
        pytest.fail("opened")


def test_a_busy_stream_ends_after_its_message() -> None:
    streams, ended = Streams(Slots(1)), threading.Event()
    with streams.open(ended.set) as stream:
        with stream.message():
            assert not stream.is_ending
            streams.close()
        assert stream.is_ending
        assert not ended.is_set()
        # Nobody waits for it but its caller.
        assert streams.await_cancelled(0)


def test_an_end_can_wait_for_the_idle_streams_to_leave() -> None:
    streams = Streams(Slots(1))
    with streams.open(lambda: None):
        streams.close()
        assert not streams.await_cancelled(0)
    assert streams.await_cancelled(0)


def test_only_the_message_of_the_moment_learns_that_its_caller_is_gone() -> None:
    called: list[int] = []
    with Streams(Slots(1)).open(lambda: None) as stream:
        with stream.message():
            assert stream.on_caller_gone(lambda: called.append(1))
        with stream.message():
            assert stream.on_caller_gone(lambda: called.append(2))
            stream.leave()
        with stream.message():
            assert not stream.on_caller_gone(lambda: called.append(3))
    assert called == [2]
