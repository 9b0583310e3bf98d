"""TFLite model metadata: how a model file describes its pictures and labels.

The metadata is a separate flatbuffer (identifier M001) inside the model. Field numbers are
those of tensorflow/lite/support/metadata/metadata_schema.fbs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from meshlens.classify.errors import InvalidModel
from meshlens.flatbuffer import Table, WrongIdentifier

IDENTIFIER = b"M001"
NORMALIZATION = 1  # member of the union ProcessUnitOptions
_MOST_TABLES = 256


class _Model(IntEnum):
    """Slots of the table ModelMetadata."""

    NAME = 0
    DESCRIPTION = 1
    SUBGRAPHS = 3


class _Subgraph(IntEnum):
    """Slots of the table SubGraphMetadata."""

    INPUTS = 2
    OUTPUTS = 3


class _Tensor(IntEnum):
    """Slots of the table TensorMetadata."""

    PROCESS_UNITS = 4
    ASSOCIATED_FILES = 6


class _ProcessUnit(IntEnum):
    """Slots of the table ProcessUnit."""

    OPTIONS_TYPE = 0
    OPTIONS = 1


class _Normalization(IntEnum):
    """Slots of the table NormalizationOptions."""

    MEAN = 0
    STD = 1


class _File(IntEnum):
    """Slots of the table AssociatedFile."""

    NAME = 0
    TYPE = 2
    LOCALE = 3


class FileType(IntEnum):
    """The content of an associated file (AssociatedFileType)."""

    UNKNOWN = 0
    DESCRIPTIONS = 1
    TENSOR_AXIS_LABELS = 2
    TENSOR_VALUE_LABELS = 3


_VALUES = FileType.TENSOR_VALUE_LABELS
_LABELS = frozenset({FileType.TENSOR_AXIS_LABELS, _VALUES})


@dataclass(frozen=True, slots=True)
class Normalization:
    """tensor = (pixel - mean) / std, pixels from 0 to 255; one value, or one per channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AssociatedFile:
    """A file that is packed with the model.

    Attributes:
        name: in the archive behind the model.
        type: its content; types of later schemas are UNKNOWN.
        locale: language of its text, empty for the model's own names.
    """

    name: str
    type: FileType
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of a model's metadata that classification needs.

    Attributes:
        name: of the model.
        description: of the model.
        normalization: of the first input; None if not stated.
        output_files: associated files of the first output; if it has no labels, those that name
            the classes whose numbers another one holds, as a detector's does.
    """

    name: str = ""
    description: str = ""
    normalization: Normalization | None = None
    output_files: tuple[AssociatedFile, ...] = ()


def decode_metadata(data: bytes) -> Metadata:
    """Return the metadata in the flatbuffer `data`.

    Raises:
        InvalidModel: it is damaged.
    """
    with reading("the model's metadata"):
        root = Table.root(data, IDENTIFIER)
        inputs, outputs = _first_subgraph(root)
        return Metadata(
            name=root.text(_Model.NAME),
            description=root.text(_Model.DESCRIPTION),
            normalization=_normalization(inputs[0]) if inputs else None,
            output_files=_output_files(outputs),
        )


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever a damaged `what` makes its reader raise into InvalidModel."""
    try:
        yield
    except WrongIdentifier as error:
        raise InvalidModel(
            f"expected a flatbuffer marked {error.expected!r}",
            got=repr(error.got),
            remedy="is this file complete, and of that type?",
        ) from error
    except (LookupError, ValueError) as error:
        raise InvalidModel(
            f"{what} is damaged: {error}", remedy="export the model or copy it again"
        ) from error


def _first_subgraph(root: Table) -> tuple[list[Table], list[Table]]:
    """Return the metadata of the main graph's input tensors and output tensors."""
    subgraphs = root.tables(_Model.SUBGRAPHS, most=_MOST_TABLES)
    if not subgraphs:
        return [], []
    main = subgraphs[0]
    return (
        main.tables(_Subgraph.INPUTS, most=_MOST_TABLES),
        main.tables(_Subgraph.OUTPUTS, most=_MOST_TABLES),
    )


def _normalization(tensor: Table) -> Normalization | None:
    for unit in tensor.tables(_Tensor.PROCESS_UNITS, most=_MOST_TABLES):
        options = unit.table(_ProcessUnit.OPTIONS)
        if options is not None and unit.number(_ProcessUnit.OPTIONS_TYPE, "<B") == NORMALIZATION:
            return Normalization(
                mean=tuple(options.numbers(_Normalization.MEAN, "<f")),
                std=tuple(options.numbers(_Normalization.STD, "<f")),
            )
    return None


def _output_files(outputs: list[Table]) -> tuple[AssociatedFile, ...]:
    files = [_files(tensor) for tensor in outputs]
    names = tuple(file for more in files[1:] for file in more if file.type is _VALUES)
    first = files[0] if files else ()
    return first if any(file.type in _LABELS for file in first) else first + names


def _files(tensor: Table) -> tuple[AssociatedFile, ...]:
    types = frozenset(FileType)
    return tuple(
        AssociatedFile(
            name=file.text(_File.NAME),
            type=FileType(number) if number in types else FileType.UNKNOWN,
            locale=file.text(_File.LOCALE),
        )
        for file in tensor.tables(_Tensor.ASSOCIATED_FILES, most=_MOST_TABLES)
        for number in (file.number(_File.TYPE, "<b"),)
    )
