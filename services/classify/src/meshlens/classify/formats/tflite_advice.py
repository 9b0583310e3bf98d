"""Which other form of a .tflite file would be faster or smaller, by the weights that it has.

What is said of CPU was measured, on what `Advice.measured` names. Of files that have nothing to
gain for sure nothing is said: those with weights of signed integers or of float16 already, those
that mix them, and those with operators that no converter makes anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from meshlens.classify.formats import tflite_schema as schema
from meshlens.classify.formats.tflite_metadata import reading
from meshlens.flatbuffer import Table

_CUSTOM = 32
# Operators whose second input are weights: CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and
# TRANSPOSE_CONV. The third is no convolution.
_WEIGHTED = frozenset({3, 4, 9, 67})
_FULLY_CONNECTED = 9
_SECOND = 1
_FLOAT32, _UINT8 = 0, 3
_TYPES: Mapping[int, str] = {_FLOAT32: "float32", 1: "float16", _UINT8: "uint8", 9: "int8"}
# Of less, the half is nothing that anybody would notice.
_LEAST_BYTES = 1024 * 1024
_WITHOUT_VNNI = "one thread of an x86-64 CPU with AVX2 and without VNNI"
_WITH_VNNI = "one with AVX-512 VNNI"
_DIFFER = "other CPUs and networks differ"
_HOW = (
    "`classify-models export` makes one from the SavedModel or the Keras file that this file was"
    " converted from, and keeps it only if it answers the same for pictures of yours"
)


class Form(StrEnum):
    """What the weights of a .tflite file can be converted to."""

    INT8 = "int8"  # and everything between them, with a scale for each channel
    FLOAT16 = "float16"


class Reason(StrEnum):
    """Why another form would be better, in one word for programs."""

    INT8_FOR_UINT8 = "INT8_FOR_UINT8"
    INT8_FOR_FLOAT32 = "INT8_FOR_FLOAT32"
    FLOAT16_FOR_FLOAT32 = "FLOAT16_FOR_FLOAT32"


@dataclass(frozen=True, slots=True)
class Advice:
    """Another form of a model that would be faster or smaller.

    Attributes:
        reason: why.
        to: the form.
        text: what is gained, and how, for people.
        cpu: of the CPU for a picture, the share that would be left; 1 if it stays.
        size: of the bytes of the file, the share that would be left; 1 if they stay.
        measured: what `cpu` was measured with.
    """

    reason: Reason
    to: Form
    text: str
    cpu: float
    size: float
    measured: str


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of the convolutions and fully connected layers of a .tflite file.

    Attributes:
        type: numpy's name for what they are, "mixed" if they differ, empty if there are none or
            they are computed.
        bytes: how many they take.
        convolutions: whether some are those of convolutions.
        shifted: whether they have one scale for each tensor, and some of them a zero point.
        plain: whether all operators of the file are built in, in one graph.
    """

    type: str
    bytes: int
    convolutions: bool
    shifted: bool
    plain: bool


def read_weights(data: bytes) -> Weights:
    """Return what the weights of a .tflite file are.

    Raises:
        InvalidModel: it is no such file, or damaged.
    """
    with reading("the model file"):
        root = Table.root(data, schema.IDENTIFIER)
        codes = [
            schema.read_code(code)
            for code in root.tables(schema.Model.OPERATOR_CODES, most=schema.MOST_TABLES)
        ]
        graphs = root.tables(schema.Model.SUBGRAPHS, most=schema.MOST_TABLES)
        found = [each for graph in graphs for each in _find(graph, codes)]
        buffers = root.tables(schema.Model.BUFFERS, most=schema.MOST_TABLES)
        numbers = {tensor.number(schema.Tensor.BUFFER, "<I") for _, tensor in found}
        sizes = {number: len(buffers[number].content(schema.Buffer.DATA)) for number in numbers}
        return Weights(
            type=_name_type([tensor for _, tensor in found], sizes),
            bytes=sum(sizes.values()),
            convolutions=any(code != _FULLY_CONNECTED for code, _ in found),
            shifted=_are_shifted([tensor for _, tensor in found]),
            plain=len(graphs) == 1 and _CUSTOM not in codes,
        )


