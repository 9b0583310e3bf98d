"""The graphs in a .tflite file: what their outputs are, and whether they remember."""

from collections.abc import Mapping
from dataclasses import dataclass

from meshlens.classify.formats import tflite_schema as schema
from meshlens.classify.formats.producers import CONSTANT, Numbers, Operator, judge_numbers
from meshlens.classify.formats.tflite_metadata import reading
from meshlens.flatbuffer import Table

_BUILTIN_QUANTIZE, _BUILTIN_CALL_ONCE, _BUILTIN_ASSIGN_VARIABLE = 114, 129, 144
# The least and the largest number of a TensorType.
_BOUNDS = {3: (0, 255), 7: (-32768, 32767), 9: (-128, 127)}


@dataclass(frozen=True, slots=True)
class Graphs:
    """What the graphs of a model do.

    Attributes:
        inputs: for each graph, the least and the largest real that it can tell apart in an input
            that it quantizes, by the tensor's number.
        outputs: for each graph, what the numbers of its outputs are, likewise.
        signatures: the place of the graph of each signature, by its name.
        keeps_state: whether a run leaves something in tensors that the next one reads.
        assigns: whether a run changes variables that only a new interpreter has anew.
    """

    inputs: tuple[Mapping[int, tuple[float, float]], ...]
    outputs: tuple[Mapping[int, Numbers], ...]
    signatures: Mapping[str, int]
    keeps_state: bool
    assigns: bool

    def inputs_of(self, signature: str) -> Mapping[int, tuple[float, float]]:
        """Return the bounds of the inputs of a signature, chosen as in `outputs_of`."""
        return self.inputs[self.signatures.get(signature, 0)]

    def outputs_of(self, signature: str) -> Mapping[int, Numbers]:
        """Return what the outputs of a signature are; of the first graph if it has no such one."""
        return self.outputs[self.signatures.get(signature, 0)]


def read_graphs(data: bytes) -> Graphs:
    """Return what the graphs in a .tflite file do.

    Raises:
        InvalidModel: it is no such file, or damaged.
    """
    with reading("the model file"):
        return _read(Table.root(data, schema.IDENTIFIER))


def _read(root: Table) -> Graphs:
    codes = [
        schema.read_code(code)
        for code in root.tables(schema.Model.OPERATOR_CODES, most=schema.MOST_TABLES)
    ]
    graphs = [
        _Graph(table, codes)
        for table in root.tables(schema.Model.SUBGRAPHS, most=schema.MOST_TABLES)
    ]
    signatures = {
        table.text(schema.Signature.KEY): table.number(schema.Signature.SUBGRAPH, "<I")
        for table in root.tables(schema.Model.SIGNATURES, most=schema.MOST_TABLES)
    }
    if max(signatures.values(), default=0) >= len(graphs):
        raise ValueError(f"a signature is that of a graph beyond the {len(graphs)} there are")
    first_time = {place for graph in graphs for place in graph.called_once}
    return Graphs(
        inputs=tuple(graph.inputs for graph in graphs),
        outputs=tuple(graph.outputs for graph in graphs),
        signatures=signatures,
        keeps_state=any(graph.keeps_state for graph in graphs),
        assigns=any(graph.assigns for place, graph in enumerate(graphs) if place not in first_time),
    )


class _Graph:
    """One graph of a model."""

    def __init__(self, graph: Table, codes: list[int]) -> None:
        tensors = graph.tables(schema.Subgraph.TENSORS, most=schema.MOST_TABLES)
        outside = set(graph.numbers(schema.Subgraph.INPUTS, "<i"))
        self.keeps_state = any(tensor.number(schema.Tensor.IS_VARIABLE, "<B") for tensor in tensors)
        # What no operator computes is a constant, unless it is an input or a state.
        self._made: dict[int, Operator[int]] = {
            number: Operator(CONSTANT, ())
            for number, tensor in enumerate(tensors)
            if number not in outside and not tensor.number(schema.Tensor.IS_VARIABLE, "<B")
        }
        self._tensors, self._outside = tensors, outside
        self.inputs: dict[int, tuple[float, float]] = {}
        self.assigns = False
        self.called_once: list[int] = []
        for operator in graph.tables(schema.Subgraph.OPERATORS, most=schema.MOST_TABLES):
            code = codes[operator.number(schema.Operator.OPCODE_INDEX, "<I")]
            self._add(operator, code)
        self.outputs = {
            number: judge_numbers(number, self._made.get)
            for number in graph.numbers(schema.Subgraph.OUTPUTS, "<i")
        }

    def _add(self, operator: Table, code: int) -> None:
        self.assigns = self.assigns or code == _BUILTIN_ASSIGN_VARIABLE
        if code == _BUILTIN_CALL_ONCE:
            options = operator.table(schema.Operator.OPTIONS)
            self.called_once.append(options.number(0, "<i") if options else 0)
        inputs = tuple(
            number for number in operator.numbers(schema.Operator.INPUTS, "<i") if number >= 0
        )
        for place, number in enumerate(operator.numbers(schema.Operator.OUTPUTS, "<i")):
            if code == _BUILTIN_QUANTIZE and inputs[0] in self._outside and self._tensors:
                self._add_bounds(inputs[0], self._tensors[number])
            self._made[number] = Operator(schema.NAMES.get(code, f"builtin {code}"), inputs, place)

    def _add_bounds(self, number: int, quantized: Table) -> None:
        """Keep the reals that an input can hold once it is quantized."""
        parameters = quantized.table(schema.Tensor.QUANTIZATION)
        bounds = _BOUNDS.get(quantized.number(schema.Tensor.TYPE, "<b"))
        if parameters is None or bounds is None:
            return
        scales = list(parameters.numbers(schema.Quantization.SCALE, "<f"))
        zero_points = list(parameters.numbers(schema.Quantization.ZERO_POINT, "<q"))
        if len(scales) == len(zero_points) == 1:
            low, high = (float(scales[0] * (bound - zero_points[0])) for bound in bounds)
            self.inputs[number] = low, high
