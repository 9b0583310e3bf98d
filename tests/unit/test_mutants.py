"""Each mutant is a patch of what the sources are now."""

from pathlib import Path

import pytest
from history.checker import CLASSES
from history.faults import FAULTS
from history.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda it: it.name)
def test_a_mutant_can_be_made_and_has_a_fault_that_shows_it(mutant: Mutant, tmp_path: Path) -> None:
    module = mutant.make(tmp_path) / "meshlens/daprkit" / mutant.module
    compile(module.read_text(), str(module), "exec")
    assert mutant.fault in {it.name for it in FAULTS}
    assert mutant.found in CLASSES


def test_every_class_of_the_check_has_a_mutant() -> None:
    assert {it.found for it in MUTANTS} == {*CLASSES}
