"""Where records are kept: PostgreSQL through a Dapr binding, or a file of SQLite.

Both speak the SQL that is here. Dapr has no binding for SQLite, and its state store of SQLite finds
nothing by time, so the file is opened by Python.
"""

import http.client
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

from record import Record
from window import Place, Window

Value: TypeAlias = str | int
Row: TypeAlias = Sequence[Value]

# After so many characters a page ends, by the next event.
MOST_CHARACTERS = 4 * 1024 * 1024

# For another's lock on a file, and for the sidecar's answer.
_LOCK_SECONDS = 2.0
_ANSWER_SECONDS = 10.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS seen (id TEXT NOT NULL, service TEXT NOT NULL,"
    " time BIGINT NOT NULL, method TEXT NOT NULL, model TEXT NOT NULL, outcome TEXT NOT NULL,"
    " data TEXT NOT NULL, PRIMARY KEY (service, id))"
)
_INDEX = "CREATE INDEX IF NOT EXISTS seen_by_time ON seen (time, service, id)"
_ADD = "INSERT INTO seen VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (service, id) DO NOTHING"


class DatabaseAway(Exception):
    """The database does not answer; it may later."""


class Database(Protocol):
    """Runs SQL with parameters $1, $2 and so on; each method raises DatabaseAway."""

    def execute(self, sql: str, values: Row) -> None:
        """Run a statement, and return when what it has done is durable."""

    def query(self, sql: str, values: Row) -> list[Row]:
        """Return the rows that a statement finds."""


class SqliteFile:
    """A file of SQLite.

    Args:
        path: of the file, which is made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def execute(self, sql: str, values: Row) -> None:
        """Run a statement, and return when what it has done is durable."""
        self._run(sql, values)

    def query(self, sql: str, values: Row) -> list[Row]:
        """Return the rows that a statement finds."""
        return self._run(sql, values)

    def _run(self, sql: str, values: Row) -> list[Row]:
        named = {str(number): value for number, value in enumerate(values, 1)}
        try:
            # One for each statement: no thread waits for another, and one that broke is not kept.
            with closing(sqlite3.connect(self._path, timeout=_LOCK_SECONDS)) as database, database:
                return database.execute(sql, named).fetchall()
        except sqlite3.Error as error:
            raise DatabaseAway(f"{self._path}: {error}") from error


class Binding:
    """An output binding of the app's own sidecar, of type bindings.postgresql.

    Args:
        port: of the sidecar's HTTP API.
        name: of the component.
        token: that the sidecar expects; empty if it expects none.
    """

    def __init__(self, port: int, name: str, token: str = "") -> None:
        self._port = port
        self._path = f"/v1.0/bindings/{name}"
        self._headers = {"content-type": "application/json"}
        if token:
            self._headers["dapr-api-token"] = token

    def execute(self, sql: str, values: Row) -> None:
        """Run a statement, and return when what it has done is durable."""
        self._invoke("exec", sql, values)

    def query(self, sql: str, values: Row) -> list[Row]:
        """Return the rows that a statement finds."""
        rows: list[Row] = json.loads(self._invoke("query", sql, values))
        return rows

    def _invoke(self, operation: str, sql: str, values: Row) -> bytes:
        metadata = {"sql": sql, "params": json.dumps(values)}
        body = json.dumps({"operation": operation, "metadata": metadata})
        try:
            with closing(
                http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_SECONDS)
            ) as connection:
                connection.request("POST", self._path, body, self._headers)
                answer = connection.getresponse()
                content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise DatabaseAway(f"the sidecar does not answer: {error}") from error
        if answer.status not in (http.client.OK, http.client.NO_CONTENT):
            raise DatabaseAway(f"{self._path} answers {answer.status}: {content[:500]!r}")
        return content


class Records:
    """The table of what was seen.

    Args:
        database: that has it, or will have.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._making = threading.Lock()
        self._is_made = False

    def add(self, record: Record) -> None:
        """Keep a record, unless it is kept already; afterwards it is durable.

        Raises:
            DatabaseAway: that is not known.
        """
        row = (
            record.id,
            record.service,
            record.time,
            record.method,
            record.model,
            record.outcome,
            record.data,
        )
        with self._table():
            self._database.execute(_ADD, row)

    def find(self, window: Window) -> tuple[list[tuple[Place, str]], bool]:
        """Return a page: the data of events in the order of time; and whether it was the last.

        Raises:
            DatabaseAway: the database does not answer.
        """
        values: list[Value] = [window.begin, window.end]
        where = "time >= $1 AND time < $2"
        for name, value in window.filters.items():
            values.append(value)
            where += f" AND {name} = ${len(values)}"
        if window.after:
            values += [window.after.time, window.after.service, window.after.id]
            last = len(values)
            where += f" AND (time, service, id) > (${last - 2}, ${last - 1}, ${last})"
        values.append(window.limit)
        order = "ORDER BY time, service, id"
        # The names are from a fixed list, the values are parameters.
        page = f"SELECT * FROM seen WHERE {where} {order} LIMIT ${len(values)}"  # noqa: S608 - as above
        summed = f"SELECT page.*, sum(length(data)) OVER ({order}) AS size FROM ({page}) AS page"  # noqa: S608 - as above
        sql = (
            f"SELECT time, service, id, data FROM ({summed}) AS summed"  # noqa: S608 - as above
            f" WHERE size - length(data) < {MOST_CHARACTERS} {order}"
        )
        with self._table():
            rows = self._database.query(sql, values)
        found = [
            (Place(int(time), str(service), str(identity)), str(data))
            for time, service, identity, data in rows
        ]
        full = sum(len(data) for _, data in found) >= MOST_CHARACTERS
        return found, len(found) < window.limit and not full

    @contextmanager
    def _table(self) -> Iterator[None]:
        """Make the table, once, and again after a failure that may have cost it."""
        with self._making:
            if not self._is_made:
                for statement in (_TABLE, _INDEX):
                    self._database.execute(statement, ())
                self._is_made = True
        try:
            yield
        except DatabaseAway:
            self._is_made = False
            raise
