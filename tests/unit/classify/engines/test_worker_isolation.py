"""A worker process opens no connection and reads no other process, in whichever thread."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from unit.classify.engines.workers import workers

from meshlens.classify.engines.bounds import NO_BOUNDS
from meshlens.classify.engines.worker_isolation import isolate
from meshlens.classify.engines.worker_process import WorkerProcess
from meshlens.classify.engines.worker_server import WorkerManager

# Isolates itself, though threads run already, and then tries each in a thread of before.
TRY = """
import ctypes, errno, os, queue, socket, sys, threading
from meshlens.classify.engines.worker_isolation import isolate

tasks, answers = queue.Queue(), queue.Queue()

def work():
    for task in iter(tasks.get, None):
        try:
            answers.put(task() or "done")
        except OSError as error:
            answers.put(errno.errorcode[error.errno])

threading.Thread(target=work, daemon=True).start()
ours, theirs = socket.socketpair()
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[2] + "/own")
listening.listen()
assert isolate() == "", isolate()

def read_parent():
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.process_vm_readv(os.getppid(), None, 0, None, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "")

def make_ring():
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.syscall(425, 8, None) < 0:
        raise OSError(ctypes.get_errno(), "")

for task in (
    lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1]))),
    lambda: socket.create_connection(("::1", int(sys.argv[1]))),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    lambda: socket.socket(socket.AF_UNIX).connect(sys.argv[2] + "/other"),
    read_parent,
    make_ring,
    lambda: ours.sendall(b"x"),
    lambda: theirs.recv(1) and None,
    lambda: open(sys.argv[2] + "/file", "w").write("x") and None,
):
    tasks.put(task)
    print(answers.get(timeout=20))
"""
REFUSED, ALLOWED = 7, 3


@pytest.fixture
def process() -> Iterator[WorkerProcess]:
    running = WorkerProcess(WorkerManager, (1, NO_BOUNDS), "LiteRT")
    yield running
    running.end()


def test_what_it_tries_is_refused_and_what_it_needs_is_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as other:
        other.bind(f"{tmp_path}/other")
        other.listen()
        tried = subprocess.run(
            [sys.executable, "-c", TRY, str(server.getsockname()[1]), str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    assert tried.stdout.split() == ["EACCES"] * REFUSED + ["done"] * ALLOWED


def test_each_thread_of_a_worker_is_isolated(process: WorkerProcess) -> None:
    assert not process.ended
    (worker,) = workers()
    for status in Path(f"/proc/{worker.pid}/task").glob("*/status"):
        lines = status.read_text().splitlines()
        assert "NoNewPrivs:\t1" in lines
        assert "Seccomp:\t2" in lines


def test_a_worker_does_not_know_the_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_API_TOKEN", "swordfish")
    monkeypatch.setenv("DAPR_API_TOKEN", "swordfish")
    process = WorkerProcess(WorkerManager, (1, NO_BOUNDS), "LiteRT")
    try:
        (worker,) = workers()
        assert "swordfish" not in str(psutil.Process(worker.pid).environ())
    finally:
        process.end()


def test_a_machine_without_the_filter_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    before = read_filters()
    assert isolate() == "no filter is known for linux on riscv64"
    assert read_filters() == before


def read_filters() -> list[str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return [line for line in lines if line.startswith(("Seccomp", "NoNewPrivs"))]
