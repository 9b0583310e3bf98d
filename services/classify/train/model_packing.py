"""What a trainer puts into a .tflite file beside the network: metadata, labels and subject."""  # noqa: INP001 - a script's part, not a package

import io
import zipfile
from collections.abc import Sequence

import flatbuffers
from metadata_encoding import encode_metadata
from tensorflow.lite.python import schema_py_generated as schema

from meshlens.classify.formats.tflite import METADATA_NAME, SUBJECT_FILE
from meshlens.classify.formats.tflite_metadata import (
    AssociatedFile,
    FileType,
    Metadata,
    Normalization,
)
from meshlens.classify.formats.tflite_schema import IDENTIFIER

_LABELS_FILE = "labels.txt"


def pack_model(
    model: bytes,
    *,
    name: str,
    description: str,
    normalization: Normalization,
    labels: Sequence[str],
    subject: str,
) -> bytes:
    """Return `model` with what the service, and TFLite's own tools, need to know of it.

    Args:
        model: a .tflite file without metadata.
        name: of the model.
        description: what it is, and whose.
        normalization: of its pixels.
        labels: the names of its classes, in their order.
        subject: what its pictures show, in one word.
    """
    files = (AssociatedFile(_LABELS_FILE, FileType.TENSOR_AXIS_LABELS),)
    metadata = Metadata(
        name=name, description=description, normalization=normalization, output_files=files
    )
    file = io.BytesIO(_add_metadata(model, encode_metadata(metadata)))
    with zipfile.ZipFile(file, "a") as archive:
        for entry, text in (
            (_LABELS_FILE, "".join(f"{label}\n" for label in labels)),
            (SUBJECT_FILE, f"{subject}\n"),
        ):
            # An entry created from only its name has a fixed date.
            archive.writestr(zipfile.ZipInfo(entry), text)
    return file.getvalue()


def pack_tree(tree: schema.ModelT) -> bytes:
    """Return a model as the bytes of a .tflite file."""
    builder = flatbuffers.Builder()
    builder.Finish(tree.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _add_metadata(model: bytes, metadata: bytes) -> bytes:
    tree = schema.ModelT.InitFromPackedBuf(model)
    buffer = schema.BufferT()
    buffer.data = list(metadata)
    tree.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(tree.buffers) - 1
    tree.metadata = [*(tree.metadata or []), entry]
    return pack_tree(tree)
