"""The operator of a .tflite file that finds a detector's boxes: what its outputs are called.

Converters reorder the outputs of a graph, but not those of an operator.
"""

from meshlens.classify.formats import tflite_schema as schema
from meshlens.classify.formats.tflite_metadata import reading
from meshlens.flatbuffer import Table

_POST_PROCESS = "TFLite_Detection_PostProcess"
_BOXES_CLASSES_SCORES_COUNT = 4


def find_post_process(data: bytes) -> tuple[str, ...]:
    """Return the names of what the operator TFLite_Detection_PostProcess of the main graph writes.

    They are the boxes, classes, scores and count; none without such an operator.

    Raises:
        InvalidModel: the bytes are not a .tflite file, or are damaged.
    """
    with reading("the model file"):
        root = Table.root(data, schema.IDENTIFIER)
        codes = root.tables(schema.Model.OPERATOR_CODES, most=schema.MOST_TABLES)
        wanted = {
            number
            for number, code in enumerate(codes)
            if code.text(schema.OperatorCode.CUSTOM_CODE) == _POST_PROCESS
        }
        if not wanted:
            return ()
        main = root.tables(schema.Model.SUBGRAPHS, most=schema.MOST_TABLES)[0]
        tensors = main.tables(schema.Subgraph.TENSORS, most=schema.MOST_TABLES)
        for operator in main.tables(schema.Subgraph.OPERATORS, most=schema.MOST_TABLES):
            if operator.number(schema.Operator.OPCODE_INDEX, "<I") in wanted:
                numbers = [
                    int(number) for number in operator.numbers(schema.Operator.OUTPUTS, "<i")
                ]
                if len(numbers) == _BOXES_CLASSES_SCORES_COUNT:
                    return tuple(tensors[number].text(schema.Tensor.NAME) for number in numbers)
    return ()
