"""Fetches a program of an official Dapr release, where its host can be reached within seconds.

    dapr_release.py HOST PROGRAM VERSION FOLDER

The archive is checked against the SHA-256 that the release publishes beside it. What has arrived of
a download that broke off stays in FOLDER and is continued. Only the standard library is used: this
runs before there is an environment.
"""

import hashlib
import http.client
import os
import platform
import re
import shutil
import sys
import tarfile
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

# The repositories whose releases have the program.
_REPOSITORIES = {"daprd": "dapr/dapr", "dapr": "dapr/cli"}
_ARCHITECTURES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "arm",
}
_REACHED_SECONDS = 4.0
_STALLED_SECONDS = 10.0
_PROGRESS_SECONDS = 5.0
_CHUNK = 1 << 18


class ReleaseError(Exception):
    """The program cannot be had from the release; the message says why."""


def archive_url(host: str, program: str, version: str) -> str:
    """Return the address of the archive for this machine."""
    machine = platform.machine().lower()
    kind = f"{sys.platform}_{_ARCHITECTURES.get(machine, machine)}"
    name = f"{program}_{kind}.tar.gz"
    return f"{host.rstrip('/')}/{_REPOSITORIES[program]}/releases/download/v{version}/{name}"


def published_digest(url: str) -> str:
    """Return the SHA-256 that the file beside an archive holds, in the form of `sha256sum`.

    Raises:
        ReleaseError: the host is not reached within seconds, or has no such release.
    """
    try:
        with urllib.request.urlopen(f"{url}.sha256", timeout=_REACHED_SECONDS) as answer:  # noqa: S310 - the host of the releases, or the user's own
            words = answer.read(1000).decode(errors="replace").split()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ReleaseError(f"{url}.sha256: {error}") from error
    digest = words[0].lower() if words else ""
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ReleaseError(f"{url}.sha256 holds no SHA-256, but {' '.join(words)[:80]!r}")
    return digest


def download(url: str, part: Path) -> None:
    """Fetch a file to `part`, from where an earlier attempt broke off; repeat while it grows.

    Raises:
        ReleaseError: an attempt brought nothing more.
    """
    while True:
        had = part.stat().st_size if part.exists() else 0
        try:
            _continue(url, part, had)
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # nothing is left to fetch; whether it is right, the digest says
            raise ReleaseError(f"{url}: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            if part.exists() and part.stat().st_size > had:
                continue
            raise ReleaseError(f"{url}: {error}") from error
        return


def _continue(url: str, part: Path, had: int) -> None:
    """Fetch what is missing of a file of which `had` bytes are there."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={had}-"} if had else {})  # noqa: S310 - as above
    with urllib.request.urlopen(request, timeout=_STALLED_SECONDS) as answer:  # noqa: S310 - as above
        continued = answer.status == HTTPStatus.PARTIAL_CONTENT
        missing = int(answer.headers.get("Content-Length") or 0)
        got = had if continued else 0
        total = got + missing
        with part.open("ab" if continued else "wb") as file:
            shown = 0.0
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                got += len(chunk)
                if time.monotonic() - shown >= (0.2 if sys.stderr.isatty() else _PROGRESS_SECONDS):
                    shown = time.monotonic()
                    _show(f"{part.stem}: {got >> 20} of {total >> 20} MiB")
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        if missing and got < total:
            raise ConnectionError(f"broke off after {got} of {total} bytes")


def _show(progress: str) -> None:
    """Write progress, over the last one if stderr is a terminal."""
    sys.stderr.write(f"\r\033[K{progress}" if sys.stderr.isatty() else f"{progress}\n")
    sys.stderr.flush()


def fetch(host: str, program: str, version: str, folder: Path) -> Path:
    """Return the program, fetched into `folder`, which is laid out for DAPR_RUNTIME_PATH.

    Raises:
        ReleaseError: it cannot be had from the release.
    """
    url = archive_url(host, program, version)
    expected = published_digest(url)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{Path(url).name}.part"
    download(url, part)
    with part.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        part.unlink()
        raise ReleaseError(
            f"{url} has the SHA-256 {actual}, but {expected} is published beside it; not used"
        )
    try:
        return _unpack(part, program, folder / ".dapr" / "bin" / program)
    finally:
        part.unlink()


def _unpack(archive: Path, program: str, path: Path) -> Path:
    """Move the program out of its archive into place; there is none or a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    complete = path.with_suffix(f".{os.getpid()}")
    try:
        with complete.open("wb") as file, tarfile.open(archive) as packed:
            member = packed.extractfile(program)
            if member is None:
                raise ReleaseError(f"{archive.stem} holds {program}, but not as a file")
            shutil.copyfileobj(member, file)
        complete.chmod(0o755)
        return complete.replace(path)
    except (tarfile.TarError, KeyError) as error:
        raise ReleaseError(f"{archive.stem} holds no {program}: {error}") from error
    finally:
        complete.unlink(missing_ok=True)


def main() -> int:
    """Fetch a program; return 1 if it cannot be had, with the reason on stderr."""
    host, program, version, folder = sys.argv[1:]
    try:
        path = fetch(host, program, version, Path(folder))
    except ReleaseError as error:
        print(f"{program}: not from a release: {error}", file=sys.stderr)
        return 1
    print(f"{program}: release {version}, kept as {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
