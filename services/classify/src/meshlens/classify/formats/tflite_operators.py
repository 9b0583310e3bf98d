"""The operator of a .tflite file that finds a detector's boxes: what its outputs are called.

Converters reorder the outputs of a graph, but not those of an operator.
"""

from enum import IntEnum

from meshlens.classify.formats.tflite_metadata import reading
from meshlens.flatbuffer import Table

_IDENTIFIER = b"TFL3"
_MOST = 100_000
_POST_PROCESS = "TFLite_Detection_PostProcess"
_BOXES_CLASSES_SCORES_COUNT = 4


class _Model(IntEnum):
    """Slots of the table Model."""

    OPERATOR_CODES = 1
    SUBGRAPHS = 2


class _OperatorCode(IntEnum):
    """Slots of the table OperatorCode."""

    CUSTOM_CODE = 1


class _Subgraph(IntEnum):
    """Slots of the table SubGraph."""

    TENSORS = 0
    OPERATORS = 3


class _Tensor(IntEnum):
    """Slots of the table Tensor."""

    NAME = 3


class _Operator(IntEnum):
    """Slots of the table Operator."""

    OPCODE_INDEX = 0
    OUTPUTS = 2


def find_post_process(data: bytes) -> tuple[str, ...]:
    """Return the names of what the operator TFLite_Detection_PostProcess of the main graph writes.

    They are the boxes, classes, scores and count; none without such an operator.

    Raises:
        InvalidModel: the bytes are not a .tflite file, or are damaged.
    """
    with reading("the model file"):
        root = Table.root(data, _IDENTIFIER)
        codes = root.tables(_Model.OPERATOR_CODES, most=_MOST)
        wanted = {
            number
            for number, code in enumerate(codes)
            if code.text(_OperatorCode.CUSTOM_CODE) == _POST_PROCESS
        }
        if not wanted:
            return ()
        main = root.tables(_Model.SUBGRAPHS, most=_MOST)[0]
        tensors = main.tables(_Subgraph.TENSORS, most=_MOST)
        for operator in main.tables(_Subgraph.OPERATORS, most=_MOST):
            if operator.number(_Operator.OPCODE_INDEX, "<I") in wanted:
                numbers = [int(number) for number in operator.numbers(_Operator.OUTPUTS, "<i")]
                if len(numbers) == _BOXES_CLASSES_SCORES_COUNT:
                    return tuple(tensors[number].text(_Tensor.NAME) for number in numbers)
    return ()
