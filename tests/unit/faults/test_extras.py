"""A service's imports are not interrupted, and what is missing is said in one line."""

import gc
from collections.abc import Iterator

import pytest

from meshlens.faults.extras import importing_server

EXTRA = "meshlens-pca[serve]"


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_nothing_is_collected_while_a_service_is_imported() -> None:
    with importing_server(EXTRA):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_imported_is_not_looked_through_again() -> None:
    before = gc.get_freeze_count()
    with importing_server(EXTRA):
        kept = [[number] for number in range(1000)]
    assert gc.get_freeze_count() >= before + len(kept)


def test_a_module_that_is_missing_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    missing = ModuleNotFoundError("No module named 'dapr'", name="dapr")
    with pytest.raises(SystemExit) as ended, importing_server(EXTRA):
        raise missing
    assert ended.value.code == 2
    assert "serving needs meshlens-pca[serve], got no module dapr" in capsys.readouterr().err
    assert gc.isenabled()


def test_a_module_of_the_project_that_is_missing_is_our_fault() -> None:
    missing = ModuleNotFoundError("No module named 'meshlens.pca.serve'", name="meshlens.pca.serve")
    with pytest.raises(ModuleNotFoundError), importing_server(EXTRA):
        raise missing
