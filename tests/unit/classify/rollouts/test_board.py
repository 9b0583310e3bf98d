"""Who learns of a rollout when, and what a store or a file that fails changes: nothing."""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PosixPath
from typing import Any

import pytest
from processes import eventually
from unit.classify.state_store import Store

from meshlens.classify.errors import RolloutChanged, RolloutFixed
from meshlens.classify.rollouts.board import Board
from meshlens.classify.rollouts.documents import FILE
from meshlens.classify.serving.rollout import Rollout
from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.sidecar.state import Written

ONE, TWO, BOTH = (
    Rollout(weights=weights) for weights in ({"1": 100}, {"2": 100}, {"1": 50, "2": 50})
)
FILE_OF_TWO = "digits: {weights: {2: 100}}"


class Replica:
    """A board, and what it has told."""

    def __init__(self, folder: Path, store: Store | None) -> None:
        self.told: list[Mapping[str, Rollout] | None] = []
        self.board = Board(self.told.append, folder=folder, store=store)

    def has(self, rollouts: Mapping[str, Rollout] | None) -> bool:
        return bool(self.told) and self.told[-1] == rollouts


@contextmanager
def running(folder: Path, store: Store | None) -> Iterator[Replica]:
    replica = Replica(folder, store)
    replica.board.start()
    try:
        yield replica
    finally:
        replica.board.stop()


