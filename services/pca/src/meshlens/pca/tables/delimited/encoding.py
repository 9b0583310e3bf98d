"""Text in any encoding -> UTF-8, with what was found said."""

import codecs
import re

from meshlens.faults import Place
from meshlens.pca.errors import InvalidOption, InvalidTable

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_START = 1000  # bytes that tell UTF-16 without a mark
_SHORTEST = 8
_WINDOWS = "cp1252"
_NOTE = "the text is not UTF-8 and was read as windows-1252; name its charset if that is wrong"
_NO_TEXT = re.compile(rb"[\0\x81\x8d\x8f\x90\x9d]")  # no characters of Windows-1252
_LINE_END = re.compile(rb"[\r\n]")
# Codecs of Python that are no character sets.
_NO_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"}


def to_utf8(body: bytes, charset: str = "") -> tuple[bytes, str, tuple[str, ...]]:
    """Return text as UTF-8 without a byte order mark, its encoding, and notes on it.

    A byte order mark decides; then the charset that the sender has named. Else it is UTF-8, or
    UTF-16 if every other byte is 0, or Windows-1252, which is noted.

    Raises:
        InvalidOption: no character set has that name.
        InvalidTable: the bytes are not in that encoding, or in none of these.
    """
    encoding = next((found for mark, found in _BYTE_ORDER_MARKS if body.startswith(mark)), "")
    if not encoding and charset:
        encoding = _find_codec(charset)
    encoding = encoding or _guess_utf16(body) or "utf-8"
    if encoding not in ("utf-8", "ascii"):
        return _convert(body, encoding), encoding, ()
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        return _check(body), "utf-8", ()
    except InvalidTable:
        # One line holds numbers only, in which there is nothing to be read in another way.
        lines = _LINE_END.search(body.strip()) and not _NO_TEXT.search(body)
        if charset or not lines:
            raise
        return _convert(body, _WINDOWS), _WINDOWS, (_NOTE,)


def _check(body: bytes) -> bytes:
    try:
        if not body.isascii():
            body.decode()
    except UnicodeDecodeError as error:
        raise _not_in("UTF-8", body, error) from None
    return body


def _convert(body: bytes, encoding: str) -> bytes:
    try:
        return body.decode(encoding).removeprefix("\ufeff").encode()
    except UnicodeDecodeError as error:
        raise _not_in(encoding, body, error) from None
    except UnicodeError as error:
        raise InvalidTable(
            f"text must be {encoding}", got=str(error), remedy="send its charset, or UTF-8"
        ) from None


def _not_in(encoding: str, body: bytes, error: UnicodeDecodeError) -> InvalidTable:
    return InvalidTable(
        f"text must be {encoding}",
        got=f"byte 0x{body[error.start]:02x} at position {error.start + 1}",
        remedy="encode it as UTF-8, send its charset (text/csv; charset=windows-1252), or name the"
        " content type if it is no text",
        places=[Place(byte=error.start + 1)],
    )


def _find_codec(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
        "".encode(name)  # fails for what converts bytes to bytes
    except (LookupError, ValueError):
        name = ""
    if not name or name in _NO_CHARSETS:
        raise InvalidOption(
            "charset must be a character set",
            got=repr(charset[:40]),
            remedy="name it as in utf-8, utf-16 or windows-1252, or send UTF-8",
            option="charset",
        )
    return name


def _guess_utf16(body: bytes) -> str:
    start = body[:_START]
    half = len(start) // 2
    if len(start) >= _SHORTEST and not len(body) % 2:
        even, odd = start[::2].count(0), start[1::2].count(0)
        if odd > half * 0.4 and not even:
            return "utf-16-le"
        if even > half * 0.4 and not odd:
            return "utf-16-be"
    return ""
