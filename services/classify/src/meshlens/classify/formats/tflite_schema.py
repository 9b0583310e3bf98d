"""The tables of a .tflite file: slots of their fields, and the codes of operators.

They are those of tensorflow/lite/schema/schema.fbs.
"""

from collections.abc import Mapping
from enum import IntEnum

from meshlens.flatbuffer import Table

IDENTIFIER = b"TFL3"
MOST_TABLES = 100_000  # of one kind


class Model(IntEnum):
    """Slots of the table Model."""

    OPERATOR_CODES = 1
    SUBGRAPHS = 2
    BUFFERS = 4
    METADATA = 6
    SIGNATURES = 7


class OperatorCode(IntEnum):
    """Slots of the table OperatorCode."""

    DEPRECATED_BUILTIN_CODE = 0
    CUSTOM_CODE = 1
    BUILTIN_CODE = 3


class Subgraph(IntEnum):
    """Slots of the table SubGraph."""

    TENSORS = 0
    INPUTS = 1
    OUTPUTS = 2
    OPERATORS = 3


class Tensor(IntEnum):
    """Slots of the table Tensor."""

    TYPE = 1
    BUFFER = 2
    NAME = 3
    QUANTIZATION = 4
    IS_VARIABLE = 5
    SHAPE_SIGNATURE = 7


class Quantization(IntEnum):
    """Slots of the table QuantizationParameters."""

    SCALE = 2
    ZERO_POINT = 3


class Operator(IntEnum):
    """Slots of the table Operator."""

    OPCODE_INDEX = 0
    INPUTS = 1
    OUTPUTS = 2
    OPTIONS = 4


class Signature(IntEnum):
    """Slots of the table SignatureDef."""

    KEY = 2
    SUBGRAPH = 4


class Buffer(IntEnum):
    """Slots of the table Buffer."""

    DATA = 0
    OFFSET = 1


# The operators whose numbers are understood, by the names that TensorFlow has for them.
NAMES: Mapping[int, str] = {
    0: "Add",
    1: "AvgPool",
    2: "Concat",
    3: "Conv2D",
    4: "DepthwiseConv2dNative",
    6: "Dequantize",
    9: "FullyConnected",
    14: "Sigmoid",
    17: "MaxPool",
    18: "Mul",
    19: "Relu",
    21: "Relu6",
    22: "Reshape",
    23: "ResizeBilinear",
    25: "Softmax",
    34: "Pad",
    36: "Gather",
    39: "Transpose",
    40: "Mean",
    41: "Sub",
    42: "Div",
    43: "Squeeze",
    45: "StridedSlice",
    47: "Exp",
    48: "TopKV2",
    49: "Split",
    50: "LogSoftmax",
    53: "Cast",
    55: "Maximum",
    56: "ArgMax",
    57: "Minimum",
    59: "Neg",
    60: "PadV2",
    65: "Slice",
    67: "TransposeConv",
    70: "ExpandDims",
    74: "Sum",
    79: "ArgMin",
    82: "Max",
    83: "Pack",
    88: "Unpack",
    89: "Min",
    102: "SplitV",
    105: "ReverseV2",
    106: "AddN",
    107: "GatherNd",
    114: "Quantize",
    123: "SelectV2",
    126: "BatchMatMul",
    152: "Relu0To1",
}


def read_code(code: Table) -> int:
    """Return the number of an operator from its table OperatorCode.

    Codes above 127 do not fit the old field; old files do not have the new one.
    """
    return max(
        code.number(OperatorCode.DEPRECATED_BUILTIN_CODE, "<b"),
        code.number(OperatorCode.BUILTIN_CODE, "<i"),
    )
