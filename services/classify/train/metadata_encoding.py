"""TFLite model metadata as a flatbuffer: what a trainer puts into a model file.

The service only reads it: `meshlens.classify.formats.tflite_metadata`.
"""  # noqa: INP001 - a script's part, not a package

from collections.abc import Mapping, Sequence

import flatbuffers
import numpy as np

from meshlens.classify.formats.tflite_metadata import (
    IDENTIFIER,
    NORMALIZATION,
    AssociatedFile,
    Metadata,
    Normalization,
)


def encode_metadata(metadata: Metadata, further: Sequence[AssociatedFile] = ()) -> bytes:
    """Return the flatbuffer, readable by the service and by TFLite's own tools.

    Args:
        metadata: its `output_files` are those of the first output.
        further: files of a second output.
    """
    builder = flatbuffers.Builder()
    inputs = _encode_offsets(builder, [_encode_input(builder, metadata.normalization)])
    files = [metadata.output_files, *([further] if further else [])]
    outputs = _encode_offsets(builder, [_encode_output(builder, each) for each in files])
    subgraph = _encode_table(builder, 10, {2: inputs, 3: outputs})
    fields = {
        0: builder.CreateString(metadata.name),
        1: builder.CreateString(metadata.description),
        3: _encode_offsets(builder, [subgraph]),
    }
    builder.Finish(_encode_table(builder, 8, fields), IDENTIFIER)
    return bytes(builder.Output())


def _encode_input(builder: flatbuffers.Builder, normalization: Normalization | None) -> int:
    if normalization is None:
        return _encode_table(builder, 7, {})
    options = _encode_table(
        builder,
        2,
        {
            0: builder.CreateNumpyVector(np.array(normalization.mean, "<f4")),
            1: builder.CreateNumpyVector(np.array(normalization.std, "<f4")),
        },
    )
    unit = _encode_table(builder, 2, {1: options}, numbers={0: NORMALIZATION})
    return _encode_table(builder, 7, {4: _encode_offsets(builder, [unit])})


def _encode_output(builder: flatbuffers.Builder, files: Sequence[AssociatedFile]) -> int:
    encoded = [
        _encode_table(
            builder,
            5,
            {0: builder.CreateString(file.name), 3: builder.CreateString(file.locale)},
            numbers={2: file.type},
        )
        for file in files
    ]
    return _encode_table(builder, 7, {6: _encode_offsets(builder, encoded)})


def _encode_table(
    builder: flatbuffers.Builder,
    slots: int,
    offsets: Mapping[int, int],
    *,
    numbers: Mapping[int, int] | None = None,
) -> int:
    """Write a table of `slots` fields, offsets and 8-bit numbers by slot; return its offset."""
    builder.StartObject(slots)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, number in (numbers or {}).items():
        builder.PrependUint8Slot(slot, number, 0)
    return int(builder.EndObject())


def _encode_offsets(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    """Write a vector of offsets and return its offset."""
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
