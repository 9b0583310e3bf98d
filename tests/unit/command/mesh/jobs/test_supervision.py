import os
import signal
import sys
from pathlib import Path

import pytest
from processes import eventually

from meshlens.command.mesh.jobs.supervision import Program, Supervisor

SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    programs = [Program(name, SLEEPER, os.environ) for name in ("one", "two")]
    return Supervisor(tmp_path, tmp_path / "logs", programs)


def test_a_program_that_ends_is_started_again(supervisor: Supervisor) -> None:
    supervisor.start()
    try:
        first, other = supervisor.pid("one"), supervisor.pid("two")
        eventually(lambda: supervisor.log("one") == "up\n", "it has begun")
        os.kill(first, signal.SIGKILL)
        eventually(lambda: supervisor.pid("one") != first, "it is started again")
        eventually(lambda: supervisor.log("one") == "up\nup\n", "it has begun again")
        assert supervisor.pid("two") == other
    finally:
        supervisor.close()


def test_all_programs_end_with_it(supervisor: Supervisor) -> None:
    supervisor.start()
    pids = [supervisor.pid(name) for name in ("one", "two")]
    supervisor.close()
    assert not any(map(runs, pids))


def test_one_that_was_never_started_can_be_closed(supervisor: Supervisor) -> None:
    supervisor.close()
    assert supervisor.log("one") == ""
