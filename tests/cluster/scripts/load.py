"""Runs in a caller's pod: calls both services at a constant rate until standard input ends.

load.py PROTOCOL THREADS PICTURE prints a JSON object for each call at the end. No two bodies are
equal, so that each call has an event of its own.
"""

import base64
import hashlib
import json
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable

from meshlens.daprkit.client import CallError, Client

_SECONDS = 30.0
_PAUSE = 0.1

Send = Callable[[str, str, bytes], tuple[str, str]]


def by_grpc(app: str, method: str, body: bytes) -> tuple[str, str]:
    """Return the status code, and the error message, or the answer if that is no picture."""
    try:
        reply = CLIENT.invoke(app, method, body, timeout=_SECONDS)
    except CallError as error:
        return error.code, error.message
    return "OK", reply.body.decode() if app == "classify" else ""


def by_http(app: str, method: str, body: bytes) -> tuple[str, str]:
    """Return OK or the status, and the error message if there is one."""
    url = f"http://127.0.0.1:3500/v1.0/invoke/{app}/method/{method}"
    try:
        with urllib.request.urlopen(url, body, timeout=_SECONDS) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        return str(error.code), error.read().decode()
    except OSError as error:
        return type(error).__name__, str(error)
    return "OK", ""


def points() -> bytes:
    """Return six points that no other call sends."""
    return ",".join(str(byte) for byte in uuid.uuid4().bytes[:12]).encode()


def call_on(send: Send, picture: bytes, ended: threading.Event, calls: list[object]) -> None:
    """Call the two services in turn until the end."""
    while not ended.wait(_PAUSE):
        for app, method, body in (
            ("pca", "plot", points()),
            ("classify", "classify", picture + uuid.uuid4().bytes),
        ):
            since = time.time()
            code, text = send(app, method, body)
            digest = hashlib.sha256(body).hexdigest()
            facts = {"app": app, "digest": digest, "code": code, "text": text}
            calls.append(facts | {"since": since, "seconds": time.time() - since})


def main() -> None:
    """Run the load given by the arguments."""
    protocol, threads, picture = sys.argv[1:]
    send = {"grpc": by_grpc, "http": by_http}[protocol]
    ended = threading.Event()
    calls: list[object] = []
    arguments = (send, base64.b64decode(picture), ended, calls)
    callers = [threading.Thread(target=call_on, args=arguments) for _ in range(int(threads))]
    for caller in callers:
        caller.start()
    sys.stdin.read()
    ended.set()
    for caller in callers:
        caller.join()
    json.dump(calls, sys.stdout)


CLIENT = Client()
main()
