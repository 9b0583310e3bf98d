"""JSON's objects -> columns: records, columns of cells, and what pandas writes by default."""

from collections.abc import Mapping, Sequence
from itertools import chain
from reprlib import repr as shorten
from typing import Any, TypeAlias

from meshlens.faults import Place
from meshlens.pca.errors import InvalidTable
from meshlens.pca.tables.columns import RawTable, ReadOptions, quote
from meshlens.pca.tables.documents.columns import NUMBER_TYPES, Cells, arrange, not_a_table
from meshlens.pca.tables.reading import Reading

Object: TypeAlias = Mapping[str, Any]


def decode_records(
    records: Sequence[Any],
    options: ReadOptions,
    reading: Reading,
    keys: Sequence[str] = (),
) -> RawTable:
    """Read [{"x": x1, "y": y1}, ...]; keys in any order, absent ones are missing cells.

    Args:
        records: the observations.
        options: how the caller wants them to be read.
        reading: how the document is read.
        keys: those that together name an observation.

    Raises:
        InvalidTable: a record is no object, records have little in common, or a cell is no number.
    """
    if {*map(type, records)} - {dict}:
        at = next(at for at, record in enumerate(records) if not isinstance(record, dict))
        raise not_a_table(records[at], Place(row=at + 1))
    columns = _transpose(records, "records")
    named = [columns.pop(key) for key in keys if key in columns]
    labels = [", ".join(map(str, cells)) for cells in zip(*named, strict=True)]
    if len(named) == 1 and named[0] == [*range(len(records))]:
        labels = []  # the index that pandas gives to rows without names
    return decode_columns(columns, options, reading, labels)


def decode_columns(
    columns: Object, options: ReadOptions, reading: Reading, labels: Sequence[str] = ()
) -> RawTable:
    """Read {"x": [x1, x2, ...], "y": [y1, y2, ...]}.

    Raises:
        InvalidTable: a column is no array or has another length, or a cell is no number.
    """
    lengths = {}
    for name, cells in columns.items():
        if not isinstance(cells, list):
            raise not_a_table(cells, Place(field=name))
        lengths[name] = len(cells)
    if len({*lengths.values()}) > 1:
        first = next(iter(lengths))
        other = next(name for name, length in lengths.items() if length != lengths[first])
        raise InvalidTable(
            f"columns must have equal length, {lengths[first]} as {shorten(first)}",
            got=f"{lengths[other]} in {shorten(other)}",
            remedy="write null where a number is missing",
            places=[Place(field=other)],
        )
    if not columns:
        raise not_a_table({})
    return arrange([*columns.values()], tuple(columns), options.declared, reading, labels=labels)


def decode_nested(document: Mapping[str, Object], options: ReadOptions) -> RawTable:
    """Read what pandas writes by default, {"x": {"row 1": x1, ...}, ...}, or its orient=index.

    The two differ in which keys are the variables. Where neither keys nor cells show it, it is the
    default, and noted.

    Raises:
        InvalidTable: the objects within have little in common, or a cell is no number.
    """
    within = _transpose([*document.values()], "objects within an object")
    inner, outer = tuple(within), tuple(document)
    sure, rows_outside = _find_rows(document, within, options)
    if rows_outside:
        reading = Reading(format="pandas index")
        return decode_columns(within, options, reading, _name_rows(outer))
    columns = {name: [cells.get(key) for key in inner] for name, cells in document.items()}
    note = (
        "an object of objects is read as pandas writes it by default: its own keys"
        f" ({quote(outer)}) are the variables, those within ({quote(inner)}) the observations; if"
        " it is the other way round, say transpose=true"
    )
    reading = Reading(format="pandas columns", notes=() if sure else (note,))
    return decode_columns(columns, options, reading, _name_rows(inner))


def _find_rows(
    document: Mapping[str, Object], within: Mapping[str, Cells], options: ReadOptions
) -> tuple[bool, bool]:
    """Return whether it is known which keys name the observations, and whether the outer do."""
    inner_counts, outer_counts = _counts(within), _counts(document)
    if inner_counts != outer_counts:
        return True, outer_counts
    inner_named, outer_named = options.declared & {*within}, options.declared & {*document}
    if bool(inner_named) != bool(outer_named):
        return True, bool(inner_named)
    # A variable holds numbers, names or truth values; an observation may hold them all.
    inner_mixed = any(map(_is_mixed, within.values()))
    outer_mixed = any(_is_mixed([*cells.values()]) for cells in document.values())
    if inner_mixed != outer_mixed:
        return True, outer_mixed
    return False, False


def _transpose(objects: Sequence[Object], what: str) -> dict[str, list[Any]]:
    """Return for each key the cells of all objects.

    Raises:
        InvalidTable: most of them would be missing.
    """
    names = dict.fromkeys(chain.from_iterable(objects))
    # Records that each have ten thousand keys of their own would exhaust memory.
    cells = sum(map(len, objects))
    if len(names) * len(objects) > 2 * cells:
        raise InvalidTable(
            f"{what} must have the same keys",
            got=f"{len(names)} different ones in {len(objects)} {what}",
            remedy="write null where a number is missing",
        )
    return {name: [record.get(name) for record in objects] for name in names}


def _counts(keys: Mapping[str, object]) -> bool:
    """Return whether keys are the numbers that pandas gives to rows without names."""
    return all(key == str(at) for at, key in enumerate(keys))


def _name_rows(keys: tuple[str, ...]) -> tuple[str, ...]:
    return () if _counts(dict.fromkeys(keys)) else keys


def _is_mixed(cells: Cells) -> bool:
    kinds = {*map(type, cells)} - {type(None)}
    return bool(kinds - NUMBER_TYPES) and len(kinds) > 1
