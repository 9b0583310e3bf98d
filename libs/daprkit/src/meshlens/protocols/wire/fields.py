"""What can be seen of a message before it is parsed: how many fields it has, and the first.

A parsed message takes up to forty times its bytes if it consists of empty messages alone.
"""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
# Field 1, of bytes: most senders write fields in the order of their numbers.
_FIRST = 0x0A
_LONGEST_TEXT = 200


def has_more_fields(data: bytes, most: int) -> bool:
    """Return whether a message has more than `most` fields at its top level.

    What is no message has as many as can be read; its parser says what is wrong.
    """
    place, size = 0, len(data)
    for _ in range(most):
        if place >= size:
            return False
        key, place = _read_varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            _, place = _read_varint(data, place)
        elif kind == _BYTES:
            length, place = _read_varint(data, place)
            place += length
        elif kind in _FIXED:
            place += _FIXED[kind]
        else:
            return False
    return place < size


def find_first_text(data: bytes, *, within: int = 0) -> str:
    """Return the text of field 1 of a message if its bytes begin with it; else an empty one.

    Args:
        data: the message.
        within: how many messages deep it is, each of them field 1 of the one around it.
    """
    length = place = 0
    for _ in range(within + 1):
        if data[place : place + 1] != bytes([_FIRST]):
            return ""
        length, place = _read_varint(data, place + 1)
    return data[place : place + min(length, _LONGEST_TEXT)].decode(errors="replace")


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at `place`, and where it ends; that is beyond the end if it is cut off."""
    number = 0
    for count, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follow
            return number, place + count + 1
    return 0, len(data)