class Looked(PosixPath):
    """A folder that counts what is done to its files, and does something at each opening."""

    looks = 0
    opened = 0

    @staticmethod
    def before_end() -> None:
        """What happens to a file while it is read."""

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Look at it."""
        Looked.looks += 1
        return super().stat(follow_symlinks=follow_symlinks)

    def open(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - as the base's
        """Return what is in it now."""
        Looked.opened += 1
        data = self.read_now()
        Looked.before_end()
        return io.BytesIO(data)

    def read_now(self) -> bytes:
        """Return its bytes."""
        return Path(self).read_bytes()


def write(folder: Path, text: str) -> None:
    (folder / "new").write_text(text)
    (folder / "new").replace(folder / FILE)


def to(rollout: Rollout | None) -> Callable[[Rollout | None], Rollout | None]:
    return lambda _: rollout


def follows(condition: Callable[[], bool]) -> None:
    eventually(condition, "the replica has followed")


def _ignore(_: object) -> None:
    """Return nothing, as a callback does."""


def test_every_replica_learns_of_a_change(tmp_path: Path) -> None:
    store = Store()
    with running(tmp_path, store) as first, running(tmp_path, store) as second:
        first.board.change("digits", to(BOTH))
        assert first.has({"digits": BOTH})
        follows(lambda: second.has({"digits": BOTH}))
        second.board.change("digits", to(None))
        assert second.has({})
        follows(lambda: first.has({}))


def test_nothing_is_known_until_the_store_has_been_read(tmp_path: Path) -> None:
    store = Store()
    store.down = True
    with running(tmp_path, store) as replica:
        assert replica.told == [None]
        follows(lambda: bool(replica.board.warnings()))
        store.down = False
        follows(lambda: replica.has({}))
        follows(lambda: not replica.board.warnings())


def test_a_store_that_is_down_later_changes_nothing(tmp_path: Path) -> None:
    store = Store()
    with running(tmp_path, store) as replica:
        replica.board.change("digits", to(BOTH))
        store.down = True
        follows(lambda: bool(replica.board.warnings()))
        assert replica.has({"digits": BOTH})
        with pytest.raises(StoreUnavailable):
            replica.board.change("digits", to(ONE))
        assert replica.has({"digits": BOTH})


def test_a_store_that_takes_nothing_is_not_taken_for_another_who_was_first(tmp_path: Path) -> None:
    store = Store()
    board = Replica(tmp_path, store).board
    for rollout in (BOTH, ONE):
        store.read_only = True
        with pytest.raises(StoreUnavailable, match="takes what is written"):
            board.change("digits", to(rollout))
        store.read_only = False
        board.change("digits", to(rollout))


def test_a_damaged_value_changes_nothing(tmp_path: Path) -> None:
    store = Store()
    with running(tmp_path, store) as replica:
        replica.board.change("digits", to(BOTH))
        store.written = Written(b"{", "9")
        follows(lambda: bool(replica.board.warnings()))
        assert replica.has({"digits": BOTH})


def test_of_two_changes_of_one_revision_one_is_refused(tmp_path: Path) -> None:
    store = Store()
    first, second = (Replica(tmp_path, store).board for _ in range(2))
    revision = first.change("digits", to(BOTH)).revision
    second.change("digits", to(ONE), revision)
    with pytest.raises(RolloutChanged, match="revision 1"):
        first.change("digits", to(TWO), revision)


def test_two_changes_at_once_both_hold_where_they_are_of_two_models(tmp_path: Path) -> None:
    store = Store()
    first, second = (Replica(tmp_path, store).board for _ in range(2))
    store.before_write = lambda: _ignore(second.change("objects", to(ONE)))
    first.change("digits", to(TWO))
    found = {name: first.find(name)[0].rollout for name in ("digits", "objects")}
    assert found == {"digits": TWO, "objects": ONE}


def test_many_changes_at_once_lose_none(tmp_path: Path) -> None:
    store = Store()
    board = Replica(tmp_path, store).board
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: board.change(f"m{number}", to(ONE)), range(40)))
    assert all(board.find(f"m{number}")[0].rollout == ONE for number in range(40))


def test_without_a_store_calls_change_nothing(tmp_path: Path) -> None:
    with running(tmp_path, None) as replica:
        with pytest.raises(RolloutFixed, match="MODEL_ROLLOUTS=true"):
            replica.board.change("digits", to(ONE))
        assert not any(replica.told)


def test_a_file_holds_before_the_store_and_may_be_changed(tmp_path: Path) -> None:
    store = Store()
    with running(tmp_path, store) as replica:
        replica.board.change("digits", to(ONE))
        write(tmp_path, FILE_OF_TWO)
        follows(lambda: replica.has({"digits": TWO}))
        assert replica.board.find("digits")[1] == "file"
        with pytest.raises(RolloutFixed, match=FILE):
            replica.board.change("digits", to(BOTH))
        write(tmp_path, "digits: {weights: {2: 90}}")
        follows(lambda: bool(replica.board.warnings()))
        assert replica.has({"digits": TWO})
        (tmp_path / FILE).unlink()
        follows(lambda: replica.has({"digits": ONE}))
        assert not replica.board.warnings()


def test_a_bad_file_at_the_start_is_not_taken_for_none(tmp_path: Path) -> None:
    write(tmp_path, "digits: {weights: {2: 90}}")
    with running(tmp_path, None) as replica:
        assert replica.told == [None]
        write(tmp_path, FILE_OF_TWO)
        follows(lambda: replica.has({"digits": TWO}))


def test_a_file_that_is_written_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = f"{FILE_OF_TWO}\nbirds: {{weights: {{1: 100}}}}\n"
    (tmp_path / FILE).write_text(FILE_OF_TWO)  # half of it is a file, too
    monkeypatch.setattr(
        Looked, "before_end", staticmethod(lambda: _ignore((tmp_path / FILE).write_text(whole)))
    )
    with running(Looked(tmp_path), None) as replica:
        monkeypatch.setattr(Looked, "before_end", staticmethod(lambda: None))
        follows(lambda: replica.has({"digits": TWO, "birds": ONE}))
        assert replica.told == [None, {"digits": TWO, "birds": ONE}]


def test_a_file_with_mistakes_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "digits: {weights: {2: 90}}")
    monkeypatch.setattr(Looked, "opened", 0)
    with running(Looked(tmp_path), None) as replica:
        seen = Looked.looks
        follows(lambda: Looked.looks > seen + 3)
        assert Looked.opened == 1
        assert len(replica.board.warnings()) == 1


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / FILE)
    with running(tmp_path, None) as replica:
        (warning,) = replica.board.warnings()
        assert "expected rollouts.yaml to be a file" in warning
        write_over = (tmp_path / FILE).unlink if make is os.mkfifo else (tmp_path / FILE).rmdir
        write_over()
        follows(lambda: replica.has({}))
