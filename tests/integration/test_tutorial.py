"""The tutorial works as written: its commands run unchanged and print what it shows."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from installed import need, need_module
from mesh import ROOT
from processes import eventually

TUTORIAL = ROOT / "docs" / "tutorial.md"
MODELS = ROOT / "out" / "models"
PATIENCE = 120
SHELL = ("/usr/bin/env", "bash", "-euo", "pipefail", "-c")
_BLOCK = re.compile(r"^```(sh|text) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?")


@dataclass
class Terminals:
    """Runs blocks of commands: one after another, or in separate terminals."""

    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, commands: str) -> str:
        """Run commands to completion and return their output."""
        done = subprocess.run(
            [*SHELL, commands],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            timeout=PATIENCE,
            check=True,
        )
        return done.stdout.decode()

    def start(self, terminal: str, commands: str) -> None:
        """Run commands in a terminal whose previous commands must have ended."""
        if terminal in self.running:
            assert self.running[terminal].wait(PATIENCE) == 0, self.printed(terminal)
        with self.log(terminal).open("wb") as log:
            self.running[terminal] = subprocess.Popen(
                [*SHELL, commands],
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(self.folder)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def printed(self, terminal: str) -> str:
        return self.log(terminal).read_text(errors="replace")

    def log(self, terminal: str) -> Path:
        return self.folder / f"{terminal}.log"


@contextmanager
def terminals(folder: Path) -> Iterator[Terminals]:
    """Terminals whose processes all end afterwards."""
    all_of_them = Terminals(folder)
    try:
        yield all_of_them
    finally:
        started = [
            process
            for shell in all_of_them.running.values()
            if shell.poll() is None
            for process in (psutil.Process(shell.pid), *psutil.Process(shell.pid).children(True))  # noqa: FBT003 - the name of the argument says nothing more
        ]
        for process in started:
            if process.is_running():
                process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(started, 20)
        for process in left:
            process.kill()
        for shell in all_of_them.running.values():
            shell.wait()


def shows(expected: str, printed: str) -> bool:
    """Whether the output contains the expected text, with about the same numbers."""
    parts = _NUMBER.split(expected.strip())
    pattern = _NUMBER.pattern.join(f"({re.escape(part)})" for part in parts)
    numbers = [float(number) for number in _NUMBER.findall(expected)]
    return any(
        [float(number) for number in _NUMBER.findall(match[0])]
        == pytest.approx(numbers, rel=0.05, abs=0.01)
        for match in re.finditer(pattern, printed)
    )


@pytest.mark.timeout(600)
def test_the_tutorial_shows_what_it_says(tmp_path: Path) -> None:
    need("curl", "apt-get install curl")
    need_module("tensorflow", "uv sync --group train")
    shutil.rmtree(MODELS, ignore_errors=True)
    tutorial = TUTORIAL.read_text()
    blocks = _BLOCK.findall(tutorial)
    assert 2 * len(blocks) == tutorial.count("```") > 0
    printed, current = "", ""
    with terminals(tmp_path) as shells:
        for kind, terminal, text in blocks:
            if kind == "sh":
                current = terminal
                if terminal:
                    shells.start(terminal, text)
                else:
                    printed = shells.run(text)
            elif where := terminal or current:

                def is_printed(where: str = where, text: str = text) -> bool:
                    if re.search("is not available|must be free", shells.printed(where)):
                        pytest.skip("another program holds one of the ports of the tutorial")
                    return shows(text, shells.printed(where))

                try:
                    eventually(is_printed, text, within=PATIENCE)
                except TimeoutError:
                    pytest.fail(f"expected {text}, got {shells.printed(where)}")
            else:
                assert shows(text, printed), printed


def test_the_tutorials_table_is_what_its_program_draws(tmp_path: Path) -> None:
    folder = ROOT / "examples" / "tutorial"
    drawn = tmp_path / "cadence.csv"
    subprocess.run([sys.executable, folder / "make_cadence.py", drawn], check=True)
    assert drawn.read_bytes() == (folder / "cadence.csv").read_bytes()


@pytest.mark.parametrize("printed", ["version 2: p = 0.58", "version 1: p = 0.7", "version 1"])
def test_what_the_tutorial_does_not_say_is_noticed(printed: str) -> None:
    assert shows("version 1: p = 0.58", "first\nversion 1: p = 0.581 or so")
    assert not shows("version 1: p = 0.58", printed)
