"""The source of a table in files: which parts it has, and what is in them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Fields, encode
from meshlens.faults import Fault, Place
from meshlens.pca.batch.source import Array
from meshlens.pca.batch.sources.columns import Choice, choose, refuse_other
from meshlens.pca.batch.sources.files import LocalFiles
from meshlens.pca.batch.sources.formats import open_reader
from meshlens.pca.batch.sources.opening import File, Files
from meshlens.pca.batch.sources.reader import Limits, Reader
from meshlens.pca.errors import InvalidOption, InvalidTable, PcaError
from meshlens.pca.options import ReadingOptions, parse_options
from meshlens.pca.tables.columns import ReadOptions, TextOptions
from meshlens.pca.tables.reading import Reading
from meshlens.pca.tables.table import check_infinite, split_content_type
from meshlens.remote.addresses import find_flaw, hide_credentials, is_remote

_WHOLE = 64 << 20  # bytes of a file of the web that is read whole
_MOST_KNOWN = 64  # files whose descriptions are kept at a time
_Known: TypeAlias = tuple[Reader, Choice]


def describe(
    files: Sequence[str],
    *,
    content_type: str = "",
    reading: Fields | None = None,
    limits: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return what `open_table` takes, as JSON.

    Args:
        files: names of files, folders and patterns, or addresses of files of the web.
        content_type: of which the charset of text counts.
        reading: options that say how a table is read, by name; lists where there are several.
        limits: how large parts are, where they are not as usual.

    Raises:
        InvalidOption: a file is neither on this machine nor, as all others, on the web.
    """
    elsewhere = [file for file in files if "://" in file]
    if elsewhere:
        _check_addresses(files)
    named = [*files] if elsewhere else [str(Path(file).absolute()) for file in files]
    given: dict[str, Any] = {"files": named, "reading": {**(reading or {})}}
    return given | {"content_type": content_type, "limits": {**(limits or {})}}


def open_table(given: Fields, names: Sequence[str] = ()) -> "TableSource":
    """Return the source that `describe` has described.

    Args:
        given: what it has returned.
        names: the variables to read, in this order, once a plan has found them.

    Raises:
        InvalidOption: an option of reading is wrong, or means nothing for a table in parts.
    """
    named = given["files"]
    return TableSource(given, _open_web(named) if is_remote(named[0]) else LocalFiles(named), names)


def _open_web(named: Sequence[str]) -> Files:
    try:
        from meshlens.pca.batch.sources.web import WebFiles  # noqa: PLC0415 - what it imports is an extra
        from meshlens.remote.ranges import Rules  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise InvalidOption(
            "what reads files of the web must have the extra remote",
            got=f"{named[0]}, without {error.name}",
            remedy="download them, or install meshlens-pca[remote]",
            option="files",
        ) from None
    # Whoever names them here may call whatever this machine can.
    return WebFiles(named, Rules(private=True, whole=_WHOLE))


def _check_addresses(files: Sequence[str]) -> None:
    flaws = ((file, find_flaw(file)) for file in files)
    file, flaw = next(((file, flaw) for file, flaw in flaws if flaw), ("", ""))
    if flaw:
        shown = hide_credentials(file) if "://" in file else file
        raise InvalidOption(
            "files that are not all on this machine must be addresses of files, such as"
            " https://host/folder/table.parquet, without credentials, since jobs keep them",
            got=f"{shown[:200]}: {flaw}",
            remedy="correct it, or download them first",
            option="files",
        )


def _parse_reading(reading: Fields) -> ReadingOptions:
    """Return options that were written as JSON."""
    options: dict[str, Any] = {
        name: frozenset(value) if name in ("na", "skip") else tuple(value)
        for name, value in reading.items()
        if isinstance(value, list)
    }
    parsed = parse_options(ReadingOptions, dict(reading) | options)
    refused = {
        "transpose": "which turns all of it at once",
        "supplementary": "whose correlations need the scores of all of it",
        "sheet": "which workbooks have, that are read whole",
    }
    for option, why in refused.items():
        if getattr(parsed, option):
            raise InvalidOption(
                f"a table that is read in parts has no {option}",
                got=f"{option}, {why}",
                remedy="leave it out, or read a smaller table whole",
                option=option,
            )
    return parsed


