"""Runs in a caller's pod: makes calls, several at a time, through the pod's own sidecar.

Each line of standard input is a call as JSON: protocol (grpc or http), app, method, body (base64),
and the verb over HTTP, if it is not GET without a body and POST with one.
Each line of standard output is its answer as JSON: code and text; they come in the calls' order.
"""

import base64
import json
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from meshlens.daprkit.client import CallError, Client

_SECONDS = 30.0
_AT_A_TIME = 8


def by_grpc(client: Client, app: str, method: str, body: bytes) -> tuple[str, str]:
    """Return the status code, and the answer or the error message."""
    try:
        answer = client.invoke(app, method, body, timeout=_SECONDS)
    except CallError as error:
        return error.code, error.message
    return "OK", answer.body.decode()


def by_http(app: str, method: str, body: bytes, verb: str) -> tuple[str, str]:
    """Return the status and the answer."""
    url = f"http://127.0.0.1:3500/v1.0/invoke/{app}/method/{method}"
    request = urllib.request.Request(url, body or None, method=verb or None)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - our own sidecar
            return str(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return str(error.code), error.read().decode()


def answer(client: Client, line: str) -> str:
    """Make one call."""
    call = json.loads(line)
    target = (call["app"], call["method"], base64.b64decode(call["body"]))
    if call["protocol"] == "grpc":
        code, text = by_grpc(client, *target)
    else:
        code, text = by_http(*target, call["verb"])
    return json.dumps({"code": code, "text": text})


def main() -> None:
    """Make the calls given on standard input, one per line."""
    with Client() as client, ThreadPoolExecutor(_AT_A_TIME) as pool:
        for said in pool.map(partial(answer, client), sys.stdin):
            print(said)


main()
