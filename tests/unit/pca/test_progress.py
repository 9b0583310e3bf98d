"""What a terminal shows of long work."""

import io
import sys
from pathlib import Path

import pytest
from processes import eventually

from meshlens.pca import progress

pytestmark = pytest.mark.slow


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_stage_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.show("computing"):
        eventually(lambda: "computing: 00:0" in terminal.getvalue(), "a clock")


def test_nothing_is_shown_elsewhere_or_of_short_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "table").write_bytes(b"1,2")
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress.show("computing"), (tmp_path / "table").open("rb") as file:
            assert progress.read(file, 3) == b"1,2"
        assert not stream.getvalue().strip("\r ")
