"""Small graphs that LiteRT runs, made operator by operator, for tests of what a model answers."""

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from metadata_encoding import encode_metadata

from meshlens.classify.formats.tflite_metadata import Metadata

SIDE = 8
_TYPES = {
    "float32": "FLOAT32",
    "uint8": "UINT8",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
}
_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "SOFTMAX": ("SoftmaxOptions", {"beta": 1.0}),
    "MEAN": ("ReducerOptions", {}),
    "SUM": ("ReducerOptions", {"keepDims": True}),
    "CONCATENATION": ("ConcatenationOptions", {"axis": 1}),
    "MUL": ("MulOptions", {}),
    "ADD": ("AddOptions", {}),
    "SUB": ("SubOptions", {}),
    "DIV": ("DivOptions", {}),
    "ARG_MAX": ("ArgMaxOptions", {"outputType": schema.TensorType.INT64}),
    "TRANSPOSE": ("TransposeOptions", {}),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (
        "SequenceRNNOptions",
        {"timeMajor": False, "fusedActivationFunction": schema.ActivationFunctionType.NONE},
    ),
}


class Graph:
    """A model in the making; tensors are their numbers.

    Args:
        shape: of its one input.
        dtype: of it.
        quantization: its scale and zero point.

    Attributes:
        image: the input.
    """

    def __init__(
        self,
        shape: tuple[int, ...] = (1, SIDE, SIDE, 3),
        dtype: str = "float32",
        quantization: tuple[float, int] | None = None,
    ) -> None:
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._codes: list[Any] = []
        self._buffers = [schema.BufferT()]
        self.image = self.tensor(shape, dtype, quantization=quantization)

    def tensor(
        self,
        shape: tuple[int, ...],
        dtype: str = "float32",
        *,
        quantization: tuple[float, int] | None = None,
        variable: bool = False,
    ) -> int:
        made = schema.TensorT()
        made.name = f"tensor {len(self._graph.tensors)}"
        made.shape = list(shape)
        made.type = getattr(schema.TensorType, _TYPES[dtype])
        made.isVariable = variable
        if quantization:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = [quantization[0]]
            made.quantization.zeroPoint = [quantization[1]]
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def constant(self, values: object, dtype: str = "float32") -> int:
        array = np.array(values, dtype)
        made = self.tensor(array.shape, dtype)
        buffer = schema.BufferT()
        buffer.data = list(array.tobytes())
        self._buffers.append(buffer)
        self._graph.tensors[made].buffer = len(self._buffers) - 1
        return made

    def apply(
        self,
        name: str,
        inputs: Sequence[int],
        shape: tuple[int, ...],
        dtype: str = "float32",
        *,
        quantization: tuple[float, int] | None = None,
    ) -> int:
        """Append an operator and return its output."""
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = 1
        self._codes.append(code)
        made = self.tensor(shape, dtype, quantization=quantization)
        operator.opcodeIndex = len(self._codes) - 1
        operator.inputs, operator.outputs = list(inputs), [made]
        if name in _OPTIONS:
            kind, values = _OPTIONS[name]
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = getattr(schema, f"{kind}T")()
            for field, value in values.items():
                setattr(operator.builtinOptions, field, value)
        self._graph.operators.append(operator)
        return made

    def close_loop(self, tensor: int, source: int) -> None:
        """Let the operator that computes `tensor` read `source`, whatever comes first."""
        for operator in self._graph.operators:
            if tensor in operator.outputs:
                operator.inputs = [source]

    def finish(self, *outputs: int, metadata: Metadata | None = None) -> bytes:
        """Return the file of the model."""
        self._graph.inputs, self._graph.outputs = [self.image], list(outputs)
        model = schema.ModelT()
        model.version = 3
        model.subgraphs, model.operatorCodes = [self._graph], self._codes
        model.buffers, model.metadata = self._buffers, []
        if metadata is not None:
            buffer, entry = schema.BufferT(), schema.MetadataT()
            buffer.data = list(encode_metadata(metadata))
            model.buffers.append(buffer)
            entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers) - 1
            model.metadata.append(entry)
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    # What several tests need -------------------------------------------------------------------

    def channels(self, image: int | None = None) -> int:
        """The logits of red, green and blue, of pixels from 0 to 255: which is the brightest."""
        axes = self.constant([1, 2], "int32")
        means = self.apply("MEAN", [self.image if image is None else image, axes], (1, 3))
        centred = self.apply("SUB", [means, self.constant(128)], (1, 3))
        return self.apply("MUL", [centred, self.constant(0.125)], (1, 3))

    def softmax(self, logits: int, shape: tuple[int, ...] = (1, 3)) -> int:
        return self.apply("SOFTMAX", [logits], shape)

    def part(self, tensor: int, begin: Sequence[int], size: Sequence[int]) -> int:
        bounds = [self.constant(begin, "int32"), self.constant(size, "int32")]
        return self.apply("SLICE", [tensor, *bounds], tuple(size))


def remembering() -> bytes:
    """A recurrent model of gray pictures, 0 to 1: what it has seen before is not forgotten."""
    graph = Graph((1, SIDE, SIDE))
    state = graph.tensor((1, 2), variable=True)
    weights = graph.constant(np.array([[-1] * SIDE, [1] * SIDE]) / SIDE)
    again = graph.constant(np.eye(2))
    bias = graph.constant([0.5, -0.5])
    steps = graph.apply(
        "UNIDIRECTIONAL_SEQUENCE_RNN", [graph.image, weights, again, bias, state], (1, SIDE, 2)
    )
    mean = graph.apply("MEAN", [steps, graph.constant([1], "int32")], (1, 2))
    return graph.finish(graph.softmax(mean, (1, 2)))
