"""Files of the web: what a part needs of them is read, and nothing else.

Import this module where such input arrives: what it imports is an extra.
"""

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Fields
from meshlens.faults import Place
from meshlens.pca.batch.sources.opening import File, LoadedFile
from meshlens.pca.errors import InvalidTable
from meshlens.remote.answers import Version
from meshlens.remote.errors import FileChanged, FileMissing, RemoteError, ServerUnavailable
from meshlens.remote.ranges import Connection, Rules, connect

# A request costs as much time as so many bytes take: of what is smaller, the neighbours come too.
_LEAST = 1 << 16
_HOST = 3  # scheme, nothing and host: what all addresses of one server begin with


class WebFile:
    """A file of the web that is open for reading, each time of the version that was found.

    Args:
        connection: to it.
        version: that was found.
        shown: its name for people.
    """

    live = False

    def __init__(self, connection: Connection, version: Version, shown: str) -> None:
        self._connection, self._version, self._shown = connection, version, shown
        self.size = version.size
        self.state = _describe(version)
        self._held = (0, b"")

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from `start` on, all `length` of them.

        Raises:
            InputChanged: the file has another version now.
            InvalidTable: its server answers with something else.
            PartFailed: its server does not answer.
        """
        if start < 0 or length < 0 or start + length > self.size:
            raise EOFError(f"{length} bytes at {start} of a file of {self.size}")
        begin, held = self._held
        if not begin <= start <= start + length <= begin + len(held):
            end = min(start + max(length, _LEAST), self.size)
            begin = max(min(start, end - _LEAST), 0)
            with _explain(self._shown):
                held = self._connection.read(self._version, begin, end)
            if length < _LEAST:
                self._held = begin, held
        return held[start - begin : start - begin + length]


class WebFiles:
    """The files of the web that a table consists of; their names are addresses.

    Args:
        named: addresses of files.
        rules: for what is called and read.
    """

    def __init__(self, named: Sequence[str], rules: Rules) -> None:
        self._named = named
        self._rules = rules
        shared = posixpath.commonprefix([name.split("/")[:-1] for name in named])
        self._root = "/".join([*shared, ""]) if len(shared) >= _HOST else ""

    def list(self) -> Iterator[tuple[str, Fields]]:
        """Yield the files, sorted by address, with their sizes and ETags or the like.

        Raises:
            InvalidTable: one is not there, is named twice, or cannot be read so.
            PartFailed: a server does not answer.
        """
        files = sorted({*self._named})
        if len(files) < len(self._named):
            raise InvalidTable(
                "each file must be named once",
                got="one more than once",
                remedy="leave it out of the list",
            )
        for name in files:
            with _explain(self.show(name)), connect(name, self._rules) as connection:
                version = connection.find()
            yield name, _describe(version)

    @contextmanager
    def open(self, name: str, state: Fields) -> Iterator[File]:
        """Open a file for reading; one that has to be read whole is read.

        Raises:
            InvalidTable: it cannot be read.
            PartFailed: its server does not answer.
        """
        version, shown = Version(state["size"], state["mark"]), self.show(name)
        with connect(name, self._rules) as connection:
            if version.whole:
                with _explain(shown):
                    data = connection.read_whole()
                yield LoadedFile(data, _describe(Version.of(data)))
            else:
                yield WebFile(connection, version, shown)

    def find_state(self, name: str) -> Fields:
        """Return the size and the mark of a file now."""
        try:
            with connect(name, self._rules) as connection:
                return _describe(connection.find())
        except FileMissing as error:
            raise FileNotFoundError(name) from error
        except RemoteError as error:
            raise PartFailed.of(error, places=[Place(file=self.show(name))]) from error

    def show(self, name: str) -> str:
        """Return a file's address below the folder in which all files are."""
        return name.removeprefix(self._root)


def _describe(version: Version) -> Fields:
    return {"size": version.size, "mark": version.mark}


@contextmanager
def _explain(shown: str) -> Iterator[None]:
    """Raise what readers of tables know in place of what files of the web raise."""
    try:
        yield
    except FileChanged as error:
        raise InputChanged.of(error, places=[Place(file=shown)]) from error
    except ServerUnavailable as error:
        raise PartFailed.of(error, places=[Place(file=shown)]) from error
    except RemoteError as error:
        raise InvalidTable.of(error, places=[Place(file=shown)]) from error
