"""Nested lists as text: their sizes, and the same numbers without the lists."""

_BLANKS = b" \t\r\n"
_DEEPEST = 100
_WITHOUT_LISTS = bytes.maketrans(b"[]", b"  ")
_OTHERS = bytes(sign for sign in range(256) if sign not in b"[],")
_AS_ONE = bytes.maketrans(_OTHERS, b"1" * len(_OTHERS))


def measure(text: bytes) -> tuple[int, ...]:
    """Return the sizes of the nested lists in `text`, the outermost first.

    The numbers themselves are left to the parser of the flat text.

    Raises:
        ValueError: they are not nested as those of an array are: brackets without a partner,
            numbers beside lists, or lists of different lengths.
    """
    if text.count(b"[") == 1:
        return (text.count(b",") + 1 if text[1:-1].strip(_BLANKS) else 0,)
    signs = text.translate(_AS_ONE, _BLANKS)
    if any(pair in signs for pair in (b"1[", b"]1", b"][")):
        raise ValueError("a list has no comma between it and its neighbour")
    signs = text.translate(None, _OTHERS)
    deepest = len(signs) - len(signs.lstrip(b"["))
    if deepest > _DEEPEST:
        raise ValueError(f"lists are nested more than {_DEEPEST} deep")
    # The first list of each level, from the innermost on, says how all of its level must be.
    sizes: list[int] = []
    first = b""
    for level in range(1, deepest + 1):
        start = deepest - level + 1
        end = signs.find(b"]" * level, deepest) + level - 1
        size, rest = divmod(end - start + 1, len(first) + 1)
        if end < start or rest:
            raise ValueError("brackets do not match, or lists have different lengths")
        first = b"[%b%b]" % ((first + b",") * (size - 1), first)
        sizes.insert(0, size)
    if first != signs:
        raise ValueError("brackets do not match, or lists have different lengths")
    return tuple(sizes)


def flatten(text: bytes) -> bytes:
    """Return the numbers in `text` with the commas between them.

    Blanks stand for the brackets, so that numbers on both sides of one stay apart.
    """
    return text.translate(_WITHOUT_LISTS) if text.count(b"[") > 1 else text[1:-1]
