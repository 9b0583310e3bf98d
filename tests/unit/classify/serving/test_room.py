"""What does not fit MODEL_BUDGET together: it is refused, and evicts nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from processes import eventually
from unit.classify.fake_engine import FakeEngine
from unit.classify.models import build_model

from meshlens.classify.errors import InvalidRollout, ModelFailed, ModelNotFound
from meshlens.classify.rollouts.board import Board
from meshlens.classify.rollouts.calls import RolloutCalls
from meshlens.classify.rollouts.documents import FILE
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import Rollout, Shadow
from meshlens.classify.serving.version_policy import VersionPolicy
from meshlens.classify.serving.versions import State
from meshlens.classify.storage.folder import find_models

MODEL = build_model(None)
UNIT = len(MODEL)
HALVES = Rollout(weights={"1": 50, "2": 50})
THIRDS = Rollout(weights={"1": 50, "2": 25, "3": 25})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in ("1", "2", "3"):
        (tmp_path / "pets" / number).mkdir(parents=True)
        (tmp_path / "pets" / number / "pets.tflite").write_bytes(MODEL)
    return tmp_path


def make(folder: Path, units: int, policy: VersionPolicy | None = None) -> Repository:
    def pair(*_: object) -> FakeEngine:
        return FakeEngine(np.array([[0.4, 0.6]], np.float32))

    return Repository(folder, pair, budget=units * UNIT, policy=policy)


@contextmanager
def serving(
    folder: Path, units: int, held: Rollout | None = None, policy: VersionPolicy | None = None
) -> Iterator[Repository]:
    """Serve within a budget of so many models, with a rollout from the start."""
    repository = make(folder, units, policy)
    repository.roll_out({"pets": held} if held else {})
    repository.start(lambda _: None)
    try:
        yield repository
    finally:
        repository.stop()


def follows(condition: Callable[[], bool]) -> None:
    eventually(condition, "the repository has followed")


def available(repository: Repository) -> set[str]:
    shown = repository.servables("pets")
    return {it.source.version for it in shown if it.state is State.AVAILABLE}


def answers(repository: Repository, version: str = "") -> str:
    with repository.lease("pets", version) as servable:
        return servable.source.version


@pytest.mark.parametrize(
    "rollout",
    [
        pytest.param(THIRDS, id="weights"),
        pytest.param(Rollout(weights={"1": 50, "2": 50}, labels={"canary": "3"}), id="a label"),
        pytest.param(
            Rollout(weights={"1": 50, "2": 50}, shadow=Shadow(version="3", percent=5)),
            id="a shadow",
        ),
    ],
)
def test_a_rollout_of_more_than_the_budget_is_refused_and_the_former_holds(
    folder: Path, rollout: Rollout
) -> None:
    with serving(folder, 2, HALVES, VersionPolicy(specific={"pets": frozenset("1")})) as repository:
        follows(lambda: available(repository) == {"1", "2"})
        each = ", ".join(f"pets@{number} has {UNIT}" for number in "123")
        with (
            pytest.raises(InvalidRollout) as refused,
            repository.prepared("pets", rollout, 30),
        ):
            pass
        assert f"within MODEL_BUDGET, {2 * UNIT} bytes" in refused.value.expected
        assert refused.value.got == f"{3 * UNIT} bytes ({each})"
        assert "raise MODEL_BUDGET" in refused.value.remedy
        follows(lambda: repository.describe("pets", "3").state is not State.LOADING)
        assert available(repository) == {"1", "2"}
        assert {answers(repository) for _ in range(50)} == {"1", "2"}
        assert repository.evictions == 0
        with pytest.raises(InvalidRollout), repository.prepared("pets", rollout, 0):
            raise AssertionError("what is known already is refused at once")


def test_a_rollout_that_fits_is_not_refused(folder: Path) -> None:
    with serving(folder, 3) as repository, repository.prepared("pets", THIRDS, 30):
        repository.roll_out({"pets": THIRDS})
        assert {answers(repository) for _ in range(400)} == {"1", "2", "3"}
        assert repository.warnings() == []


def test_what_fits_only_without_what_answers_now_is_refused(folder: Path) -> None:
    with serving(folder, 2) as repository:
        follows(lambda: available(repository) == {"3"})
        with (
            repository.lease("pets", "3"),
            pytest.raises(InvalidRollout, match=r"beside what answers now, got version \d, which"),
            repository.prepared("pets", HALVES, 30),
        ):
            pass
        assert answers(repository) == "3"


def test_a_version_that_was_evicted_is_brought_back_for_a_rollout(folder: Path) -> None:
    with serving(folder, 2, policy=VersionPolicy(0)) as repository:
        follows(lambda: repository.evictions == 1 and len(available(repository)) == 2)
        gone, *_ = {"1", "2", "3"} - available(repository)
        one = Rollout(weights={gone: 100})
        with repository.prepared("pets", one, 30):
            repository.roll_out({"pets": one})
            assert answers(repository) == gone


def test_a_rollout_that_is_not_prepared_does_not_take_effect(folder: Path) -> None:
    """As one from the file, or one that another replica has set."""
    with serving(folder, 2) as repository:
        follows(lambda: repository.ready)
        repository.roll_out({"pets": HALVES})
        follows(lambda: {answers(repository) for _ in range(50)} == {"1", "2"})
        labelled = Rollout(weights={"1": 100}, labels={"old": "2", "new": "3"})
        repository.roll_out({"pets": labelled})
        follows(lambda: bool(repository.warnings()))
        (warning,) = repository.warnings()
        assert "the rollout of pets does not take effect" in warning
        assert f"MODEL_BUDGET, {2 * UNIT} bytes, they have {3 * UNIT} bytes" in warning
        assert repository.find_rollout("pets") == HALVES
        follows(lambda: {answers(repository) for _ in range(50)} == {"1", "2"})
        with pytest.raises(ModelNotFound):
            answers(repository, "new")
        repository.roll_out({"pets": Rollout(weights={"1": 100})})
        follows(lambda: {answers(repository) for _ in range(50)} == {"1"})
        assert repository.warnings() == []


def test_nothing_is_guessed_where_a_rollout_never_fitted(folder: Path) -> None:
    with serving(folder, 2, THIRDS) as repository:
        follows(lambda: bool(repository.warnings()))
        follows(lambda: available(repository) == {"3"})
        assert not repository.ready
        assert repository.readiness() == {"": False, "pets": False}
        with pytest.raises(ModelFailed, match=r"does not take effect.*raise MODEL_BUDGET"):
            answers(repository)
        assert answers(repository, "3") == "3"
        assert repository.evictions == 0
        repository.roll_out({"pets": Rollout(weights={"3": 100})})
        assert repository.ready
        assert answers(repository) == "3"


def test_a_smaller_file_makes_it_fit(folder: Path) -> None:
    (folder / "pets/2/pets.tflite").write_bytes(MODEL + bytes(UNIT))
    with serving(folder, 2, HALVES) as repository:
        follows(lambda: bool(repository.warnings()))
        (folder / "pets/2/pets.tflite").write_bytes(MODEL)
        card = folder / "pets/2/card.yaml"
        card.write_text("{model: {path: pets.tflite}}")
        repository.refresh(find_models(folder))
        follows(lambda: available(repository) == {"1", "2"})
        assert {answers(repository) for _ in range(50)} == {"1", "2"}
        assert repository.warnings() == []


def test_a_rollout_of_the_file_that_does_not_fit_shares_out_nothing(folder: Path) -> None:
    (folder / FILE).write_text("pets: {weights: {1: 50, 2: 25, 3: 25}}")
    with serving(folder, 2) as repository:
        board = Board(repository.roll_out, folder=folder)
        calls = RolloutCalls(board, repository)
        board.start()
        try:
            follows(lambda: bool(repository.warnings()))
            described = calls.describe("pets")
            assert (described.source, described.rollout) == ("file", THIRDS)
            assert described.shares == {}
            (folder / "corrected").write_text("pets: {weights: {2: 100}}")
            (folder / "corrected").replace(folder / FILE)
            follows(lambda: calls.describe("pets").shares == {"2": 100})
            assert repository.warnings() == []
        finally:
            board.stop()
