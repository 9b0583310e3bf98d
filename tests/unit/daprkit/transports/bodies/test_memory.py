"""The bytes of bodies are bounded, and given back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.daprkit.errors import TooManyBytes
from meshlens.daprkit.transports.bodies.memory import Memory, choose_limit

MIB = 2**20


def test_bodies_are_counted_until_their_requests_end() -> None:
    memory = Memory(10)
    with memory.share() as one, memory.share() as other:
        one.add(6)
        with pytest.raises(TooManyBytes) as fault:
            other.add(5)
        assert fault.value.retry_after > 0
        other.add(4)
        with pytest.raises(TooManyBytes):
            memory.check()
        other.hold(100)
        assert memory.held == 110
    assert memory.held == 0
    memory.check()


def test_a_body_that_is_alone_has_room_since_its_own_limit_is_elsewhere() -> None:
    memory = Memory(10)
    with memory.share() as one, memory.share() as other:
        one.add(6)
        one.add(6)
        with pytest.raises(TooManyBytes):
            other.add(1)


def test_threads_leave_nothing_behind() -> None:
    memory = Memory(1000)

    def hold(size: int) -> None:
        with memory.share() as share:
            share.add(size)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, range(100)))
    assert memory.held == 0


@pytest.mark.parametrize(
    ("largest", "places", "container", "limit"),
    [
        (16 * MIB, 16, None, 256 * MIB),
        (16 * MIB, 16, 1024 * MIB, 128 * MIB),
        (MIB, 16, 1024 * MIB, 16 * MIB),
        (64 * MIB, 16, 256 * MIB, 64 * MIB),
    ],
)
def test_bodies_take_an_eighth_of_a_container_and_one_always_has_room(
    largest: int, places: int, container: int | None, limit: int
) -> None:
    assert choose_limit(largest, places, container) == limit


def test_an_eighth_is_of_what_kept_answers_leave() -> None:
    assert choose_limit(16 * MIB, 16, 1024 * MIB, kept=32 * MIB) == 124 * MIB
    assert choose_limit(16 * MIB, 16, None, kept=32 * MIB) == 256 * MIB
    assert choose_limit(16 * MIB, 16, 16 * MIB, kept=32 * MIB) == 16 * MIB


def test_the_messages_of_a_stream_are_counted_one_after_the_other() -> None:
    memory = Memory(10)
    with memory.share() as stream, memory.share() as other:
        stream.add(9)
        with pytest.raises(TooManyBytes):
            other.add(2)
        stream.give_back()
        assert memory.held == 0
        other.add(2)
        with pytest.raises(TooManyBytes):
            stream.add(9)
    assert memory.held == 0


@given(st.integers(1, 2**30), st.integers(1, 1000), st.none() | st.integers(0, 2**40))
def test_the_largest_body_always_has_room(largest: int, places: int, container: int | None) -> None:
    assert choose_limit(largest, places, container) >= largest
