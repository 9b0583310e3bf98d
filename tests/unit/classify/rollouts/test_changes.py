"""What calls may do with a rollout whose versions, or whose model, are gone."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import eventually
from unit.classify.fake_engine import FakeEngine
from unit.classify.models import build_model
from unit.classify.state_store import Store

from meshlens.classify.errors import InvalidRollout, ModelNotFound, RolloutsDamaged
from meshlens.classify.rollouts.board import Board
from meshlens.classify.rollouts.calls import RolloutCalls
from meshlens.classify.serving.repository import Repository
from meshlens.classify.storage.folder import find_models
from meshlens.daprkit.messages import Request
from meshlens.daprkit.sidecar.state import Written

MODEL = build_model(None)
SHARED = b'{"weights": {"1": 90, "2": 10}}'


@dataclass
class Replica:
    """A replica that keeps its rollouts in a store."""

    folder: Path
    store: Store
    repository: Repository
    calls: RolloutCalls

    def ask(self, verb: str, body: bytes = b"", model: str = "pets") -> dict[str, Any]:
        request = _request(verb, body, model)
        return dict(json.loads(self.calls.answer(request).body))

    def go_back(self) -> dict[str, Any]:
        return dict(json.loads(self.calls.roll_back(_request("POST", b"", "pets")).body))

    def remove(self, *path: str) -> None:
        shutil.rmtree(self.folder.joinpath(*path))
        self.repository.refresh(find_models(self.folder))

    def knows(self, *versions: str) -> bool:
        shown = self.repository.servables()
        return {it.source.version for it in shown if it.source.model == "pets"} == {*versions}


def _request(verb: str, body: bytes, model: str) -> Request:
    return Request(
        method="rollout",
        verb=verb,
        query={},
        content_type="application/json",
        body=body,
        headers={},
        parameters={"name": model},
    )


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    for path in ("pets/1", "pets/2", "birds/1"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "model.tflite").write_bytes(MODEL)
    scores = np.array([[0.4, 0.6]], np.float32)
    repository = Repository(tmp_path, lambda *_: FakeEngine(scores), default="birds")
    store = Store()
    board = Board(repository.roll_out, store=store)
    repository.start(lambda _: None)
    try:
        eventually(lambda: repository.ready, "the models answer")
        yield Replica(tmp_path, store, repository, RolloutCalls(board, repository))
    finally:
        repository.stop()


def test_nothing_goes_back_to_a_version_whose_files_are_gone(replica: Replica) -> None:
    replica.ask("PUT", SHARED)
    replica.remove("pets", "1")
    eventually(lambda: replica.knows("2"), "version 1 is gone")
    with pytest.raises(InvalidRollout, match="version 1 of pets to go back to"):
        replica.go_back()
    with replica.repository.lease("pets") as servable:
        assert servable.source.version == "2"
    assert replica.ask("GET")["shares"] == {"2": 100}


def test_the_base_without_a_weight_is_shown_where_it_answers_for_others(replica: Replica) -> None:
    replica.ask("PUT", b'{"weights": {"2": 100}, "base": "1"}')
    replica.remove("pets", "2")
    eventually(lambda: replica.knows("1"), "version 2 is gone")
    with replica.repository.lease("pets") as servable:
        assert servable.source.version == "1"
    shown = replica.ask("GET")
    assert (shown["shares"], shown["missing"]) == ({"1": 100}, ["2"])
    assert replica.go_back()["shares"] == {"1": 100}


def test_the_rollout_of_a_model_that_is_gone_can_be_ended(replica: Replica) -> None:
    replica.ask("PUT", SHARED)
    replica.remove("pets")
    eventually(replica.knows, "the model is gone")
    assert replica.ask("GET")["missing"] == ["1", "2"]
    assert "rollout" not in replica.ask("DELETE")
    assert not replica.repository.warnings()
    with pytest.raises(ModelNotFound):
        replica.ask("DELETE")
    with pytest.raises(ModelNotFound):
        replica.ask("GET", model="cats")


def test_a_damaged_store_is_not_taken_for_a_fault_of_the_caller(replica: Replica) -> None:
    replica.store.written = Written(b"{", "9")
    with pytest.raises(RolloutsDamaged, match="remove the value"):
        replica.ask("PUT", SHARED)
    assert replica.store.written.value == b"{"
