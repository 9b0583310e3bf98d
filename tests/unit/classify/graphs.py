"""Small .tflite files that LiteRT runs, written operator by operator and without TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from numpy.typing import NDArray

_TYPES = {
    "float16": schema.TensorType.FLOAT16,
    "float32": schema.TensorType.FLOAT32,
    "float64": schema.TensorType.FLOAT64,
    "int64": schema.TensorType.INT64,
    "int32": schema.TensorType.INT32,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "bool": schema.TensorType.BOOL,
    "object": schema.TensorType.STRING,
}


@dataclass(frozen=True, slots=True)
class Node:
    """A tensor of a graph.

    Attributes:
        name: in the graph.
        shape: sizes of its axes, -1 where one is open.
        dtype: by numpy's name; object for text.
        value: of a constant, None for what is computed.
        scale: of quantized numbers, 0 for others.
        zero: number that stands for 0.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    value: NDArray[np.generic] | None = None
    scale: float = 0.0
    zero: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """An operator: its name, the tensors it reads and writes, and its options.

    Attributes:
        name: of a built-in operator, or of a custom one if `custom` is given.
        inputs: names of tensors.
        outputs: names of tensors.
        options: built-in ones, as the schema's object.
        custom: those of a custom operator.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Any = None
    custom: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph, and the signature under which it is exported.

    Attributes:
        nodes: its tensors.
        steps: its operators, in the order in which they run.
        inputs: names of its inputs.
        outputs: names of its outputs.
        signature: name of its function, empty for none.
        names: what the function calls the tensors.
    """

    nodes: Sequence[Node]
    steps: Sequence[Step]
    inputs: Sequence[str]
    outputs: Sequence[str]
    signature: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def constant(name: str, value: object, dtype: str = "float32") -> Node:
    """A tensor whose value is in the file."""
    array = np.array(value, dtype)
    return Node(name, array.shape, dtype, array)


def build_graphs(*graphs: Graph) -> bytes:
    """The bytes of a .tflite file with these graphs, the main one first."""
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes, model.subgraphs, model.signatureDefs = [], [], []
    for number, graph in enumerate(graphs):
        model.subgraphs.append(_subgraph(model, graph))
        if graph.signature:
            model.signatureDefs.append(_signature(graph, number))
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def answering(*answers: Node, image: Node | None = None, **options: Any) -> bytes:  # noqa: ANN401 - of Graph
    """A model whose outputs are constants, whatever its image shows."""
    seen = image or Node("image", (1, 16, 16, 3))
    names = tuple(answer.name for answer in answers)
    return build_graphs(Graph((seen, *answers), (), (seen.name,), names, **options))


def weights(shape: tuple[int, ...], dtype: str, *, scale: float = 0.0, zero: int = 0) -> Node:
    """Weights that all are one."""
    return Node("weights", shape, dtype, np.ones(shape, dtype), scale, zero)


def convolve(node: Node, operator: str = "CONV_2D", *more: Step) -> bytes:
    """A file to be read, not to be run: an operator with these weights, and what follows."""
    nodes = (Node("picture", (1, 8, 8, 4)), node, Node("made", (1, 8)), Node("end", (1, 8)))
    steps = (Step(operator, ("picture", "weights"), ("made",)), *more)
    return build_graphs(Graph(nodes, steps, ("picture",), ("end" if more else "made",)))


def _subgraph(model: Any, graph: Graph) -> Any:  # noqa: ANN401 - the schema has no types
    made = schema.SubGraphT()
    index = {node.name: number for number, node in enumerate(graph.nodes)}
    made.tensors = [_tensor(model, node) for node in graph.nodes]
    made.inputs = [index[name] for name in graph.inputs]
    made.outputs = [index[name] for name in graph.outputs]
    made.operators = [_operator(model, step, index) for step in graph.steps]
    return made


def _tensor(model: Any, node: Node) -> Any:  # noqa: ANN401 - as above
    made = schema.TensorT()
    made.name, made.type = node.name.encode(), _TYPES[node.dtype]
    made.shape = [max(size, 1) for size in node.shape]
    if -1 in node.shape:
        made.shapeSignature = list(node.shape)
    if node.value is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(node.value.astype(node.dtype).tobytes(), np.uint8)
        model.buffers.append(buffer)
        made.buffer = len(model.buffers) - 1
    if node.scale:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [node.scale], [node.zero]
    return made


def _operator(model: Any, step: Step, index: Mapping[str, int]) -> Any:  # noqa: ANN401 - as above
    code, made = schema.OperatorCodeT(), schema.OperatorT()
    name = "CUSTOM" if step.custom is not None else step.name
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    if step.custom is not None:
        code.customCode = step.name.encode()
        made.customOptions = np.frombuffer(flexbuffers.Dumps(dict(step.custom)), np.uint8)
    model.operatorCodes.append(code)
    made.opcodeIndex = len(model.operatorCodes) - 1
    made.inputs = [index[name] for name in step.inputs]
    made.outputs = [index[name] for name in step.outputs]
    if step.options is not None:
        kind = type(step.options).__name__.removesuffix("T")
        made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        made.builtinOptions = step.options
    return made


