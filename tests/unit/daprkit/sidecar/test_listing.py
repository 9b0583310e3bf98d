"""A list of names that several replicas write at once, in a store that can fail at any step."""

import json
from collections.abc import Callable, Sequence
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.sidecar.listing import Listing
from meshlens.daprkit.sidecar.state import Written


class Store:
    """Values in memory with first-write concurrency.

    Attributes:
        before_replace: called before each attempt to replace a value, as another replica would act.
        down: whether nothing answers.
    """

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.writes: dict[str, int] = {}
        self.before_replace: Callable[[], None] = lambda: None
        self.down = False

    def find(self, keys: Sequence[str]) -> set[str]:
        self._check()
        return {key for key in keys if key in self.values}

    def save(self, key: str, value: bytes, *, within: float | None = None) -> None:
        assert within is None or within > 0
        self._check()
        self.values[key] = value

    def remove(self, key: str) -> None:
        self._check()
        self.values.pop(key, None)

    def read(self, key: str, *, within: float | None = None) -> Written:
        assert within is None or within > 0
        self._check()
        return Written(self.values.get(key, b""), str(self.writes.get(key, "")))

    def replace(self, key: str, read: Written, value: bytes, *, within: float) -> bool:
        assert within > 0
        self._check()
        self.before_replace()
        if str(self.writes.get(key, "")) != read.etag:
            return False
        self.values[key] = value
        self.writes[key] = self.writes.get(key, 0) + 1
        return True

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable("the store must answer")


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def listing(store: Store) -> Listing:
    return Listing(store, key="fits", most=3)


@given(st.lists(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_the_newest_names_are_listed_unless_they_were_removed(
    added: list[str], removed: set[str]
) -> None:
    listing = Listing(Store(), key="fits", most=3)
    assert all(listing.add(name) for name in added)
    for name in removed:
        listing.remove(name)
    newest = list(dict.fromkeys(reversed(added)))[:3]
    assert listing.names() == [name for name in newest if name not in removed]


def test_a_name_whose_mark_has_expired_is_listed_no_more(store: Store, listing: Listing) -> None:
    listing.add("a")
    listing.add("b")
    del store.values["fits-a"]
    assert listing.names() == ["b"]
    listing.add("a")
    assert listing.names() == ["a", "b"]


def test_who_is_not_first_to_write_reads_again_and_loses_nothing(
    store: Store, listing: Listing
) -> None:
    other, names = Listing(store, key="fits", most=3), ["x", "y"]

    def intervene() -> None:
        store.before_replace = lambda: None
        other.add(names.pop())
        store.before_replace = intervene if names else lambda: None

    store.before_replace = intervene
    assert listing.add("a")
    assert listing.names() == ["a", "x", "y"]


def test_replicas_that_add_at_once_lose_nothing(store: Store) -> None:
    def add(replica: int) -> None:
        listing = Listing(store, key="fits", most=100)
        for number in range(10):
            assert listing.add(f"{replica}-{number}")

    replicas = [Thread(target=add, args=(replica,)) for replica in range(4)]
    for replica in replicas:
        replica.start()
    for replica in replicas:
        replica.join(30)
    assert len(Listing(store, key="fits").names()) == 40


def test_a_name_that_another_has_just_kept_needs_no_second_try(
    store: Store, listing: Listing
) -> None:
    listing.add("a")
    tries = []

    def collide() -> None:
        tries.append(1)
        store.writes["fits"] += 1

    store.before_replace = collide
    assert listing.add("a")
    assert tries == [1]


def test_adding_ends_when_others_are_always_first(
    store: Store, listing: Listing, capsys: pytest.CaptureFixture[str]
) -> None:
    def collide() -> None:
        store.writes["fits"] = store.writes.get("fits", 0) + 1

    store.before_replace = collide
    assert not listing.add("a")
    assert "others were always first to write" in capsys.readouterr().out
    assert listing.names() == []


def test_a_store_that_is_down_fails_no_addition_but_what_must_be_known(
    store: Store, listing: Listing, capsys: pytest.CaptureFixture[str]
) -> None:
    store.down = True
    assert not listing.add("a")
    assert "the store must answer" in capsys.readouterr().out
    with pytest.raises(StoreUnavailable):
        listing.names()
    with pytest.raises(StoreUnavailable):
        listing.remove("a")


@pytest.mark.parametrize("damage", [b"\xff", b"null", b"{}", b"[1]", b"[", b'{"a": 1}'])
def test_a_damaged_index_is_empty_until_it_is_written_again(
    store: Store, listing: Listing, damage: bytes
) -> None:
    store.values["fits"] = damage
    assert listing.names() == []
    assert listing.add("a")
    assert listing.names() == ["a"]
    assert json.loads(store.values["fits"]) == ["a"]
