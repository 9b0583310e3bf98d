"""The SQLite files that sidecars share, made before the sidecars start.

A sidecar that opens a new file switches it to a write-ahead log. Two that do so at the same moment
lock each other out, in one start of a hundred: "database is locked" in the log, and a sidecar that
runs without a name, or without its state store. The switch is kept in the file, so it is made here.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

# As dapr/config.yaml and components/embedded name them.
FILES = (".dapr/names.db", ".dapr/state.db")


def make_sqlite_files(folder: Path) -> None:
    """Make the files below the working directory of the sidecars, or leave them as they are."""
    for name in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            # A file of no bytes keeps no switch.
            database.execute("PRAGMA user_version = 1")
