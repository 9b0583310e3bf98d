"""Model files made for tests: just enough of a graph to be read, not to be run."""

import io
import zipfile
from collections.abc import Mapping, Sequence

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from metadata_encoding import encode_metadata

from meshlens.classify.formats.tflite_metadata import Metadata


def build_model(
    metadata: Metadata | None,
    packed: Mapping[str, bytes] | None = None,
    *,
    operators: Sequence[str] = ("SOFTMAX",),
) -> bytes:
    """A .tflite file of `operators` in a row, with files packed behind it."""
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    model.operatorCodes, model.metadata = [], []
    graph = schema.SubGraphT()
    graph.inputs, graph.outputs = [0], [len(operators)]
    graph.operators, graph.tensors = [], []
    for place, name in enumerate(operators):
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        operator.opcodeIndex, operator.inputs, operator.outputs = place, [place], [place + 1]
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    model.subgraphs = [graph]
    if metadata is not None:
        buffer, entry = schema.BufferT(), schema.MetadataT()
        buffer.data = list(encode_metadata(metadata))
        entry.name, entry.buffer = "TFLITE_METADATA", 1
        model.buffers.append(buffer)
        model.metadata = [entry]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    file = io.BytesIO(bytes(builder.Output()))
    if packed:
        with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, data in packed.items():
                archive.writestr(name, data)
    return file.getvalue()
