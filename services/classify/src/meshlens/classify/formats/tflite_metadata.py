"""TFLite model metadata: how a model file describes its pictures and labels.

The metadata is a separate flatbuffer (identifier M001) inside the model. Field numbers are
those of tensorflow/lite/support/metadata/metadata_schema.fbs.
"""

from dataclasses import dataclass
from enum import IntEnum

from meshlens.classify.formats.flatbuffer import Table, reading

IDENTIFIER = b"M001"
NORMALIZATION = 1  # member of the union ProcessUnitOptions
_MOST_TABLES = 256


class FileType(IntEnum):
    """The content of an associated file (AssociatedFileType)."""

    UNKNOWN = 0
    DESCRIPTIONS = 1
    TENSOR_AXIS_LABELS = 2
    TENSOR_VALUE_LABELS = 3


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
        output_files: associated files of the first output.
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
            name=root.text(0),
            description=root.text(1),
            normalization=_normalization(inputs[0]) if inputs else None,
            output_files=_files(outputs[0]) if outputs else (),
        )


def _first_subgraph(root: Table) -> tuple[list[Table], list[Table]]:
    """Return the metadata of the main graph's input tensors and output tensors."""
    subgraphs = root.tables(3, most=_MOST_TABLES)
    if not subgraphs:
        return [], []
    main = subgraphs[0]
    return main.tables(2, most=_MOST_TABLES), main.tables(3, most=_MOST_TABLES)


def _normalization(tensor: Table) -> Normalization | None:
    for unit in tensor.tables(4, most=_MOST_TABLES):
        options = unit.table(1)
        if options is not None and unit.number(0, "u1") == NORMALIZATION:
            mean, std = (
                tuple(float(value) for value in options.numbers(slot, "<f4").tolist())
                for slot in (0, 1)
            )
            return Normalization(mean, std)
    return None


def _files(tensor: Table) -> tuple[AssociatedFile, ...]:
    types = frozenset(FileType)
    return tuple(
        AssociatedFile(
            name=file.text(0),
            type=FileType(number) if number in types else FileType.UNKNOWN,
            locale=file.text(3),
        )
        for file in tensor.tables(6, most=_MOST_TABLES)
        for number in (file.number(2, "i1"),)
    )
