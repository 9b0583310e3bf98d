"""The lifecycle's decisions: which snapshots lead to which action."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from meshlens.classify.serving.policy import Mode, Rules, next_action
from meshlens.classify.serving.stages import LOADING, Stage
from meshlens.classify.serving.steps import (
    Action,
    Admit,
    Close,
    Evict,
    Forget,
    Key,
    Load,
    Refuse,
    Snapshot,
    Unload,
    WaitUntil,
)
from meshlens.classify.serving.version_policy import VersionPolicy, parse_policy

NOW = 100.0
SIZE = 10


def key(name: str) -> Key:
    model, _, version = name.partition("@")
    return Key(model, version)


def be(name: str, stage: Stage, **facts: Any) -> Snapshot:  # noqa: ANN401 - any field of a snapshot
    """A version such as a@1 in a stage, of 10 bytes once they are fetched."""
    size = 0 if stage in (Stage.START, Stage.FETCHING, Stage.END) else SIZE
    return Snapshot(key(name), stage, **{"size": size, **facts})


def act(
    *versions: Snapshot,
    policy: str = "latest",
    labels: str = "",
    **rules: Any,  # noqa: ANN401 - any field of the rules
) -> Action | None:
    return next_action(versions, Rules(parse_policy(policy, labels), **rules), NOW)


@pytest.mark.parametrize(
    ("versions", "rules", "expected"),
    [
        pytest.param([], {}, None, id="no versions"),
        pytest.param([be("a@1", Stage.START)], {}, Load(key("a@1")), id="wanted"),
        pytest.param([be("a@1", Stage.AVAILABLE)], {}, None, id="all is loaded"),
        pytest.param(
            [be("a@1", Stage.START)], {"mode": Mode.STOPPED}, None, id="nothing after stop"
        ),
        pytest.param(
            [be("a@1", Stage.START)], {"mode": Mode.ON_CALL}, None, id="nobody has called"
        ),
        pytest.param(
            [be("b@1", Stage.START, override=True), be("a@1", Stage.START)],
            {"mode": Mode.ON_CALL},
            Load(key("b@1")),
            id="the operator has called",
        ),
        # Which versions
        pytest.param(
            [be("a@2", Stage.START), be("a@10", Stage.START)], {}, Load(key("a@10")), id="latest"
        ),
        pytest.param(
            [be("a@3", Stage.AVAILABLE), be("a@2", Stage.START), be("a@1", Stage.START)],
            {"policy": "latest:2"},
            Load(key("a@2")),
            id="latest two",
        ),
        pytest.param(
            [be("a@2", Stage.AVAILABLE), be("a@1", Stage.START)],
            {"policy": "all"},
            Load(key("a@1")),
            id="all",
        ),
        pytest.param(
            [be("a@2", Stage.START), be("a@1", Stage.START)],
            {"policy": "a@1"},
            Load(key("a@1")),
            id="pinned",
        ),
        pytest.param(
            [be("a@2", Stage.AVAILABLE), be("a@1", Stage.START)],
            {"labels": "a@stable=1"},
            Load(key("a@1")),
            id="labelled",
        ),
        pytest.param(
            [be("a@2", Stage.AVAILABLE), be("a@1", Stage.START, override=True)],
            {},
            Load(key("a@1")),
            id="loaded by the operator",
        ),
        pytest.param(
            [be("a@1", Stage.END, override=False)], {}, None, id="unloaded by the operator"
        ),
        pytest.param(
            [be("a@1", Stage.END)], {}, Load(key("a@1")), id="wanted again after it was retired"
        ),
        # Order
        pytest.param(
            [be("a@1", Stage.START), be("b@1", Stage.START)],
            {"default": "b"},
            Load(key("b@1")),
            id="the default model first",
        ),
        pytest.param(
            [be("a@1", Stage.FETCHING), be("b@1", Stage.START)], {}, None, id="one load at a time"
        ),
        pytest.param(
            [be("a@1", Stage.END, evicted=True, wished=1.0), be("b@1", Stage.START)],
            {},
            Load(key("b@1")),
            id="what never served before what comes back",
        ),
        pytest.param(
            [
                be("a@1", Stage.END, evicted=True, wished=2.0),
                be("b@1", Stage.END, evicted=True, wished=1.0),
            ],
            {"default": "a"},
            Load(key("b@1")),
            id="what comes back in the order of the requests",
        ),
        # Retries
        pytest.param(
            [be("a@1", Stage.END, failed=True, retry_at=NOW + 5)],
            {},
            WaitUntil(NOW + 5),
            id="back-off",
        ),
        pytest.param(
            [be("a@1", Stage.END, failed=True, retry_at=NOW)], {}, Load(key("a@1")), id="retry"
        ),
        pytest.param(
            [be("a@1", Stage.END, failed=True, retry_at=NOW + 5, override=True, wished=NOW)],
            {},
            Load(key("a@1")),
            id="the operator does not wait for a retry",
        ),
        pytest.param(
            [be("a@1", Stage.END, failed=True, retry_at=NOW, override=True)],
            {"mode": Mode.ON_CALL},
            None,
            id="no retry that nobody has called for",
        ),
        pytest.param(
            [be("a@1", Stage.END, failed=True, retry_at=NOW - 5), be("b@1", Stage.OPENING)],
            {},
            None,
            id="a retry that is due waits for the load before it",
        ),
        pytest.param(
            [be("a@2", Stage.AVAILABLE), be("a@1", Stage.END, failed=True, retry_at=NOW)],
            {},
            None,
            id="no retry of what is not wanted",
        ),
        # Unloading
        pytest.param(
            [be("a@2", Stage.AVAILABLE), be("a@1", Stage.AVAILABLE)],
            {},
            Unload(key("a@1")),
            id="the old version goes once the new one serves",
        ),
        pytest.param(
            [be("a@2", Stage.OPENING), be("a@1", Stage.AVAILABLE)],
            {},
            None,
            id="the old version serves until the new one does",
        ),
        pytest.param(
            [be("a@2", Stage.END, failed=True, retry_at=NOW + 5), be("a@1", Stage.AVAILABLE)],
            {},
            WaitUntil(NOW + 5),
            id="the old version serves if the new one fails",
        ),
        pytest.param(
            [be("a@1", Stage.AVAILABLE, override=False, users=1)],
            {},
            Unload(key("a@1")),
            id="the operator unloads",
        ),
        pytest.param(
            [be("a@1", Stage.START, override=False)],
            {},
            Unload(key("a@1")),
            id="the operator unloads what has not been loaded",
        ),
        pytest.param(
            [be("a@1", Stage.AVAILABLE, gone=True)], {}, Unload(key("a@1")), id="gone: unload"
        ),
        pytest.param([be("a@1", Stage.END, gone=True)], {}, Forget(key("a@1")), id="gone: forget"),
        pytest.param(
            [be("a@2", Stage.AVAILABLE, gone=True), be("a@1", Stage.END)],
            {},
            Load(key("a@1")),
            id="what is gone serves until the one before it does",
        ),
        pytest.param(
            [be("a@1", Stage.AVAILABLE, gone=True, override=True)],
            {},
            Unload(key("a@1")),
            id="gone, whatever the operator wants",
        ),
        pytest.param([be("a@1", Stage.DRAINING, users=1)], {}, None, id="in use: not closed"),
        pytest.param([be("a@1", Stage.DRAINING)], {}, Close(key("a@1")), id="not in use: closed"),
        pytest.param([be("a@1", Stage.CLOSING)], {}, None, id="closed once"),
        pytest.param(
            [be("a@2", Stage.FETCHING), be("b@1", Stage.DRAINING)],
            {},
            Close(key("b@1")),
            id="a load does not keep others from being closed",
        ),
        # The budget
        pytest.param([be("a@1", Stage.FETCHED)], {}, Admit(key("a@1")), id="no budget"),
        pytest.param(
            [be("a@1", Stage.FETCHED), be("b@1", Stage.AVAILABLE)],
            {"budget": 20},
            Admit(key("a@1")),
            id="room for both",
        ),
        pytest.param(
            [be("a@1", Stage.FETCHED)],
            {"budget": 9},
            Refuse(key("a@1"), "the model has 10 bytes, the budget 9; raise MODEL_BUDGET"),
            id="larger than the budget",
        ),
        pytest.param(
            [
                be("a@1", Stage.FETCHED),
                be("b@1", Stage.AVAILABLE, used=2.0),
                be("c@1", Stage.AVAILABLE, used=1.0),
            ],
            {"budget": 20},
            Evict(key("c@1"), for_=key("a@1")),
            id="the one not used for longest makes room",
        ),
        pytest.param(
            [
                be("a@1", Stage.FETCHED),
                be("b@1", Stage.AVAILABLE, used=2.0),
                be("c@1", Stage.AVAILABLE, used=1.0, users=1),
            ],
            {"budget": 20},
            Evict(key("b@1"), for_=key("a@1")),
            id="what is in use stays if it can",
        ),
        pytest.param(
            [
                be("a@1", Stage.FETCHED),
                be("b@1", Stage.AVAILABLE, used=2.0, users=1),
                be("c@1", Stage.AVAILABLE, used=1.0),
            ],
            {"budget": 20, "default": "c"},
            Evict(key("b@1"), for_=key("a@1")),
            id="the default model goes last",
        ),
        pytest.param(
            [
                be("a@1", Stage.FETCHED),
                be("b@1", Stage.AVAILABLE),
                be("c@1", Stage.DRAINING, users=1),
            ],
            {"budget": 20},
            None,
            id="what is draining leaves room: wait",
        ),
        pytest.param(
            [be("a@1", Stage.FETCHED), be("b@1", Stage.AVAILABLE), be("c@1", Stage.CLOSING)],
            {"budget": 20},
            None,
            id="what is closing leaves room: wait",
        ),
        pytest.param(
            [
                be("a@1", Stage.FETCHED, size=15),
                be("b@1", Stage.AVAILABLE, used=2.0, users=1),
                be("c@1", Stage.DRAINING, used=1.0, users=1),
            ],
            {"budget": 20},
            Evict(key("b@1"), for_=key("a@1")),
            id="what is draining does not leave enough: one more",
        ),
        pytest.param(
            [be("a@1", Stage.END, evicted=True)], {}, None, id="evicted and not requested"
        ),
        pytest.param(
            [be("a@1", Stage.END, evicted=True, wished=1.0)],
            {},
            Load(key("a@1")),
            id="evicted and requested",
        ),
        pytest.param(
            [be("a@2", Stage.AVAILABLE), be("a@1", Stage.END, evicted=True, wished=1.0)],
            {},
            Unload(key("a@1")),
            id="evicted, and not wanted any more",
        ),
        pytest.param(
            [be("a@2", Stage.END, evicted=True), be("a@1", Stage.AVAILABLE, gone=True)],
            {},
            Unload(key("a@1")),
            id="what is gone does not replace what was evicted",
        ),
        pytest.param(
            [be("a@1", Stage.FETCHED, override=False)],
            {},
            Refuse(key("a@1")),
            id="unloaded by the operator while it was fetched",
        ),
        pytest.param(
            [be("a@1", Stage.FETCHED, gone=True), be("b@1", Stage.AVAILABLE)],
            {"budget": 10},
            Refuse(key("a@1")),
            id="nothing is evicted for what is gone",
        ),
        pytest.param(
            [be("a@2", Stage.AVAILABLE), be("a@1", Stage.FETCHED)],
            {"budget": 10},
            Refuse(key("a@1")),
            id="nothing is evicted for what is not wanted any more",
        ),
        pytest.param(
            [be("a@2", Stage.START), be("a@1", Stage.FETCHED)],
            {"budget": 10},
            Admit(key("a@1")),
            id="what is not wanted any more serves meanwhile, if there is room",
        ),
    ],
)
def test_snapshots_lead_to_an_action(
    versions: Sequence[Snapshot], rules: Mapping[str, Any], expected: Action | None
) -> None:
    assert act(*versions, **rules) == expected
    assert act(*reversed(versions), **rules) == expected


@pytest.mark.parametrize("stage", sorted(LOADING))
def test_a_load_in_progress_keeps_other_loads_waiting(stage: Stage) -> None:
    going = be("a@1", stage, size=30)
    waiting = be("b@1", Stage.START), be("c@1", Stage.DRAINING, users=1, size=30)
    assert act(going, *waiting, budget=40) is None


def test_a_model_of_many_versions_is_decided_by_its_own_versions_alone() -> None:
    others = [be(f"b@{number}", Stage.AVAILABLE) for number in range(1, 4)]
    rules = Rules(VersionPolicy(latest=0))
    going = replace(be("a@1", Stage.AVAILABLE), override=False)
    assert next_action([*others, going], rules, NOW) == Unload(key("a@1"))
