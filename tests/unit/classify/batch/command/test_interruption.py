import os
import signal
import subprocess
import sys

import pytest

from meshlens.batch.errors import Cancelled
from meshlens.classify.batch.command.interruption import Interruption

# A job in which one picture takes for ever.
ENDLESS = """
import os, signal, threading
from meshlens.classify.batch.command.interruption import Interruption

with Interruption(lambda: print("what is done is kept", flush=True)):
    os.kill(os.getpid(), signal.{signal})
    threading.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_looks_for_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    ends: list[str] = []
    with Interruption(lambda: ends.append("end")) as interruption:
        interruption.go_on()
        os.kill(os.getpid(), number)
        with pytest.raises(Cancelled):
            interruption.go_on()
    assert interruption.exit_code == 128 + number
    assert signal.getsignal(number) is before
    assert ends == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_if_nothing_looks_for_it(number: signal.Signals) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS.format(signal=number.name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (128 + number, "what is done is kept\n")
    assert done.stderr == ""
