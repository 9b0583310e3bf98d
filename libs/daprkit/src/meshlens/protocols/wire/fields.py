"""How many fields a message has, before it is parsed.

A parsed message takes up to forty times its bytes if it consists of empty messages alone.
"""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10


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


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at `place`, and where it ends; that is beyond the end if it is cut off."""
    number = 0
    for count, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follow
            return number, place + count + 1
    return 0, len(data)
