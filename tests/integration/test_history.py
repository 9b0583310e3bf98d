"""Whatever fails: what is answered has its event, once, and no other event is there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from history.faults import FAULTS, Fault
from history.mutants import MUTANTS, Mutant
from history.runs import run_fault
from history.stage import Stage
from installed import need

# For longer runs: make soak SOAK=20.
SOAK = int(os.environ.get("SOAK", "20"))
SEED = 1
# Those that need no outage.
QUICK = ("an event is dropped", "an id is used again")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    need("redis-server", "apt-get install redis-server")
    with Stage(tmp_path_factory.mktemp("history")) as running:
        yield running


@pytest.fixture
def mutated(stage: Stage, mutant: Mutant, tmp_path: Path) -> Iterator[Stage]:
    stage.restart("pca", PYTHONPATH=str(mutant.make(tmp_path)))
    yield stage
    stage.restart("pca", PYTHONPATH="")


def check_machine(stage: Stage, fault: Fault) -> None:
    lacks = fault.lacks(stage)
    if lacks and os.environ.get("CI"):
        pytest.fail(lacks)
    if lacks:
        pytest.skip(lacks)


def keep_promises(stage: Stage, fault: Fault, seed: int) -> None:
    check_machine(stage, fault)
    report = run_fault(stage, fault, seed)
    assert not report.verdict.broken, report.describe()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda it: it.name)
def test_nothing_is_lost_invented_or_doubled(stage: Stage, fault: Fault) -> None:
    keep_promises(stage, fault, SEED)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(SEED + 1, SEED + SOAK))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda it: it.name)
def test_nothing_is_lost_invented_or_doubled_in_many_runs(
    stage: Stage, fault: Fault, seed: int
) -> None:
    keep_promises(stage, fault, seed)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(it, id=it.name, marks=() if it.name in QUICK else pytest.mark.soak)
        for it in MUTANTS
    ],
)
def test_a_service_that_breaks_a_promise_is_found_out(mutated: Stage, mutant: Mutant) -> None:
    (fault,) = (it for it in FAULTS if it.name == mutant.fault)
    check_machine(mutated, fault)
    report = run_fault(mutated, fault, SEED)
    assert mutant.found in report.verdict.broken, report.describe()