def advise(data: bytes) -> tuple[Advice, ...]:
    """Return the forms that would be faster or smaller than a .tflite file, the best first.

    Raises:
        InvalidModel: it is no such file, or damaged.
    """
    weights = read_weights(data)
    if not weights.plain:
        return ()
    if weights.type == _TYPES[_UINT8] and weights.shifted and weights.convolutions:
        return (_INT8_FOR_UINT8,)
    if weights.type == _TYPES[_FLOAT32] and weights.bytes >= _LEAST_BYTES:
        return tuple(_advise_floats(weights, len(data)))
    return ()


def _find(graph: Table, codes: Sequence[int]) -> Iterator[tuple[int, Table]]:
    """Yield the code and the weights of each operator of a graph that has some."""
    tensors = graph.tables(schema.Subgraph.TENSORS, most=schema.MOST_TABLES)
    for operator in graph.tables(schema.Subgraph.OPERATORS, most=schema.MOST_TABLES):
        code = codes[operator.number(schema.Operator.OPCODE_INDEX, "<I")]
        inputs = [*operator.numbers(schema.Operator.INPUTS, "<i")]
        if code in _WEIGHTED and len(inputs) > _SECOND and inputs[_SECOND] >= 0:
            yield code, tensors[inputs[_SECOND]]


def _name_type(tensors: Sequence[Table], sizes: Mapping[int, int]) -> str:
    """Return the type of weights; none if bytes of some are not in the file."""
    if not all(sizes[tensor.number(schema.Tensor.BUFFER, "<I")] for tensor in tensors):
        return ""
    types = {tensor.number(schema.Tensor.TYPE, "<b") for tensor in tensors}
    if len(types) > 1:
        return "mixed"
    return next((_TYPES.get(number, f"type {number}") for number in types), "")


def _are_shifted(tensors: Sequence[Table]) -> bool:
    shifted = False
    for tensor in tensors:
        parameters = tensor.table(schema.Tensor.QUANTIZATION)
        if parameters is None or len([*parameters.numbers(schema.Quantization.SCALE, "<f")]) != 1:
            return False
        shifted = shifted or any(parameters.numbers(schema.Quantization.ZERO_POINT, "<q"))
    return shifted


_INT8_FOR_UINT8 = Advice(
    reason=Reason.INT8_FOR_UINT8,
    to=Form.INT8,
    text="Its weights are unsigned integers with one scale for each tensor. Signed ones with a"
    f" scale for each channel would take about 0.72 of the CPU for a picture: {_HOW}.",
    cpu=0.72,
    size=1.0,
    measured=f"two conversions of MobileNet v2 (224 x 224), {_WITHOUT_VNNI}; {_DIFFER}",
)


def _advise_floats(weights: Weights, size: int) -> Iterator[Advice]:
    """Yield the forms that are better than one of floats whose file has `size` bytes."""
    integers = round((size - weights.bytes * 3 / 4) / size, 2)
    halves = round((size - weights.bytes / 2) / size, 2)
    if weights.convolutions:
        yield Advice(
            reason=Reason.INT8_FOR_FLOAT32,
            to=Form.INT8,
            text=f"Its weights are float32. As 8-bit integers the file would have about"
            f" {integers:g} of its bytes and take 0.96 of the CPU for a picture, 0.47 where the CPU"
            f" has VNNI, if its answers stay right: {_HOW}.",
            cpu=0.96,
            size=integers,
            measured=f"two conversions of EfficientNet-Lite0 (224 x 224): 0.96 on {_WITHOUT_VNNI},"
            f" 0.47 on {_WITH_VNNI}; {_DIFFER}",
        )
    yield Advice(
        reason=Reason.FLOAT16_FOR_FLOAT32,
        to=Form.FLOAT16,
        text=f"Its weights are float32. As float16 the file would have about {halves:g} of its"
        f" bytes, take the same CPU, and answer nearly the same: {_HOW}.",
        cpu=1.0,
        size=halves,
        measured=f"two conversions of EfficientNet-Lite0 (224 x 224): 0.97 on {_WITHOUT_VNNI}, 0.98"
        f" on {_WITH_VNNI}; {_DIFFER}",
    )