class _Descriptions:
    """What the files that were opened last hold, for all sources of the process."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._lock = Lock()

    def get(self, key: str) -> _Known | None:
        with self._lock:
            return self._known.get(key)

    def put(self, key: str, known: _Known) -> None:
        with self._lock:
            while len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[key] = known


# Each part may be read by a source of its own.
_DESCRIPTIONS = _Descriptions()


class TableSource:
    """A table in one file or several, read in parts; its methods may be called by several threads.

    Args:
        given: options of reading, and limits.
        files: the files that it names.
        names: the variables to read, once a plan has found them.
    """

    def __init__(self, given: Fields, files: Files, names: Sequence[str] = ()) -> None:
        self._files = files
        self._options = _parse_reading(given.get("reading", {}))
        self._limits = Limits(**given.get("limits", {}))
        self._roles = self._options.roles()
        self._read_options = ReadOptions(
            columns=self._options.columns,
            declared=self._roles.declare(),
            header=self._options.header,
            variables=self._roles.use,
            text=TextOptions(
                delimiter=self._options.delimiter,
                decimal=self._options.decimal,
                missing=self._options.na,
                skip=self._options.skip,
                charset=split_content_type(given.get("content_type", ""))[1],
            ),
        )
        self._names = tuple(names)
        self._planned: tuple[str, ...] = ()
        self._reading = Reading()
        self._key = {name: fields for name, fields in given.items() if name != "files"}

    @property
    def names(self) -> tuple[str, ...]:
        """The numeric variables, p of them: as planned, or as the opener was told."""
        return self._names or self._planned

    @property
    def reading(self) -> Reading:
        """How the first file is read that can be, once `plan` has returned."""
        return self._reading

    def identify(self) -> Fields:
        """Return the files with what changes if their content does: sizes, times or tags.

        Raises:
            InvalidTable: there is none, or it is no file.
        """
        return {"files": [{"file": file, **state} for file, state in self._files.list()]}

    def plan(self) -> Sequence[Fields]:
        """Return the parts, at least one, of files that have the same variables.

        A file that cannot be read is one part, which fails; such parts come first, so that the job
        fails at once unless it leaves them out.

        Raises:
            InvalidTable: no file can be read, or they differ in their columns.
            InvalidOption: an option names a column that is not there.
            InputChanged: a file has changed meanwhile.
        """
        broken: list[Fields] = []
        parts: list[Fields] = []
        faults: list[Fault] = []
        first: tuple[str, Choice, str] | None = None
        for path, state in self._files.list():
            try:
                with self._open(path, state) as file:
                    reader, choice = self._describe(path, file)
                    cut = [*reader.cut(file, len(choice.places))]
                    found_state = file.state
            except PartFailed as fault:
                if isinstance(fault.__cause__, _Misfit):
                    raise self._name(fault.__cause__.fault, path) from None
                says = {"expected": fault.expected, "got": fault.got, "remedy": fault.remedy}
                broken.append({"file": path, "state": state, "broken": says})
                faults.append(self._name(fault, path))
                continue
            found = (self._files.show(path), choice, reader.written)
            if first:
                refuse_other(first, found)
            else:
                first, self._reading = found, _describe_reading(reader, choice)
            parts += [{"file": path, "state": found_state, **part} for part in cut]
        if first is None:
            raise faults[0]
        if not parts:
            raise InvalidTable(
                "the table must hold observations", got="no rows in any file", remedy="name others"
            )
        self._planned = first[1].names
        return broken + parts

    def locate(self, part: Fields) -> str:
        """Return the file and the rows of a part, counted from 1; lines, if it is text."""
        name = self._files.show(part["file"])
        if "rows" not in part:
            return name
        first, last = part["rows"]
        return f"{name}, {'lines' if 'bytes' in part else 'rows'} {first + 1:,} to {last:,}"

    def read(self, part: Fields) -> Iterator[Array]:
        """Yield the part's rows in order, in blocks (m, p) of numbers that are finite or nan.

        Raises:
            PartFailed: it cannot be read, or a number is infinite.
            InputChanged: its file is no longer what the plan has seen.
        """
        if "broken" in part:
            says = part["broken"]
            raise PartFailed(says["expected"], got=says["got"], remedy=says["remedy"])
        with self._open(part["file"], part["state"]) as file:
            reader, choice = self._describe(part["file"], file)
            names = self.names or choice.names
            columns = choice.places if names == choice.names else choice.find(names)
            first = part["rows"][0] + 1
            for block in reader.read(file, part, columns):
                check_infinite(block, partial(_place, first, columns, names))
                first += len(block)
                yield block

    @contextmanager
    def _open(self, path: str, state: Fields) -> Iterator[File]:
        """Open a file that has not changed, and see that it has not when it is closed.

        Raises:
            PartFailed: in place of whatever goes wrong with it.
            InputChanged: it has changed.
        """
        try:
            with self._files.open(path, state) as file:
                self._check(path, state, file.state)
                yield file
        except (PcaError, OSError, EOFError, ValueError, MemoryError) as error:
            self._check(path, state)
            raise _fail(error, self._files.show(path)) from error
        if file.live:
            self._check(path, state)

    def _check(self, path: str, state: Fields, found: Fields | None = None) -> None:
        """Let a file pass whose state is the known one, as far as it can be seen now."""
        local = "changed" in state
        got = "another size or time of its last change" if local else "other content"
        try:
            now = found or self._files.find_state(path)
            if all(now[name] == state[name] for name in {*now} & {*state}):
                return
        except (FileNotFoundError, NotADirectoryError, InvalidTable):
            got = "none, or no file, of that name"
        except OSError as error:
            raise _fail(error, self._files.show(path)) from error
        name = self._files.show(path)
        raise InputChanged(
            f"{name} must stay as it is while it is read",
            got=got,
            remedy="start the job again when nobody writes to it any more",
            places=[Place(file=name)],
        )

    def _describe(self, path: str, file: File) -> _Known:
        """Return how to read a file, and which columns."""
        key = encode([self._key, path, file.state]).decode()
        known = _DESCRIPTIONS.get(key)
        if known is None:
            reader = open_reader(file, self._read_options, self._limits)
            try:
                choice = choose(reader.sample, self._roles, self._options.columns)
            except PcaError as fault:
                raise _Misfit(fault) from fault
            known = reader, choice
            _DESCRIPTIONS.put(key, known)
        return known

    def _name(self, fault: Fault, path: str) -> Fault:
        """Return a fault that names the file."""
        kind = type(fault) if isinstance(fault, PcaError) else InvalidTable
        return kind.of(fault, where=self._files.show(path))


def _describe_reading(reader: Reader, choice: Choice) -> Reading:
    reading = reader.sample.reading
    return replace(
        reading,
        format=reading.format if reading.delimiter else reader.written,
        left_out=choice.left_out,
    )


class _Misfit(ValueError):
    """The file can be read, but does not have the columns that the caller has asked for."""

    def __init__(self, fault: PcaError) -> None:
        self.fault = fault
        super().__init__(str(fault))


def _place(
    first: int, columns: Sequence[int], names: Sequence[str], row: int, column: int
) -> Place:
    """Return where an entry of a block is whose rows begin with this one."""
    return Place(row=first + row, column=columns[column] + 1, field=names[column])


def _fail(error: Exception, name: str) -> PartFailed:
    """Return why a part cannot be read."""
    if isinstance(error, _Misfit):
        error = error.fault
    if isinstance(error, Fault):
        places = [replace(place, file=name) for place in error.places] or [Place(file=name)]
        return PartFailed.of(error, places=places)
    if isinstance(error, OSError):
        expected, got = "the file must be readable", error.strerror or str(error)
        remedy = "give access, or copy it to another disk"
    else:
        expected = "the file must be whole and of its format"
        lines = str(error).splitlines()
        got, remedy = lines[0][:200] if lines else type(error).__name__, "write it again"
    return PartFailed(expected, got=got, remedy=remedy, places=[Place(file=name)])