def _signature(graph: Graph, number: int) -> Any:  # noqa: ANN401 - as above
    def entries(names: Sequence[str]) -> list[Any]:
        made = []
        for name in names:
            entry = schema.TensorMapT()
            entry.name = graph.names.get(name, name).encode()
            entry.tensorIndex = [node.name for node in graph.nodes].index(name)
            made.append(entry)
        return made

    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = graph.signature.encode(), number
    made.inputs, made.outputs = entries(graph.inputs), entries(graph.outputs)
    return made


def build_binary(operator: str, dtype: str = "int32", size: int = 2) -> bytes:
    """A file with one operator of two inputs, `a` and `b`, and the output `c`."""
    nodes = [Node(name, (size,), dtype) for name in "abc"]
    return build_graphs(Graph(nodes, [Step(operator, ("a", "b"), ("c",))], "ab", "c"))


def build_endless() -> bytes:
    """A file whose output `y` is its input `x`, a number, but that never ends above zero."""
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    step = Step("WHILE", ("x",), ("y",), options)
    zero, one = constant("zero", [0.0]), constant("one", [1.0])
    x, y = Node("x", (1,)), Node("y", (1,))
    return build_graphs(
        Graph([x, y], [step], ["x"], ["y"]),
        Graph(
            [x, zero, Node("more", (1,), "bool")],
            [Step("GREATER", ("x", "zero"), ("more",))],
            ["x"],
            ["more"],
        ),
        Graph([x, one, y], [Step("MUL", ("x", "one"), ("y",))], ["x"], ["y"]),
    )


def build_scaled(factor: float) -> bytes:
    """A file whose output `y` is its input `x`, a number, times a factor."""
    nodes = [Node("x", (1,)), constant("factor", [factor]), Node("y", (1,))]
    return build_graphs(Graph(nodes, [Step("MUL", ("x", "factor"), ("y",))], ["x"], ["y"]))


def build_greedy() -> bytes:
    """A file whose output `y` is its input `x`, a number, and that takes 4 MB times that."""
    nodes = [
        Node("x", (1,)),
        constant("million", [1e6]),
        Node("n", (1,)),
        Node("whole", (1,), "int32"),
        constant("value", 1.0),
        Node("filled", (-1,)),
        constant("axis", [0], "int32"),
        Node("mean", ()),
        Node("y", (1,)),
    ]
    steps = [
        Step("MUL", ("x", "million"), ("n",)),
        Step("CAST", ("n",), ("whole",)),
        Step("FILL", ("whole", "value"), ("filled",)),
        Step("MEAN", ("filled", "axis"), ("mean",)),
        Step("MUL", ("x", "mean"), ("y",)),
    ]
    return build_graphs(Graph(nodes, steps, ["x"], ["y"]))


def build_brooding(how: str) -> bytes:
    """A classifier of pictures of 8 x 8 that `hangs`, `fails` or `eats` where one is bright.

    Warm-ups show gray pictures. It fails by a shape that none has, and eats up to 600 MB.
    """
    image = Node("image", (1, 8, 8, 3))
    nodes = [
        image,
        constant("axes", [0, 1, 2, 3], "int32"),
        Node("brightest", ()),
        constant("bright", 150.0),
        constant("scores", [[0.7, 0.3]]),
        constant("zero", 0.0),
        Node("whole", (), "int32"),
        Node("excess", ()),
        Node("over", ()),
        Node("end", (1,)),
        Node("answer", (1, 2)),
    ]
    shown = [
        Step("REDUCE_MAX", ("image", "axes"), ("brightest",)),
        Step("SUB", ("brightest", "bright"), ("over",)),
        Step("MAXIMUM", ("over", "zero"), ("excess",)),
    ]
    if how == "hangs":
        options = schema.WhileOptionsT()
        options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
        nodes += [Node("left", ())]
        ending = [Step("WHILE", ("excess",), ("left",), options)]
        last = "left"
    else:
        size = 1.5e6 if how == "eats" else -1.0
        nodes += [
            constant("size", size),
            constant("shape", [1], "int32"),
            Node("wanted", ()),
            Node("dims", (1,), "int32"),
            Node("count", (), "int32"),
            constant("one", 1.0),
            Node("filled", (-1,)),
            constant("axis", [0], "int32"),
            Node("left", ()),
        ]
        ending = [
            Step("MUL", ("excess", "size"), ("wanted",)),
            Step("CAST", ("wanted",), ("count",)),
            Step("RESHAPE", ("count", "shape"), ("dims",)),
            Step("FILL", ("dims", "one"), ("filled",)),
            Step("SUM", ("filled", "axis"), ("left",)),
        ]
        last = "left"
    nodes += [Node("none", ())]
    ending += [
        Step("MUL", (last, "zero"), ("none",)),
        Step("ADD", ("scores", "none"), ("answer",)),
    ]
    graphs = [Graph(nodes, [*shown, *ending], ["image"], ["answer"])]
    if how == "hangs":
        x, y, zero, one = Node("x", ()), Node("y", ()), constant("zero", 0.0), constant("one", 1.0)
        more = Node("more", (), "bool")
        graphs += [
            Graph([x, zero, more], [Step("GREATER", ("x", "zero"), ("more",))], ["x"], ["more"]),
            Graph([x, one, y], [Step("MUL", ("x", "one"), ("y",))], ["x"], ["y"]),
        ]
    return build_graphs(*graphs)
