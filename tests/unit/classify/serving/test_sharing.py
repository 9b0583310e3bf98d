"""What a rollout makes of requests: by versions that answer, that do not, and that are gone."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from processes import eventually
from unit.classify.fake_engine import FakeEngine
from unit.classify.models import build_model

from meshlens.classify.engines.engine import OpenEngine
from meshlens.classify.errors import InvalidRollout, ModelFailed, ModelNotFound, ModelNotReady
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import Asking, Rollout, Shadow
from meshlens.classify.serving.version_policy import VersionPolicy
from meshlens.classify.serving.versions import State
from meshlens.classify.storage.folder import find_models

MODEL = build_model(None)
HALVES = Rollout(weights={"1": 50, "2": 50})


def pair() -> FakeEngine:
    return FakeEngine(np.array([[0.4, 0.6]], np.float32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in ("1", "2", "3"):
        (tmp_path / "pets" / number).mkdir(parents=True)
        (tmp_path / "pets" / number / "pets.tflite").write_bytes(MODEL)
    return tmp_path


@contextmanager
def serving(
    folder: Path,
    *,
    policy: VersionPolicy | None = None,
    open_engine: OpenEngine = lambda *_: pair(),
) -> Iterator[Repository]:
    repository = Repository(folder, open_engine, default="pets", policy=policy)
    repository.start(lambda _: None)
    try:
        follows(lambda: repository.ready)
        yield repository
    finally:
        repository.stop()


def follows(condition: Callable[[], bool]) -> None:
    eventually(condition, "the repository has followed")


def answers(repository: Repository, version: str = "", asking: Asking = Asking()) -> str:  # noqa: B008 - it cannot change
    with repository.lease("pets", version, asking) as servable:
        return servable.source.version


def count(repository: Repository) -> Counter[str]:
    return Counter(answers(repository) for _ in range(400))


def available(repository: Repository) -> set[str]:
    shown = repository.servables("pets")
    return {it.source.version for it in shown if it.state is State.AVAILABLE}


def there(repository: Repository) -> set[str]:
    return {it.source.version for it in repository.servables("pets")}


def hold_openings() -> tuple[threading.Event, OpenEngine]:
    """Return what opens models while the event is set, as it is at first."""
    opened = threading.Event()
    opened.set()

    def open_slowly(*_: object) -> FakeEngine:
        assert opened.wait(30)
        return pair()

    return opened, open_slowly


def test_what_it_names_is_loaded_and_shares_the_requests(folder: Path) -> None:
    with serving(folder) as repository:
        assert available(repository) == {"3"}
        with repository.prepared("pets", HALVES, 30):
            repository.roll_out({"pets": HALVES})
        assert available(repository) >= {"1", "2"}
        assert set(count(repository)) == {"1", "2"}
        repository.roll_out({})
        follows(lambda: available(repository) == {"3"})
        assert set(count(repository)) == {"3"}


def test_what_holds_holds_on_until_the_next_versions_answer(folder: Path) -> None:
    opened, open_slowly = hold_openings()
    with serving(folder, open_engine=open_slowly) as repository:
        with repository.prepared("pets", Rollout(weights={"2": 100}), 30):
            repository.roll_out({"pets": Rollout(weights={"2": 100})})
        opened.clear()
        # Another replica has prepared it: here its versions have yet to be loaded.
        repository.roll_out({"pets": Rollout(weights={"1": 90, "3": 10})})
        assert set(count(repository)) == {"2"}
        opened.set()
        follows(lambda: set(count(repository)) == {"1", "3"})
        follows(lambda: available(repository) == {"1", "3"})


def test_a_request_that_names_a_version_gets_it(folder: Path) -> None:
    with serving(folder) as repository:
        repository.roll_out({"pets": Rollout(weights={"1": 100}, labels={"canary": "2"})})
        follows(lambda: available(repository) == {"1", "2", "3"})
        assert answers(repository, "3") == "3"
        assert answers(repository, "canary") == "2"
        for named in ("2", "canary"):
            assert answers(repository, "", Asking(headers={"meshlens-version": named})) == "2"
        with pytest.raises(ModelNotFound, match="pets@7"):
            answers(repository, "", Asking(headers={"meshlens-version": "7"}))


def test_labels_of_a_rollout_come_before_those_of_the_settings(folder: Path) -> None:
    policy = VersionPolicy(0, labels={"pets": {"stable": "1", "old": "1"}})
    with serving(folder, policy=policy) as repository:
        assert answers(repository) == "1"
        repository.roll_out({"pets": Rollout(labels={"stable": "2"})})
        assert answers(repository) == "2"
        assert answers(repository, "old") == "1"
        assert repository.labels("pets") == {"stable": "2", "old": "1"}


def test_a_label_stays_until_the_version_that_it_is_moved_to_answers(folder: Path) -> None:
    opened, open_slowly = hold_openings()
    with serving(folder, open_engine=open_slowly) as repository:
        repository.roll_out({"pets": Rollout(labels={"stable": "2", "canary": "2"})})
        follows(lambda: answers(repository) == "2")
        opened.clear()
        # Another replica has prepared it: here version 1 has yet to be loaded.
        repository.roll_out({"pets": Rollout(labels={"stable": "1", "canary": "1"})})
        assert {answers(repository), answers(repository, "canary")} == {"2"}
        opened.set()
        follows(lambda: answers(repository, "canary") == "1")
        assert answers(repository) == "1"


def test_what_holds_holds_on_until_a_version_is_found(folder: Path) -> None:
    with serving(folder) as repository:
        with repository.prepared("pets", Rollout(weights={"2": 100}), 30):
            repository.roll_out({"pets": Rollout(weights={"2": 100})})
        # Another replica has found version 4 before.
        repository.roll_out({"pets": Rollout(weights={"4": 100}, labels={"canary": "4"})})
        assert set(count(repository)) == {"2"}
        assert "names version 4, which is not there" in " ".join(repository.warnings())
        (folder / "pets/4").mkdir()
        (folder / "pets/4/pets.tflite").write_bytes(MODEL)
        repository.refresh(find_models(folder))
        follows(lambda: set(count(repository)) == {"4"})
        assert answers(repository, "canary") == "4"


def test_a_version_that_was_never_here_leaves_its_share_to_those_that_are(folder: Path) -> None:
    with serving(folder) as repository:
        follows(lambda: available(repository) == {"3"})
        repository.roll_out({"pets": Rollout(weights={"1": 75, "4": 25}, labels={"next": "4"})})
        follows(lambda: set(count(repository)) == {"1"})


def test_a_label_of_what_was_never_here_does_not_keep_a_rollout_from_going_back(
    folder: Path,
) -> None:
    with serving(folder) as repository:
        follows(lambda: available(repository) == {"3"})
        first = Rollout(weights={"1": 50, "2": 50}, labels={"old": "4"})
        repository.roll_out(None)
        repository.roll_out({"pets": first})  # as at the start of a replica
        follows(lambda: available(repository) == {"1", "2", "3"})
        assert set(count(repository)) == {"1", "2"}
        repository.roll_out({"pets": first.roll_back()})
        follows(lambda: set(count(repository)) == {"1"})


def test_a_version_that_comes_back_gets_its_share_again(folder: Path) -> None:
    with serving(folder) as repository:
        with repository.prepared("pets", HALVES, 30):
            repository.roll_out({"pets": HALVES})
        (folder / "pets/2").rename(folder / "elsewhere")
        repository.refresh([it for it in find_models(folder) if it.model == "pets"])
        follows(lambda: set(count(repository)) == {"1"})
        (folder / "elsewhere").rename(folder / "pets/2")
        repository.refresh(find_models(folder))
        follows(lambda: set(count(repository)) == {"1", "2"})
        assert not repository.warnings()


def test_a_version_that_goes_leaves_its_share_to_the_others(folder: Path) -> None:
    with serving(folder) as repository:
        with repository.prepared("pets", HALVES, 30):
            repository.roll_out({"pets": HALVES})
        (folder / "pets/2/pets.tflite").unlink()
        (folder / "pets/2").rmdir()
        repository.refresh(find_models(folder))
        follows(lambda: available(repository) == {"1", "3"})
        assert set(count(repository)) == {"1"}
        # It is there until it is unloaded.
        gone = "names version 2, which is not there"
        follows(lambda: gone in " ".join(repository.warnings()))
        repository.roll_out({"pets": Rollout(weights={"2": 100})})
        with pytest.raises(ModelFailed, match="its rollout shares out 2"):
            answers(repository)


def test_a_version_that_is_unloaded_leaves_its_share_to_the_others(folder: Path) -> None:
    with serving(folder) as repository:
        with repository.prepared("pets", HALVES, 30):
            repository.roll_out({"pets": HALVES})
        repository.unload("pets", "1")
        assert set(count(repository)) == {"2"}
        repository.unload("pets", "2")
        with pytest.raises(ModelFailed, match="pets"):
            answers(repository)


def test_a_version_that_is_not_there_or_fails_is_refused(folder: Path) -> None:
    (folder / "pets/2/pets.tflite").write_bytes(b"no model")
    with serving(folder) as repository:
        nine = Rollout(weights={"1": 50, "9": 50})
        with (
            pytest.raises(InvalidRollout, match="its versions 3, 2, 1, got 9"),
            repository.prepared("pets", nine, 30),
        ):
            pass
        with (
            pytest.raises(InvalidRollout, match="version 2: "),
            repository.prepared("pets", HALVES, 30),
        ):
            pass
        with pytest.raises(ModelNotFound), repository.prepared("birds", HALVES, 30):
            pass
        follows(lambda: available(repository) == {"3"})


def test_a_shadow_of_another_task_is_refused(folder: Path) -> None:
    (folder / "pets/2/card.yaml").write_text("{model: {path: pets.tflite}, task: tensor}")
    with serving(folder) as repository:
        shadow = Shadow(version="2", percent=5)
        with (
            pytest.raises(InvalidRollout, match="of the versions that answer: classify, got tens"),
            repository.prepared("pets", Rollout(weights={"1": 100}, shadow=shadow), 30),
        ):
            pass
        same = Shadow(version="3", percent=5)
        with repository.prepared("pets", Rollout(weights={"1": 100}, shadow=same), 30):
            pass


def test_versions_of_two_tasks_share_no_requests(folder: Path) -> None:
    card = "{model: {path: pets.tflite}, task: tensor}"
    (folder / "pets/2/card.yaml").write_text(card)
    with (
        serving(folder) as repository,
        pytest.raises(InvalidRollout, match="got classify of version 1, tensor of version 2"),
        repository.prepared("pets", HALVES, 30),
    ):
        pass


def test_those_of_a_file_are_warned_of(folder: Path) -> None:
    (folder / "pets/2/card.yaml").write_text("{model: {path: pets.tflite}, task: tensor}")
    with serving(folder) as repository:
        repository.roll_out({"pets": HALVES})
        follows(lambda: available(repository) >= {"1", "2"})
        (warning,) = repository.warnings()
        assert "the rollout of pets makes requests fail: versions that share" in warning


def test_two_rollouts_that_are_prepared_at_once_hold_each_their_own(folder: Path) -> None:
    (folder / "birds.tflite").write_bytes(MODEL)
    policy = VersionPolicy(specific={"birds": frozenset()})
    with serving(folder, policy=policy) as repository, repository.prepared("pets", HALVES, 30):
        with repository.prepared("pets", Rollout(weights={"2": 100}), 30):
            pass
        # What is not wanted any more is unloaded before anything is loaded.
        assert repository.load("birds").state is State.AVAILABLE
        assert available(repository) == {"1", "2", "3"}


def test_a_rollout_waits_for_a_version_that_was_unloaded_before(folder: Path) -> None:
    """Another replica has prepared it: here its version has yet to be loaded again."""
    opened, open_slowly = hold_openings()
    two = {"pets": Rollout(weights={"2": 100})}
    with serving(folder, open_engine=open_slowly) as repository:
        repository.roll_out({"pets": Rollout(weights={"1": 100})})
        follows(lambda: set(count(repository)) == {"1"})
        repository.roll_out(two)
        follows(lambda: available(repository) == {"2", "3"})
        opened.clear()
        repository.roll_out({"pets": Rollout(weights={"1": 100})})
        assert set(count(repository)) == {"2"}
        opened.set()
        follows(lambda: set(count(repository)) == {"1"})


def test_what_an_operator_has_unloaded_is_no_version_of_a_rollout(folder: Path) -> None:
    with serving(folder) as repository:
        repository.unload("pets", "2")
        with (
            pytest.raises(InvalidRollout, match="version 2: it is END"),
            repository.prepared("pets", HALVES, 30),
        ):
            pass


def test_nothing_is_guessed_while_the_rollouts_are_not_known(folder: Path) -> None:
    with serving(folder) as repository:
        repository.roll_out(None)
        assert not repository.ready
        with pytest.raises(ModelNotReady, match="waiting for its rollout"):
            answers(repository)
        assert answers(repository, "3") == "3"
        repository.roll_out({})
        assert repository.ready
        assert answers(repository) == "3"


def test_what_is_described_is_the_version_to_go_back_to(folder: Path) -> None:
    with serving(folder) as repository:
        repository.roll_out({"pets": Rollout(weights={"1": 1, "2": 99})})
        follows(lambda: available(repository) >= {"1", "2"})
        assert {repository.describe("pets").source.version for _ in range(50)} == {"1"}


def test_where_the_version_to_go_back_to_is_gone_another_one_of_the_rollout_is_described(
    folder: Path,
) -> None:
    with serving(folder) as repository:
        repository.roll_out({"pets": HALVES})
        follows(lambda: available(repository) >= {"1", "2"})
        everything = tuple(find_models(folder))
        repository.refresh([it for it in everything if it.version != "1"])
        follows(lambda: there(repository) == {"2", "3"})
        assert set(count(repository)) == {"2"}
        assert not repository.may_answer("pets", "1")
        assert repository.describe("pets").source.version == "2"
        repository.refresh([it for it in everything if it.version == "3"])
        follows(lambda: there(repository) == {"3"})
        with pytest.raises(ModelFailed, match="its rollout shares out 1, 2"):
            answers(repository)
        assert repository.describe("pets").source.version == "3"


def test_the_file_of_rollouts_is_no_model(folder: Path) -> None:
    (folder / "rollouts.yaml").write_text("pets: {weights: {1: 100}}")
    assert {it.model for it in find_models(folder)} == {"pets"}


def test_the_headers_that_choose_a_version_are_known(folder: Path) -> None:
    with serving(folder) as repository:
        assert repository.list_headers() == {"meshlens-version"}
        by_team = Rollout(weights={"1": 50, "2": 50}, key="header:x-team")
        repository.roll_out({"pets": by_team, "birds": HALVES})
        assert repository.list_headers() == {"meshlens-version", "x-team"}


def test_the_header_of_the_rollout_before_counts_until_the_next_begins(folder: Path) -> None:
    opened, open_slowly = hold_openings()
    with serving(folder, open_engine=open_slowly) as repository:
        by_team = Rollout(weights={"2": 50, "3": 50}, key="header:x-team")
        repository.roll_out({"pets": by_team})
        follows(lambda: available(repository) == {"2", "3"})
        opened.clear()
        by_user = Rollout(weights={"1": 50, "3": 50}, key="header:x-user")
        repository.roll_out({"pets": by_user})
        assert repository.list_headers() == {"meshlens-version", "x-team", "x-user"}
        opened.set()
        follows(lambda: repository.list_headers() == {"meshlens-version", "x-user"})
