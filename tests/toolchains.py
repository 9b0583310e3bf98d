"""The programs of tests/clients in Go, Node and Java, and grpcurl, each as locked there.

What is fetched and built stays in the user's cache, in a folder named by a digest of all that it is
made from. The stubs are made by the lines of docs/clients.md.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from documents import ROOT, block
from installed import need

CLIENTS = ROOT / "tests/clients"
PAGE = "docs/clients.md"
_SOURCE = ROOT / "libs/daprkit/src"
_WIRE = sorted((_SOURCE / "meshlens/protocols/wire").glob("*.proto"))
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshlens"
_FETCHING_SECONDS = 600


def make_go() -> Path:
    """Return a folder with the binaries `caller`, the client, and `page`, that of the document."""
    go = need("go", "https://go.dev/dl, version 1.26.6 or newer")
    lines, page = block(PAGE, "protoc -I"), block(PAGE, "package main")
    files = sorted((CLIENTS / "go").iterdir())

    def make(folder: Path) -> None:
        for path in files:
            shutil.copy(path, folder)
        (folder / "page").mkdir()
        (folder / "page/main.go").write_text(page)
        programs = folder / "bin"
        programs.mkdir()
        # The compiler of the locked environment stands for an installed one.
        compiler = programs / "protoc"
        compiler.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m grpc_tools.protoc "$@"\n')
        compiler.chmod(0o755)
        run(
            [go, "install", "tool"], folder, env={"GOBIN": str(programs)}, seconds=_FETCHING_SECONDS
        )
        _run_lines(lines, folder, path=programs)
        build: list[str | Path] = [go, "build", "-trimpath", "-o", programs, ".", "./page"]
        run(build, folder, seconds=_FETCHING_SECONDS)

    return _keep("go", [*files, *_WIRE], [lines, page], make) / "bin"


def make_grpcurl() -> Path:
    """Return the folder of `grpcurl`."""
    go = need("go", "https://go.dev/dl, version 1.26.6 or newer")
    files = [CLIENTS / "grpcurl" / name for name in ("go.mod", "go.sum")]

    def make(folder: Path) -> None:
        for path in files:
            shutil.copy(path, folder)
        run(
            [go, "install", "-trimpath", "tool"],
            folder,
            env={"GOBIN": str(folder / "bin")},
            seconds=_FETCHING_SECONDS,
        )

    return _keep("grpcurl", files, [], make) / "bin"


def make_node() -> Path:
    """Return a folder with node_modules."""
    npm = need("npm", "apt-get install npm")
    files = [CLIENTS / "node" / name for name in ("package.json", "package-lock.json")]

    def make(folder: Path) -> None:
        for path in files:
            shutil.copy(path, folder)
        run([npm, "ci", "--silent"], folder, seconds=_FETCHING_SECONDS)

    return _keep("node", files, [], make)


def make_java() -> str:
    """Return the class path of the client, `Caller`, and that of the document, `Digits`."""
    need("javac", "apt-get install default-jdk-headless")
    need("mvn", "apt-get install maven")
    lines, page = block(PAGE, "mvn -q"), block(PAGE, "public class Digits")
    pom, client = (CLIENTS / "java" / name for name in ("pom.xml", "Caller.java"))

    def make(folder: Path) -> None:
        shutil.copy(pom, folder)
        sources = folder / "src/main/java"
        sources.mkdir(parents=True)
        shutil.copy(client, sources)
        (sources / "Digits.java").write_text(page)
        _run_lines(lines, folder)

    target = _keep("java", [pom, client, *_WIRE], [lines, page], make) / "target"
    return f"{target / 'classes'}:{target / 'dependency'}/*"


def run_json(command: Sequence[str | Path], data: object, env: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Return what a program prints that reads JSON and writes JSON."""
    return json.loads(run(command, ROOT, env=env, stdin=json.dumps(data)))


def run(
    command: Sequence[str | Path],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    seconds: float = 100,
) -> str:
    """Return what a program prints.

    Args:
        command: that starts it.
        folder: where it runs.
        env: of it, beside that of this process.
        stdin: what it reads.
        seconds: how long it may take.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _run_lines(lines: str, folder: Path, path: Path | None = None) -> None:
    """Run lines of a document whose reader has a clone in their home, with programs of `path`."""
    env = {} if path is None else {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    command = ["/usr/bin/env", "bash", "-euo", "pipefail", "-c"]
    run(
        [*command, lines.replace("~/meshlens", str(ROOT))],
        folder,
        env=env,
        seconds=_FETCHING_SECONDS,
    )


def _keep(
    name: str, files: Iterable[Path], texts: Iterable[str], make: Callable[[Path], None]
) -> Path:
    """Return the folder made from these, which stays."""
    contents = [*(path.read_bytes() for path in files), *(text.encode() for text in texts)]
    digest = hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in contents))
    folder = _CACHE / f"clients-{name}-{digest.hexdigest()[:8]}"
    if not folder.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as temporary:
            part = Path(temporary) / name
            part.mkdir()
            make(part)
            part.rename(folder)
    return folder
