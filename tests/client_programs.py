"""Runs the programs of tests/clients, each in an environment of its own.

The packages of clients cannot be installed with the project's, nor with each other.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from installed import skip

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = ROOT / "tests/clients"
MakeCall = Callable[[Mapping[str, Any]], Any]


def run_client(script: str, *arguments: str, stdin: bytes = b"", seconds: float = 100) -> Any:  # noqa: ANN401 - JSON
    """Return what a program prints, as JSON; skip without uv, or where its packages are not.

    Args:
        script: its name, without its ending; the lock beside it says which packages it gets.
        arguments: of the program.
        stdin: what it reads.
        seconds: how long it may take, once its packages are there.
    """
    return json.loads(_run(CLIENTS / f"{script}.py", *arguments, stdin=stdin, seconds=seconds))


@contextmanager
def open_client(script: str) -> Iterator[MakeCall]:
    """Run a program with `--calls` for as long as a block; yield what makes one of `clients.calls`.

    Its process costs more than a call, so that all calls of a client have one.
    """
    command, env = prepare(CLIENTS / f"{script}.py"), _share_messages()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [*command, "--calls"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
        ) as program,
    ):
        calls, answers = program.stdin, program.stdout
        assert calls is not None
        assert answers is not None

        def call(line: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
            calls.write(json.dumps(line).encode() + b"\n")
            calls.flush()
            answer = answers.readline()
            if not answer:
                errors.seek(0)
                raise AssertionError(errors.read().decode())
            return json.loads(answer)

        yield call
        calls.close()
        assert program.wait(20) == 0


def run_text(program: str, like: str, folder: Path) -> str:
    """Return what the text of a program prints, which runs in the root of the repository.

    Args:
        program: the text.
        like: the script whose packages it gets.
        folder: where to put it.
    """
    path = folder / "program.py"
    head, _, _ = (CLIENTS / f"{like}.py").read_text().partition('"""')
    path.write_text(head + program)
    shutil.copy(CLIENTS / f"{like}.py.lock", folder / "program.py.lock")
    return _run(path, stdin=b"", seconds=100).decode()


def packages_of(script: str, python: str) -> Path:
    """Return the folder of a program's packages, as Python imports them.

    Args:
        script: the program's name, without its ending.
        python: the version of Python that is to import them.
    """
    environment = _environment(script, "--python", python)
    return environment / "lib" / f"python{python}" / "site-packages"


def programs_of(script: str) -> Path:
    """Return the folder of Python and of the commands that come with a program's packages."""
    return _environment(script) / "bin"


def _environment(script: str, *options: str) -> Path:
    path = CLIENTS / f"{script}.py"
    find = [_install(path, *options), "python", "find", "--script", str(path)]
    found = subprocess.run(find, capture_output=True, text=True, check=True)
    return Path(found.stdout.strip()).parent.parent


def prepare(path: Path) -> list[str]:
    """Make the environment of a program; return the command that runs it.

    Without uv, or where its packages are not, the test is skipped.
    """
    return [_install(path), "run", "--frozen", "--quiet", "--script", str(path)]


def _install(path: Path, *options: str) -> str:
    """Install a program's packages and return the path of uv."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        skip("uv is missing: run the tests by make")
    prepared = subprocess.run(
        [uv, "sync", "--frozen", "--quiet", "--script", str(path), *options],
        capture_output=True,
        check=False,
        timeout=600,
    )
    if b"Failed to fetch" in prepared.stderr or b"error sending request" in prepared.stderr:
        skip(f"no package registry can be reached:\n{prepared.stderr.decode()}")
    assert prepared.returncode == 0, prepared.stderr.decode()
    return uv


def _run(path: Path, *arguments: str, stdin: bytes, seconds: float) -> bytes:
    command = prepare(path)
    done = subprocess.run(
        [*command, *arguments],
        env=_share_messages(),
        input=stdin,
        capture_output=True,
        check=False,
        timeout=seconds,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _share_messages() -> dict[str, str]:
    """Return the environment of a program, which shares the messages with our service."""
    env = {key: value for key, value in os.environ.items() if key != "APP_PORT"}
    return env | {"PYTHONPATH": str(ROOT / "libs/daprkit/src")}
