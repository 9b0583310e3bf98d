"""Creates the SQLite files that sidecars share, before the sidecars start.

A sidecar that opens a new file switches it to a write-ahead log. In one start of a hundred, two
sidecars do so at the same moment and lock each other out: the log says "database is locked", and
one runs without a name, or without its state store. The file remembers the switch, so it is made
here.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

# The names in dapr/config.yaml and components/embedded.
FILES = (".dapr/names.db", ".dapr/state.db")


def make_sqlite_files(folder: Path) -> None:
    """Create the files below the sidecars' working directory; existing ones keep their content."""
    for name in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            # An empty file would not remember the switch.
            database.execute("PRAGMA user_version = 1")
