"""Which fits are in memory, and when the store is asked."""

import pytest
from unit.pca.calls import Shelf
from unit.pca.numbers.data import normal

from meshlens.pca.errors import FitNotFound
from meshlens.pca.inference.recent import RecentFits
from meshlens.pca.models import encode_model
from meshlens.pca.numbers.decomposition import fit


class Watched(Shelf):
    """Counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def get(self, name: str) -> bytes | None:
        self.calls.append("get")
        return super().get(name)

    def has(self, name: str) -> bool:
        self.calls.append("has")
        return super().has(name)


class Clock:
    """Seconds that pass as a test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Watched:
    return Watched()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keep(store: Shelf, seed: int = 1) -> str:
    return store.put(encode_model(fit(normal(seed, 9, 3))))


def test_a_fit_is_read_once_and_then_only_whether_it_is_still_there(
    store: Watched, clock: Clock
) -> None:
    recent, model_id = RecentFits(store, clock=clock), keep(store)
    first = recent.find(model_id)
    assert encode_model(first) == store.kept[model_id]
    clock.now = 0.9
    assert recent.find(model_id) is first
    assert store.calls == ["get"]
    clock.now = 1.0
    assert recent.find(model_id) is first
    clock.now = 1.9
    assert recent.find(model_id) is first
    assert store.calls == ["get", "has"]


def test_a_fit_that_another_replica_deletes_answers_for_a_second_at_most(
    store: Watched, clock: Clock
) -> None:
    recent, model_id = RecentFits(store, clock=clock), keep(store)
    recent.find(model_id)
    store.delete(model_id)
    clock.now = 1.0
    for _ in range(2):
        with pytest.raises(FitNotFound):
            recent.find(model_id)
    keep(store)
    recent.find(model_id)
    assert store.calls == ["get", "has", "get", "get"]


def test_a_fit_that_is_forgotten_is_read_again(store: Watched) -> None:
    recent, model_id = RecentFits(store), keep(store)
    recent.find(model_id)
    recent.forget(model_id)
    recent.forget(model_id)
    recent.find(model_id)
    assert store.calls == ["get", "get"]


@pytest.mark.parametrize(
    "text",
    ["", "digits", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "../" + "0" * 61, "\u0660" * 64],
)
def test_what_can_be_no_id_never_reaches_the_store(store: Watched, text: str) -> None:
    with pytest.raises(FitNotFound):
        RecentFits(store).find(text)
    assert store.calls == []


def test_what_was_not_used_for_longest_leaves_memory_first(store: Watched) -> None:
    ids = [keep(store, seed) for seed in (1, 2, 3)]
    size = max(len(data) for data in store.kept.values()) + 4096
    recent = RecentFits(store, most_bytes=2 * size)
    for number in (0, 1, 0, 2):
        recent.find(ids[number])
    store.calls.clear()
    recent.find(ids[0])
    recent.find(ids[2])
    assert store.calls == []
    recent.find(ids[1])
    assert store.calls == ["get"]


def test_a_fit_larger_than_the_memory_answers_without_it(store: Watched) -> None:
    recent, model_id = RecentFits(store, most_bytes=100), keep(store)
    for _ in range(2):
        assert recent.find(model_id).n == 9
    assert store.calls == ["get", "get"]


def test_bytes_that_are_no_fit_are_none(store: Watched) -> None:
    with pytest.raises(FitNotFound):
        RecentFits(store).find(store.put(b"{}"))
