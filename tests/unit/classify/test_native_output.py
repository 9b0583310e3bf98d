"""What native code writes to standard error, in a log of JSON lines."""

import json
import subprocess
import sys

PROGRAM = """
import logging, os, threading
from daprkit.telemetry import configure_logs
from classify.engines.native_output import native_output_logged

configure_logs("test", "DEBUG")
log = logging.getLogger("own")

def talk():
    for number in range(1000):
        log.info("line %d", number)

with native_output_logged(logging.getLogger("native")):
    talking = threading.Thread(target=talk)
    talking.start()
    os.write(2, b"I0000 native says so\\n\\nand so\\n")
    talking.join()
os.write(2, b"afterwards\\n")
"""


def test_it_is_logged_and_what_others_log_meanwhile_passes() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    *lines, last = done.stderr.splitlines()
    assert last == b"afterwards"
    told = [json.loads(line) for line in lines]
    own = [line["event"] for line in told if line["logger"] == "own"]
    native = [line["event"] for line in told if line["logger"] == "native"]
    assert own == [f"line {number}" for number in range(1000)]
    assert native == ["I0000 native says so", "and so"]


def test_a_closed_standard_error_is_no_fault() -> None:
    program = "import os; os.close(2)\n" + PROGRAM.replace("os.write(2,", "len(")
    subprocess.run([sys.executable, "-c", program], check=True)
