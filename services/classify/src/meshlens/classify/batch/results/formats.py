"""The answers to the pictures of a part, as one file."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeAlias

from meshlens.classify.errors import InvalidOption
from meshlens.classify.formats.card import Task
from meshlens.faults.extras import explain_missing

# Makes a file of the rows of a task, each given as canonical JSON.
EncodeRows: TypeAlias = Callable[[Task, Sequence[bytes]], bytes]


class Format(StrEnum):
    """What the files of answers are; its name is their suffix."""

    JSONL = "jsonl"
    PARQUET = "parquet"


def find_encoder(form: Format) -> EncodeRows:
    """Return what makes a file of rows; equal rows give equal bytes.

    Raises:
        InvalidOption: it is not installed.
    """
    match form:
        case Format.JSONL:
            return _encode_lines
        case Format.PARQUET:
            try:
                from meshlens.classify.batch.results.parquet import encode_parquet  # noqa: PLC0415 - what it imports is an extra
            except ModuleNotFoundError as error:
                missing = explain_missing(error, "Parquet", "meshlens-classify[parquet]")
                raise InvalidOption(missing, option="format") from error
            return encode_parquet


def _encode_lines(task: Task, lines: Sequence[bytes]) -> bytes:
    del task
    return b"".join(b"%b\n" % line for line in lines)
