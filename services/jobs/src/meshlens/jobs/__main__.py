"""Serves in the mesh, or is a further worker beside the app.

APP_PORT=50051 python -m meshlens.jobs
python -m meshlens.jobs worker 4711  # the process id of the app
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module

from meshlens.faults.extras import importing_server

# A part has a thread of its own; those of BLAS would only compete. Libraries read this when they
# are imported, and the worker inherits it.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> int:
    """Serve or work until SIGTERM; return the exit code."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    match sys.argv[1:]:
        case []:
            return _run("meshlens.jobs.server", "serve")
        case ["worker", parent] if parent.isdecimal():
            return _run("meshlens.jobs.processes.beside", "work", int(parent))
        case _:
            print("usage: python -m meshlens.jobs [worker PID]", file=sys.stderr)
            return 2


def _run(module: str, name: str, *arguments: int) -> int:
    """Import a function and call it: what it imports is an extra, and reads the environment."""
    with importing_server("meshlens-jobs[serve]"):
        function: Callable[..., int] = getattr(import_module(module), name)
    return function(*arguments)


if __name__ == "__main__":
    sys.exit(main())
