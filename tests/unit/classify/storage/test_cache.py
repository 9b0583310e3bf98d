"""Models in a store: who is asked for them, and what a bad store can do, which is nothing."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import eventually

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import decode_card
from meshlens.classify.storage.cache import ModelCache
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.origins import Origins
from meshlens.classify.storage.source import Source
from meshlens.daprkit.errors import StoreUnavailable

DATA = b"a model"
NAME = hashlib.sha256(DATA).hexdigest()


class Store:
    """A store that can be down, or hang."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.down = self.forgetful = False
        self.hang = threading.Event()
        self.hang.set()
        self.asked = 0

    def fail(self) -> None:
        self.down = True

    def stall(self) -> None:
        self.hang.clear()

    def put(self, data: bytes) -> str:
        self._answer()
        name = hashlib.sha256(data).hexdigest()
        self.kept[name] = data
        return name

    def get(self, name: str) -> bytes | None:
        self.asked += 1
        self._answer()
        data = self.kept.get(name)
        if self.forgetful:
            return None
        return data if data and hashlib.sha256(data).hexdigest() == name else None

    def delete(self, name: str) -> None:
        self._answer()
        self.kept.pop(name, None)

    def _answer(self) -> None:
        self.hang.wait(30)
        if self.down:
            raise StoreUnavailable("down")


class Origin:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, _: Source) -> bytes:
        self.asked += 1
        return DATA


def source(card: str = f"source: {{sha256: '{NAME}'}}") -> Source:
    return Source("a", "1", (Path("a.tflite"),), decode_card(card.encode()))


def until(condition: Callable[[], bool], what: str) -> None:
    eventually(condition, what)


def test_what_is_in_the_store_is_not_fetched_from_the_origin() -> None:
    store, origin = Store(), Origin()
    cache = ModelCache(store, origin, seconds=10)
    assert cache.fetch(source()) == DATA
    until(lambda: NAME in store.kept, "the model is kept")
    assert ModelCache(store, origin, seconds=10).fetch(source()) == DATA
    assert origin.asked == 1


def test_what_is_damaged_is_fetched_and_kept_again() -> None:
    store, origin = Store(), Origin()
    store.kept[NAME] = b"another model"
    assert ModelCache(store, origin, seconds=10).fetch(source()) == DATA
    until(lambda: store.kept[NAME] == DATA, "the model is mended")


def test_a_store_that_is_down_or_slow_is_asked_once_and_not_waited_for() -> None:
    for break_it in (Store.fail, Store.stall):
        store, origin = Store(), Origin()
        break_it(store)
        cache = ModelCache(store, origin, seconds=0.05)
        assert cache.fetch(source()) == DATA
        assert cache.fetch(source()) == DATA
        assert (store.asked, origin.asked) == (1, 2)
        store.hang.set()


def test_a_model_without_a_digest_is_not_kept() -> None:
    store, origin = Store(), Origin()
    assert ModelCache(store, origin, seconds=10).fetch(source("version: 1")) == DATA
    assert store.asked == 0


def test_what_no_card_names_any_more_is_forgotten() -> None:
    store = Store()
    cache = ModelCache(store, Origin(), seconds=10)
    cache.fetch(source())
    until(lambda: NAME in store.kept, "the model is kept")
    cache.collect([source()])
    assert NAME in store.kept
    cache.collect([])
    until(lambda: not store.kept, "the model is forgotten")


@pytest.mark.parametrize("damage", [False, True])
def test_a_round_trip_is_logged(caplog: pytest.LogCaptureFixture, *, damage: bool) -> None:
    store = Store()
    if damage:
        store.forgetful = True
    with caplog.at_level("INFO"):
        ModelCache(store, Origin(), seconds=10).check()
        words = "does not return 1 MiB" if damage else "returns 1 MiB"
        until(lambda: words in caplog.text, "the log says so")
    assert not store.kept


def test_an_origin_that_gives_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("source: {uri: 'https://127.0.0.1:1/models/b.tflite'}")
    (found,) = find_models(tmp_path)
    assert found.path.name == "b.tflite"
    with pytest.raises(InvalidModel, match=r"127\.0\.0\.1:1/models/b\.tflite does not give it"):
        Origins(mesh=lambda _: DATA).fetch(found)
