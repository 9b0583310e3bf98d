"""Answers in the state store: what is damaged, late or not there is none."""

import pytest
from processes import eventually
from unit.classify.answer_cache.stores import Store

from meshlens.classify.answer_cache.sealing import seal, unseal
from meshlens.classify.answer_cache.shared import SharedAnswers

SECONDS = 60.0
NOW = 1_000_000.0


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def shared(store: Store) -> SharedAnswers:
    return SharedAnswers(store, seconds=SECONDS, clock=lambda: NOW)


def write(shared: SharedAnswers, store: Store, key: str, data: bytes) -> None:
    shared.put(key, data)
    eventually(lambda: f"answer-{key}" in store.values, "it is written")


def test_each_change_of_a_sealed_value_makes_it_nothing() -> None:
    sealed = seal("a", b"answer", NOW)
    assert unseal("a", sealed) == (b"answer", NOW)
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        assert unseal("a", bytes(changed)) is None
    assert all(unseal("a", sealed[:size]) is None for size in range(len(sealed)))
    assert unseal("a", sealed + b"\0") is None
    assert unseal("b", sealed) is None


def test_an_answer_is_found_by_another_replica(shared: SharedAnswers, store: Store) -> None:
    write(shared, store, "a", b"answer")
    other = SharedAnswers(store, seconds=SECONDS, clock=lambda: NOW + 20)
    assert other.get("a") == (b"answer", 40.0)


def test_an_answer_ends_even_if_the_store_keeps_it(shared: SharedAnswers, store: Store) -> None:
    write(shared, store, "a", b"answer")
    assert SharedAnswers(store, seconds=SECONDS, clock=lambda: NOW + SECONDS).get("a") is None


def test_a_clock_that_is_ahead_makes_no_answer_last_longer(
    shared: SharedAnswers, store: Store
) -> None:
    store.values["answer-a"] = seal("a", b"answer", NOW + 10 * SECONDS)
    assert shared.get("a") == (b"answer", SECONDS)


@pytest.mark.parametrize("damage", [b"{}", b"garbage", seal("b", b"other", NOW + 1)])
def test_what_is_not_what_was_written_is_none_and_counted(
    shared: SharedAnswers, store: Store, damage: bytes
) -> None:
    store.values["answer-a"] = damage
    assert shared.get("a") is None
    assert shared.damaged == 1


def test_a_store_that_fails_is_left_alone_for_a_while(shared: SharedAnswers, store: Store) -> None:
    write(shared, store, "a", b"answer")
    store.down = True
    assert [shared.get("a") for _ in range(5)] == [None] * 5
    shared.put("b", b"answer")
    assert store.reads == 1
    assert list(store.values) == ["answer-a"]


def test_writes_that_a_store_does_not_take_soon_are_dropped(
    shared: SharedAnswers, store: Store
) -> None:
    store.open.clear()
    for number in range(1000):
        shared.put(str(number), b"answer")
    store.open.set()
    eventually(lambda: "answer-0" in store.values, "the first is written")
    assert "answer-999" not in store.values
    eventually(lambda: _is_kept_now(shared, store), "the store takes others again")
    assert len(store.values) < 200


def _is_kept_now(shared: SharedAnswers, store: Store) -> bool:
    shared.put("later", b"answer")
    return "answer-later" in store.values


def test_an_answer_that_is_too_large_to_be_shared_is_not(
    shared: SharedAnswers, store: Store
) -> None:
    shared.put("a", bytes(1 << 20))
    write(shared, store, "b", b"answer")
    assert list(store.values) == ["answer-b"]
