"""A .tflite file as a document: labels, normalization, and what its last operator is.

The file is a flatbuffer (identifier TFL3, field numbers of tensorflow/lite/schema/schema.fbs);
behind it may stand a zip archive with the files that its metadata names.
"""

import io
import zipfile
import zlib
from collections.abc import Container, Sequence
from dataclasses import dataclass

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.flatbuffer import Table, reading
from meshlens.classify.formats.labels import decode_labels, decode_text
from meshlens.classify.formats.tflite_metadata import (
    AssociatedFile,
    FileType,
    Metadata,
    Normalization,
    decode_metadata,
)

IDENTIFIER = b"TFL3"
METADATA_NAME = "TFLITE_METADATA"
SUBJECT_FILE = "subject.txt"

_LARGEST_FILE = 4 * 1024 * 1024
_MOST_METADATA = 64
_MOST_OPERATORS = 100_000
_LOCALE = "en"

# What zipfile raises on archives that are not as they say.
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

# BuiltinOperator
_DEQUANTIZE, _LOGISTIC, _RESHAPE, _SOFTMAX, _SQUEEZE, _CAST, _QUANTIZE = 6, 14, 22, 25, 43, 53, 114
_KEEPS_VALUES = frozenset({_DEQUANTIZE, _RESHAPE, _SQUEEZE, _CAST, _QUANTIZE})
_MAKES_PROBABILITIES = frozenset({_LOGISTIC, _SOFTMAX})


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a model file says about itself.

    Attributes:
        labels: one for each class, empty if it names none.
        subject: what its pictures show, in one word, empty if it does not say.
        normalization: of the pixels, None if it does not say.
        probabilities: whether the graph ends in a softmax or logistic operator, so that its
            first output needs no softmax. Operators that keep values are looked through.
    """

    labels: tuple[str, ...]
    subject: str
    normalization: Normalization | None
    probabilities: bool


def decode_model_file(data: bytes) -> ModelFile:
    """Return what the bytes of a .tflite file say.

    Raises:
        InvalidModel: they are no such file, or damaged.
    """
    with reading("the model file"):
        root = Table.root(data, IDENTIFIER)
        probabilities = _ends_in_probabilities(root)
        metadata = _metadata(root)
    labels, subject = _packed_files(data, metadata.output_files)
    return ModelFile(
        labels=decode_labels(labels) if labels else (),
        subject=decode_text(subject).strip(),
        normalization=metadata.normalization,
        probabilities=probabilities,
    )


def _ends_in_probabilities(root: Table) -> bool:
    codes = [
        # A code above 127 does not fit the old field, one of an old file is not in the new one.
        max(code.number(0, "i1"), code.number(3, "<i4"))
        for code in root.tables(1, most=_MOST_OPERATORS)
    ]
    main = root.tables(2, most=_MOST_OPERATORS)[0]
    wanted = main.numbers(2, "<i4")[0]
    for operator in reversed(main.tables(3, most=_MOST_OPERATORS)):
        if wanted not in operator.numbers(2, "<i4"):
            continue
        code = codes[operator.number(0, "<u4")]
        if code not in _KEEPS_VALUES:
            return code in _MAKES_PROBABILITIES
        wanted = operator.numbers(1, "<i4")[0]
    return False


def _metadata(root: Table) -> Metadata:
    for entry in root.tables(6, most=_MOST_METADATA):
        if entry.text(0) == METADATA_NAME:
            buffers = root.tables(4, most=_MOST_OPERATORS)
            buffer = buffers[entry.number(1, "<u4")]
            return decode_metadata(buffer.numbers(0, "u1").tobytes())
    return Metadata()


def _packed_files(data: bytes, named: Sequence[AssociatedFile]) -> tuple[bytes, bytes]:
    """Return the label file and the subject file of the archive, empty where there is none."""
    stream = io.BytesIO(data)
    if not zipfile.is_zipfile(stream):
        return b"", b""
    try:
        with zipfile.ZipFile(stream) as archive:
            return (
                _read_packed(archive, _choose_label_file(named, archive.namelist())),
                _read_packed(archive, SUBJECT_FILE),
            )
    except _ZIP_ERRORS as error:
        raise InvalidModel(f"the archive behind the model is damaged: {error}") from error


def _read_packed(archive: zipfile.ZipFile, name: str) -> bytes:
    if name not in archive.namelist():
        return b""
    entry = archive.getinfo(name)
    # Other methods decompress without a bound.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidModel(f"{name} must be stored or deflated, got method {entry.compress_type}")
    if entry.file_size > _LARGEST_FILE:
        raise InvalidModel(f"{name} must have at most {_LARGEST_FILE} bytes, got {entry.file_size}")
    with archive.open(entry) as file:
        # Without a size, a wrong one in the archive would be decompressed whole.
        return file.read(entry.file_size)


def _choose_label_file(named: Sequence[AssociatedFile], packed: Container[str]) -> str:
    """Return the label file of the output, empty if there is none.

    A file in English comes before the one without a locale, which may hold identifiers.
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
