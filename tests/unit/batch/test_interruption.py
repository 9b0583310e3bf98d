import os
import signal
import subprocess
import sys

import pytest

from meshlens.batch.errors import Cancelled
from meshlens.batch.interruption import Interruption

# A job in which one part takes for ever.
ENDLESS = """
import os, signal, threading
from meshlens.batch import interruption

interruption._PATIENCE = {patience}
with interruption.Interruption(lambda: print("what is done is kept", flush=True)):
    for _ in range({times}):
        os.kill(os.getpid(), signal.{signal})
    threading.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_looks_for_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    ends: list[str] = []
    interruption = Interruption(lambda: ends.append("end"))

    def work() -> None:
        with interruption:
            interruption.go_on()
            os.kill(os.getpid(), number)
            interruption.go_on()

    with pytest.raises(Cancelled, match=f"got {number.name}"):
        work()
    assert interruption.exit_code == 128 + number
    assert signal.getsignal(number) is before
    assert ends == ["end"]


def test_without_a_signal_nothing_ends() -> None:
    ends: list[str] = []
    with Interruption(lambda: ends.append("end")) as interruption:
        interruption.go_on()
    assert ends == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("times", "patience"), [(1, 0.7), (2, 3600)])
def test_a_signal_ends_the_process_if_nothing_looks_for_it_and_a_second_one_at_once(
    number: signal.Signals, times: int, patience: float
) -> None:
    program = ENDLESS.format(signal=number.name, times=times, patience=patience)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (128 + number, "what is done is kept\n")
    assert done.stderr == ""
