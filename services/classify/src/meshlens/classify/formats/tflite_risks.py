"""What in a .tflite file may end the process that runs it, or take any amount of memory or time.

LiteRT computes on the calling thread and checks little: an integer remainder of the smallest number
by -1 is a signal that ends the process (google-ai-edge/LiteRT#9189). A graph is without risk if
nothing in it depends on the values that callers send but values: no integer division, no size or
index that comes from an input, no loop, no operation that LiteRT does not bring along. All others
are run elsewhere (`engines.opening`).
"""

from collections.abc import Iterator, Mapping, Sequence

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats import tflite_schema as schema
from meshlens.classify.formats.tflite_metadata import reading
from meshlens.flatbuffer import Table

_CUSTOM = 32
# The names of those that are met most often.
_NAMES: Mapping[int, str] = {
    7: "EMBEDDING_LOOKUP",
    10: "HASHTABLE_LOOKUP",
    31: "CALL",
    109: "WHERE",
    118: "IF",
    119: "WHILE",
    120: "NON_MAX_SUPPRESSION_V4",
    121: "NON_MAX_SUPPRESSION_V5",
    122: "SCATTER_ND",
    129: "CALL_ONCE",
    143: "READ_VARIABLE",
    144: "ASSIGN_VARIABLE",
}
_KNOWN_CUSTOM = frozenset({"TFLite_Detection_PostProcess"})
_SHAPE, _RANK = 77, 110

# Operators of tensorflow/lite/schema/schema.fbs, by what of them must not come from an input.
# Those that only compute with values, whatever the values are:
_PLAIN = frozenset(
    {
        *(0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 24, 25, 26, 27, 28),
        *(35, 41, 43, 44, 46, 47, 50, 52, 53, 54, 55, 57, 58, 59, 61, 62, 63, 64, 66, 71, 72, 73),
        *(75, 76, 77, 78, 80, 83, 84, 86, 87, 88, 92, 93, 98, 99, 101, 104, 106, 108, 110, 111),
        *(114, 116, 117, 123, 124, 126, 150, 152, 156, 158),
    }
)
# Those with sizes, axes or indices among their inputs, by the position of these:
_CONTROLLED: Mapping[int, tuple[int, ...]] = {
    **dict.fromkeys((22, 23, 34, 36, 39, 40, 48, 56, 60, 69, 70, 74, 79, 81, 82, 89, 91), (1,)),
    **dict.fromkeys((97, 100, 105, 107, 128, 130, 139, 140), (1,)),
    **dict.fromkeys((49, 67, 94), (0,)),
    **dict.fromkeys((37, 38, 65, 102), (1, 2)),
    45: (1, 2, 3),
    96: (0, 1, 2),
    145: (0, 1),
}
# Division traps on integers.
_DIVIDES: Mapping[int, str] = {42: "DIV", 90: "FLOOR_DIV", 95: "FLOOR_MOD"}
_FLOATS = frozenset({0, 1, 10, 18})  # FLOAT32, FLOAT16, FLOAT64, BFLOAT16


def find_risk(data: bytes) -> str:
    """Return what may end the process that runs a .tflite file or exhaust it, empty if nothing."""
    try:
        with reading("the model file"):
            return next(_find_risks(Table.root(data, schema.IDENTIFIER)), "")
    except InvalidModel as error:
        return str(error)


def is_understood(code: int, name: str) -> bool:
    """Return whether it is known what an operator does, and that its inputs decide all of it.

    Args:
        code: its number.
        name: that of a custom operator.
    """
    known = code in _PLAIN or code in _CONTROLLED or code in _DIVIDES
    return known or (code == _CUSTOM and name in _KNOWN_CUSTOM)


def _find_risks(root: Table) -> Iterator[str]:
    codes = [
        _describe_code(code)
        for code in root.tables(schema.Model.OPERATOR_CODES, most=schema.MOST_TABLES)
    ]
    constant = [
        bool(buffer.content(schema.Buffer.DATA)) or buffer.number(schema.Buffer.OFFSET, "<Q") > 1
        for buffer in root.tables(schema.Model.BUFFERS, most=schema.MOST_TABLES)
    ]
    for graph in root.tables(schema.Model.SUBGRAPHS, most=schema.MOST_TABLES):
        tensors = graph.tables(schema.Subgraph.TENSORS, most=schema.MOST_TABLES)
        for number in graph.numbers(schema.Subgraph.INPUTS, "<i"):
            signature = [*tensors[number].numbers(schema.Tensor.SHAPE_SIGNATURE, "<i")]
            if -1 in signature[1:]:
                yield "an input of any size"
        # What is the same for all values of the inputs: constants, and what follows from shapes.
        known = {
            number
            for number, tensor in enumerate(tensors)
            if constant[tensor.number(schema.Tensor.BUFFER, "<I")]
        }
        for operator in graph.tables(schema.Subgraph.OPERATORS, most=schema.MOST_TABLES):
            code, name = codes[operator.number(schema.Operator.OPCODE_INDEX, "<I")]
            inputs = [int(number) for number in operator.numbers(schema.Operator.INPUTS, "<i")]
            unknown = {number for number in inputs if number >= 0} - known
            if not unknown or code in (_SHAPE, _RANK):
                known.update(operator.numbers(schema.Operator.OUTPUTS, "<i"))
            if code in _DIVIDES:
                types = {tensors[number].number(schema.Tensor.TYPE, "<b") for number in unknown}
                risk = "" if types <= _FLOATS else f"{_DIVIDES[code]} of integers"
            else:
                risk = _judge(code, name, [number in unknown for number in inputs])
            if risk:
                yield risk


def _judge(code: int, name: str, unknown: Sequence[bool]) -> str:
    """Return the risk of an operator, given which of its inputs depend on what callers send."""
    if code in _CONTROLLED:
        controls = any(unknown[at] for at in _CONTROLLED[code] if at < len(unknown))
        return f"operator {code} with sizes or indices from an input" if controls else ""
    if code in _PLAIN or (code == _CUSTOM and name in _KNOWN_CUSTOM):
        return ""
    return f"operator {name or _NAMES.get(code, code)}"


def _describe_code(code: Table) -> tuple[int, str]:
    """Return the number of an operator, and its name if it is a custom one."""
    return schema.read_code(code), code.text(schema.OperatorCode.CUSTOM_CODE)
