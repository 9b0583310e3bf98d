"""A FlatBuffer is read as it was written, and a damaged one raises ValueError and nothing else."""

from contextlib import suppress

import flatbuffers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.flatbuffer import Table

NUMBER, TEXT, CHILD, CHILDREN, VECTOR, ABSENT = range(6)


def build(number: int = -7, text: str = "längs", *, children: int = 3) -> bytes:
    """A table with a number, a text, a table, tables, a vector, and a slot that is left out."""
    builder = flatbuffers.Builder()
    offsets = []
    for index in range(children):
        builder.StartObject(1)
        builder.PrependInt32Slot(0, index + 1, 0)
        offsets.append(builder.EndObject())
    builder.StartVector(4, children, 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    tables = builder.EndVector()
    builder.StartVector(4, 3, 4)
    for value in (30, 20, 10):
        builder.PrependInt32(value)
    vector = builder.EndVector()
    name = builder.CreateString(text)
    builder.StartObject(6)
    builder.PrependInt16Slot(NUMBER, number, 0)
    builder.PrependUOffsetTRelativeSlot(TEXT, name, 0)
    builder.PrependUOffsetTRelativeSlot(CHILD, offsets[0], 0)
    builder.PrependUOffsetTRelativeSlot(CHILDREN, tables, 0)
    builder.PrependUOffsetTRelativeSlot(VECTOR, vector, 0)
    builder.Finish(builder.EndObject(), b"TEST")
    return bytes(builder.Output())


def read_all(data: bytes) -> list[object]:
    root = Table.root(data, b"TEST")
    child = root.table(CHILD)
    return [
        root.number(NUMBER, "<h"),
        root.text(TEXT),
        child and child.number(0, "<i"),
        [each.number(0, "<i") for each in root.tables(CHILDREN, most=3)],
        [*root.numbers(VECTOR, "<i")],
        [*root.structs(VECTOR, "<hh")],
        root.content(TEXT),
    ]


def test_what_was_written_is_read() -> None:
    halves = [(10, 0), (20, 0), (30, 0)]
    text = "längs"
    assert read_all(build()) == [-7, text, 1, [1, 2, 3], [10, 20, 30], halves, text.encode()]


@pytest.mark.parametrize("slot", [ABSENT, 6, 1000])
def test_a_slot_that_is_left_out_or_of_a_later_schema_is_empty(slot: int) -> None:
    root = Table.root(build())
    assert (root.number(slot, "<i"), root.table(slot), root.text(slot)) == (0, None, "")
    assert (root.tables(slot, most=0), [*root.numbers(slot, "<i")]) == ([], [])


def test_more_tables_than_allowed_are_refused_before_they_are_read() -> None:
    root = Table.root(build(children=4))
    assert len(root.tables(CHILDREN, most=4)) == 4
    with pytest.raises(ValueError, match="at most 3 tables in slot 3, got 4"):
        root.tables(CHILDREN, most=3)


def test_another_identifier_is_refused_unless_any_will_do() -> None:
    with pytest.raises(ValueError, match="marked b'TFL3', got b'TEST'"):
        Table.root(build(), b"TFL3")
    assert Table.root(build()).number(NUMBER, "<h") == -7


def test_a_vector_longer_than_the_data_is_refused() -> None:
    data = build().replace((3).to_bytes(4, "little") + (10).to_bytes(4, "little"), b"\xff" * 8)
    for read in (Table.numbers, Table.structs):
        with pytest.raises(ValueError, match="expected a vector within"):
            read(Table.root(data), VECTOR, "<i")
    with pytest.raises(ValueError, match="expected a vector within"):
        Table.root(data).content(VECTOR)


@pytest.mark.parametrize("vtable", [-(1 << 31), -1000, 1000, (1 << 31) - 1])
def test_slots_outside_the_data_are_refused(vtable: int) -> None:
    with pytest.raises(ValueError, match="expected an offset within"):
        Table.root((4).to_bytes(4, "little") + vtable.to_bytes(4, "little", signed=True))


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        Table.root(data).text(0)


@given(st.dictionaries(st.integers(0, 300), st.integers(0, 255), max_size=6), st.integers(0, 300))
def test_a_damaged_flatbuffer_is_read_or_refused(changes: dict[int, int], cut: int) -> None:
    data = bytearray(build())
    for place, value in changes.items():
        data[place % len(data)] = value
    with suppress(ValueError):
        read_all(bytes(data))
    with suppress(ValueError):
        read_all(bytes(data[: cut % len(data)]))
