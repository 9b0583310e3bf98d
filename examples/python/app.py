"""An app of your own: calls pca and classify, and receives the event of each call.

It needs the standard library and a sidecar; "From your own app" in the README starts both.

    app.py POINTS PICTURE
"""

import json
import os
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

SIDECAR = f"http://127.0.0.1:{os.environ.get('DAPR_HTTP_PORT')}"  # dapr run sets it
PORT = int(os.environ.get("APP_PORT", "8000"))  # --app-port
# A call has a trace id of its own, and its event carries it.
events: dict[str, Queue[dict[str, Any]]] = {}


class Subscriber(BaseHTTPRequestHandler):
    """What the sidecar wants of the app: which topics, then to take their events."""

    def do_GET(self) -> None:
        """Subscribe to the topic of results."""
        known = self.path == "/dapr/subscribe"
        topic = {"pubsubname": "pubsub", "topic": "results", "route": "/results"}
        self.answer(200 if known else 404, [topic] if known else {})

    def do_POST(self) -> None:
        """Take an event; those of others' calls come too, and are acknowledged as well."""
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        trace = event.get("traceparent", "-").split("-")[1]
        if trace in events:
            events[trace].put(event["data"])
        self.answer(200, {"status": "SUCCESS"})

    def answer(self, status: int, content: object) -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: what this program prints is the answers."""


def invoke(app: str, method: str, kind: str, path: str) -> tuple[str, bytes, str]:
    """Send a file to a method of an app; return the answer's type and body, and the trace id."""
    trace = secrets.token_hex(16)
    events[trace] = Queue()
    request = urllib.request.Request(  # noqa: S310 - the sidecar's own address
        f"{SIDECAR}/v1.0/invoke/{app}/method/{method}?timeout=20",
        Path(path).read_bytes(),
        {"content-type": kind, "traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return answer.headers["content-type"], answer.read(), trace
    except urllib.error.HTTPError as error:
        sys.exit(f"{app}/{method}: {error.code} {error.read().decode()}")


def wait_for_sidecar(seconds: float) -> None:
    """Return when the sidecar can be called; an app that listens is started before it is ready."""
    deadline = time.monotonic() + seconds
    while problem := find_problem():
        if time.monotonic() > deadline:
            sys.exit(f"no sidecar at {SIDECAR} ({problem}); its log says why")
        time.sleep(0.1)


def find_problem() -> str:
    """Return why the sidecar cannot be called; empty if it can."""
    try:
        urllib.request.urlopen(f"{SIDECAR}/v1.0/healthz/outbound").close()  # noqa: S310 - as above
    except OSError as error:
        return str(error)
    return ""


def main(points: str, picture: str) -> None:
    """Call both services, then print the event of each call."""
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Subscriber)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wait_for_sidecar(20)

    kind, plot, first = invoke("pca", "plot", "text/csv", points)
    print(f"plot: {kind}, {len(plot)} bytes")
    _, answer, second = invoke("classify", "classify", "image/*", picture)
    best = json.loads(answer)["labels"][0]
    print(f"label: {best['label']}, p = {best['probability']:.3f}")
    try:
        for trace in (first, second):
            event = events[trace].get(timeout=30)
            print(f"event: {event['service']}/{event['method']} {event['outcome']}")
    except Empty:
        sys.exit("no event within 30 s; does --resources-path have the pubsub of the mesh?")


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004 - the program and two files
        sys.exit("usage: app.py POINTS PICTURE")
    if "DAPR_HTTP_PORT" not in os.environ:
        sys.exit("DAPR_HTTP_PORT is not set; start this by dapr run, as the README says")
    try:
        main(*sys.argv[1:])
    except OSError as error:  # a file is missing, or the port is taken
        sys.exit(str(error))
