"""Calls of an app's methods through a sidecar's HTTP API, with the standard library alone."""

import argparse
import http.client
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

# Longer than the service allows a request.
_SECONDS = 40.0


class CallFailed(Exception):
    """A call was refused, or not answered; its text says why and what to do."""


class App:
    """An app in the mesh.

    Args:
        name: of the app.
        sidecar: URL of any sidecar in the mesh.
        token: the dapr-api-token that the sidecar expects, if any.
    """

    def __init__(self, name: str, sidecar: str, *, token: str = "") -> None:
        self._name = name
        self._sidecar = sidecar
        self._headers = {"dapr-api-token": token} if token else {}

    def call(self, verb: str, *path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """Call a method; return what it answers.

        Args:
            verb: HTTP verb.
            path: the method, and what follows it.
            body: sent as JSON.

        Raises:
            CallFailed: it was refused, or nobody answers.
        """
        url = urlsplit(self._sidecar)
        if url.scheme != "http" or not url.hostname:
            raise CallFailed(
                f"--sidecar must be a URL as http://127.0.0.1:3501, got {self._sidecar!r}"
            )
        connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=_SECONDS)
        method = "/".join(quote(part) for part in path)
        try:
            connection.request(
                verb,
                f"/v1.0/invoke/{self._name}/method/{method}",
                b"" if body is None else json.dumps(body).encode(),
                self._headers,
            )
            answer = connection.getresponse()
            data = answer.read()
        except OSError as error:
            raise CallFailed(
                f"a sidecar must answer at {self._sidecar}, got: {error};"
                " start the mesh (meshlens up, with --jobs for jobs), or name another by --sidecar"
            ) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise CallFailed(_read_message(data) or f"HTTP {answer.status}")
        return data

    def read(self, verb: str, *path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call a method that answers with JSON; return that.

        Raises:
            CallFailed: as `call` does.
        """
        answer: dict[str, Any] = json.loads(self.call(verb, *path, body=body))
        return answer


def add_sidecar(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the option that names a sidecar.

    Args:
        parser: of the command.
        port: of the HTTP API that is called unless the option or the environment names another.
    """
    parser.add_argument(
        "--sidecar",
        default=f"http://127.0.0.1:{os.environ.get('DAPR_HTTP_PORT', port)}",
        metavar="URL",
        help="HTTP API of any sidecar in the mesh (default: %(default)s)",
    )


def run_action(
    action: Callable[[App, argparse.Namespace], int],
    name: str,
    options: argparse.Namespace,
    *,
    interrupted: int,
) -> int:
    """Do what a command is to do with an app, and return the exit code: 2 if a call is refused.

    Args:
        action: does it.
        name: of the app.
        options: of the command, `sidecar` among them.
        interrupted: the exit code after Ctrl-C.
    """
    app = App(name, options.sidecar, token=os.environ.get("DAPR_API_TOKEN", ""))
    try:
        return action(app, options)
    except CallFailed as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return interrupted


def _read_message(data: bytes) -> str:
    try:
        error = json.loads(data)
    except ValueError:
        return data.decode(errors="replace").strip()
    return str(error.get("message", "")) if isinstance(error, dict) else ""
