"""A .tflite file as a document: its labels and its normalization.

The file is a flatbuffer (identifier TFL3, field numbers of tensorflow/lite/schema/schema.fbs). A
zip archive with the files that its metadata names may follow it.
"""

import io
import os
import zipfile
import zlib
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import IO

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.labels import decode_labels, decode_text
from meshlens.classify.formats.tflite_metadata import (
    AssociatedFile,
    FileType,
    Metadata,
    Normalization,
    decode_metadata,
    reading,
)
from meshlens.classify.formats.tflite_schema import IDENTIFIER, MOST_TABLES, Buffer, Model
from meshlens.faults import Place
from meshlens.flatbuffer import Table

METADATA_NAME = "TFLITE_METADATA"
SUBJECT_FILE = "subject.txt"

_LARGEST_FILE = 4 * 1024 * 1024
_MOST_METADATA = 64
_LOCALE = "en"

# What zipfile raises on malformed archives.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class _Metadata(IntEnum):
    """Slots of the table Metadata."""

    NAME = 0
    BUFFER = 1


@dataclass(frozen=True, slots=True)
class ModelFile:
    """How a model file describes itself.

    Attributes:
        labels: one for each class; empty if it has none.
        subject: what its pictures show, in one word; empty if not stated.
        normalization: of the pixels; None if not stated.
        probabilities: whether its card calls the numbers of its output probabilities, or logits;
            None if it does not say, and what computes them decides.
    """

    labels: tuple[str, ...]
    subject: str
    normalization: Normalization | None
    probabilities: bool | None = None


def decode_model_file(data: bytes) -> ModelFile:
    """Return how a .tflite file describes itself.

    Raises:
        InvalidModel: the bytes are not such a file, or are damaged.
    """
    with reading("the model file"):
        metadata = _metadata(Table.root(data, IDENTIFIER))
    labels, subject = _packed_files(io.BytesIO(data), metadata.output_files)
    return ModelFile(
        labels=decode_labels(labels) if labels else (),
        subject=decode_text(subject).strip(),
        normalization=metadata.normalization,
    )


class _FileBytes:
    """The bytes of an open file, each read when it is looked at.

    A memory map would end the process if somebody cut the file short meanwhile.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._descriptor = file.fileno()
        self._size = os.fstat(self._descriptor).st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, where: slice) -> bytes:
        start, stop, _ = where.indices(self._size)
        data = os.pread(self._descriptor, max(stop - start, 0), start)
        if len(data) < stop - start:
            raise ValueError(f"expected {self._size} bytes, got a file that was cut short")
        return data


def count_labels(path: Path) -> int:
    """Return how many labels a .tflite file names, 0 if it names none.

    Only what leads to the labels is read, however large the file is.

    Raises:
        InvalidModel: it is no such file, or damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file, reading("the model file"):
        metadata = _metadata(Table.root(_FileBytes(file), IDENTIFIER))
        labels, _ = _packed_files(file, metadata.output_files)
    return len(decode_labels(labels)) if labels else 0


def _metadata(root: Table) -> Metadata:
    for entry in root.tables(Model.METADATA, most=_MOST_METADATA):
        if entry.text(_Metadata.NAME) == METADATA_NAME:
            buffers = root.tables(Model.BUFFERS, most=MOST_TABLES)
            buffer = buffers[entry.number(_Metadata.BUFFER, "<I")]
            return decode_metadata(buffer.content(Buffer.DATA))
    return Metadata()


def _packed_files(stream: IO[bytes], named: Sequence[AssociatedFile]) -> tuple[bytes, bytes]:
    """Return the label file and the subject file in the archive; empty where absent."""
    if not zipfile.is_zipfile(stream):
        if named:  # the archive is last in the file: without it the end is missing
            raise InvalidModel(
                f"expected {', '.join(file.name for file in named)} packed behind the model,"
                " as its metadata says",
                got="the end of the file",
                remedy="is the copy complete? copy the file again",
            )
        return b"", b""
    with opening_archive(), zipfile.ZipFile(stream) as archive:
        return (
            read_packed(archive, _choose_label_file(named, archive.namelist())),
            read_packed(archive, SUBJECT_FILE),
        )


@contextmanager
def opening_archive() -> Iterator[None]:
    """Turn whatever a damaged archive makes its reader raise into InvalidModel."""
    try:
        yield
    except _ZIP_ERRORS as error:
        raise InvalidModel(
            f"the archive behind the model is damaged: {error}", remedy="write the metadata again"
        ) from error


def read_packed(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a file of the archive, empty if it is not there.

    Raises:
        InvalidModel: it is too large, or packed by a method without a bound.
    """
    if name not in archive.namelist():
        return b""
    entry = archive.getinfo(name)
    # Other methods decompress without a bound.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidModel(
            f"{name} must be stored or deflated",
            got=f"method {entry.compress_type}",
            remedy="write the metadata again",
            places=[Place(file=name)],
        )
    if entry.file_size > _LARGEST_FILE:
        raise InvalidModel(
            f"{name} must have at most {_LARGEST_FILE} bytes",
            got=f"{entry.file_size}",
            remedy="pack shorter labels",
            places=[Place(file=name)],
        )
    with archive.open(entry) as file:
        # With a size: an entry that understates its own would otherwise be decompressed whole.
        return file.read(entry.file_size)


def _choose_label_file(named: Sequence[AssociatedFile], packed: Container[str]) -> str:
    """Return the name of the output's label file, empty if there is none.

    English comes before no locale, because a file without one may hold identifiers.
    """
    candidates = [
        file
        for file in named
        if file.name in packed
        and file.type in (FileType.TENSOR_AXIS_LABELS, FileType.TENSOR_VALUE_LABELS)
    ]
    if not candidates:
        return ""
    return min(candidates, key=lambda file: (file.locale != _LOCALE, file.locale != "")).name
