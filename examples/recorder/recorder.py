"""Records result events in a database, and answers what was seen between two times.

It is an app of Dapr's: the sidecar delivers the events, and passes on calls of its method `seen`.
An event is acknowledged once it is durable; while the database is away it is delivered again.

    RECORDS=seen.db recorder.py            a file of SQLite
    RECORDS=binding:records recorder.py    PostgreSQL, by the Dapr binding `records`
"""

import hmac
import json
import os
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from database import Binding, Database, DatabaseAway, Records, SqliteFile
from record import NotRecordable, read_record, write_time
from window import BadQuery, read_window

# An event that is larger is none of the services'.
MOST_BYTES = 256 * 1024
_PIECE = 64 * 1024


class Recorder(ThreadingHTTPServer):
    """Listens for the sidecar.

    Args:
        port: where.
        records: where events go.
        pubsub: name of the pub/sub component.
        topics: to subscribe to.
        token: that the sidecar sends; empty if it sends none.
    """

    daemon_threads = True

    def __init__(
        self, port: int, records: Records, *, pubsub: str, topics: list[str], token: str = ""
    ) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.records = records
        self.subscriptions = [
            {"pubsubname": pubsub, "topic": topic, "route": "/record"} for topic in topics
        ]
        self.token = token
        self._lock = threading.Lock()
        self._is_away = False

    def notice(self, problem: str) -> None:
        """Log when the database is lost, and when it is back.

        Args:
            problem: what is wrong with it; empty if nothing is.
        """
        with self._lock:
            if bool(problem) != self._is_away:
                self._is_away = bool(problem)
                log(
                    f"the database is away; its events are delivered again: {problem}"
                    if problem
                    else "the database is back"
                )


class Answer(BaseHTTPRequestHandler):
    """Answers one connection of the sidecar."""

    server: Recorder
    protocol_version = "HTTP/1.1"
    timeout = 90

    def do_GET(self) -> None:
        """Say which topics are wanted, or what was seen."""
        self._answer()

    def do_POST(self) -> None:
        """Take an event, or say what was seen."""
        self._answer()

    def _answer(self) -> None:
        body = self._read_body()
        path = urlsplit(self.path)
        if not self._is_known():
            self._send(
                HTTPStatus.UNAUTHORIZED,
                error("expected the token of the sidecar, got another; set APP_API_TOKEN for both"),
            )
        elif path.path == "/dapr/subscribe":
            self._send(HTTPStatus.OK, json.dumps(self.server.subscriptions))
        elif path.path == "/record":
            self._send(HTTPStatus.OK, json.dumps({"status": self._record(body)}))
        elif path.path == "/seen":
            self._send(*self._look(path.query))
        else:
            self._send(
                HTTPStatus.NOT_FOUND, error("expected the method seen, got another; call seen")
            )

    def _is_known(self) -> bool:
        expected = self.server.token.encode()
        got = self.headers.get("dapr-api-token", "").encode()
        return not expected or hmac.compare_digest(got, expected)

    def _record(self, body: bytes | None) -> str:
        if body is None:
            log(f"dropped: expected at most {MOST_BYTES} bytes, got more")
            return "DROP"
        try:
            self.server.records.add(read_record(body))
        except NotRecordable as fault:
            log(f"dropped: {fault}")
            return "DROP"
        except DatabaseAway as fault:
            self.server.notice(str(fault))
            return "RETRY"
        self.server.notice("")
        return "SUCCESS"

    def _look(self, query: str) -> tuple[HTTPStatus, str]:
        try:
            page, is_last = self.server.records.find(read_window(query))
        except BadQuery as fault:
            return HTTPStatus.BAD_REQUEST, error(str(fault))
        except DatabaseAway as fault:
            self.server.notice(str(fault))
            return HTTPStatus.SERVICE_UNAVAILABLE, error(
                "expected the database to answer, got nothing; try again, and see the log"
            )
        # The data is JSON already.
        events = ", ".join(
            f'{{"time": "{write_time(place.time)}", "data": {data}}}' for place, data in page
        )
        rest = "" if is_last else f', "next": "{page[-1][0].write()}"'
        return HTTPStatus.OK, f'{{"events": [{events}]{rest}}}'

    def _read_body(self) -> bytes | None:
        """Return the body; None if it is too large, which is read to its end but not kept."""
        text = self.headers.get("content-length", "0")
        length = int(text) if text.isascii() and text.isdigit() else 0
        if length <= MOST_BYTES:
            return self.rfile.read(length)
        while length > 0 and (piece := self.rfile.read(min(length, _PIECE))):
            length -= len(piece)
        return None

    def _send(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log no line for each request."""


def error(message: str) -> str:
    """Return an error as JSON."""
    return json.dumps({"error": message})


def log(line: str) -> None:
    """Write a line at once."""
    print(line, file=sys.stderr, flush=True)


def choose_database(records: str) -> Database:
    """Return what the setting RECORDS names."""
    kind, _, name = records.partition(":")
    if kind == "binding" and name:
        port = int(os.environ.get("DAPR_HTTP_PORT", "3500"))
        return Binding(port, name, os.environ.get("DAPR_API_TOKEN", ""))
    return SqliteFile(Path(records))


def main() -> None:
    """Record until the process is ended: what is not recorded by then is delivered again."""
    server = Recorder(
        int(os.environ.get("APP_PORT", "8000")),
        Records(choose_database(os.environ.get("RECORDS", "seen.db"))),
        pubsub=os.environ.get("PUBSUB", "pubsub"),
        topics=os.environ.get("TOPICS", "results").split(","),
        token=os.environ.get("APP_API_TOKEN", ""),
    )
    log("recording")
    server.serve_forever()


if __name__ == "__main__":
    main()
