"""Graphs of .tflite files made for tests, operator by operator, to be run."""

from collections.abc import Sequence
from dataclasses import dataclass

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "uint8": schema.TensorType.UINT8,
}


@dataclass(frozen=True)
class Tensor:
    """A tensor of a graph; -1 in its shape leaves a size open."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    constant: NDArray[np.generic] | None = None


@dataclass(frozen=True)
class Operator:
    """An operator and the tensors that it reads and writes."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    custom: str = ""


def build_graph(
    tensors: Sequence[Tensor],
    operators: Sequence[Operator],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> bytes:
    """Return a .tflite file."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT()], []
    places = {tensor.name: place for place, tensor in enumerate(tensors)}
    graph.tensors, graph.operators = [], []
    for tensor in tensors:
        made = schema.TensorT()
        made.name, made.type = tensor.name, _TYPES[tensor.dtype]
        made.shape = [max(size, 1) for size in tensor.shape]
        if -1 in tensor.shape:
            made.shapeSignature = list(tensor.shape)
        if tensor.constant is not None:
            buffer = schema.BufferT()
            buffer.data = list(tensor.constant.tobytes())
            model.buffers.append(buffer)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
    for place, operator in enumerate(operators):
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = getattr(schema.BuiltinOperator, operator.name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        code.customCode = operator.custom or None
        model.operatorCodes.append(code)
        made.opcodeIndex = place
        made.inputs = [places[name] for name in operator.inputs]
        made.outputs = [places[name] for name in operator.outputs]
        graph.operators.append(made)
    graph.inputs = [places[name] for name in inputs]
    graph.outputs = [places[name] for name in outputs]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def build_binary(operator: str, dtype: str = "int32", size: int = 2) -> bytes:
    """Return a file with one operator of two inputs, `a` and `b`, and the output `c`."""
    tensors = [Tensor(name, (size,), dtype) for name in "abc"]
    return build_graph(tensors, [Operator(operator, ("a", "b"), ("c",))], "ab", "c")
