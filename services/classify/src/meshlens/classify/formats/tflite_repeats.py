"""Whether a .tflite file answers equal requests equally, so that an answer may be kept.

That is so if its graphs keep nothing between calls, and if each of their operators is known to
follow from its inputs. It is no list of those that do not, because operators are added: random
numbers, variables, tables and custom operators are not among the known ones.
"""

from meshlens.classify.formats import tflite_schema as schema
from meshlens.classify.formats.tflite_graph import read_graphs
from meshlens.classify.formats.tflite_metadata import reading
from meshlens.classify.formats.tflite_risks import is_understood
from meshlens.flatbuffer import Table

# They may take any time or memory, but follow from their inputs: EMBEDDING_LOOKUP, WHERE, IF,
# WHILE, NON_MAX_SUPPRESSION_V4 and V5, SCATTER_ND.
_UNBOUNDED = frozenset({7, 109, 118, 119, 120, 121, 122})


def find_unrepeatable(data: bytes) -> str:
    """Return why equal requests may get different answers, empty if they get equal ones.

    Raises:
        InvalidModel: the bytes are no .tflite file, or damaged.
    """
    graphs = read_graphs(data)
    if graphs.keeps_state or graphs.assigns:
        return "it keeps a state"
    with reading("the model file"):
        root = Table.root(data, schema.IDENTIFIER)
        for table in root.tables(schema.Model.OPERATOR_CODES, most=schema.MOST_TABLES):
            code, name = schema.read_code(table), table.text(schema.OperatorCode.CUSTOM_CODE)
            if code not in _UNBOUNDED and not is_understood(code, name):
                what = name or f"number {code}"
                return f"operator {what} is not known to follow from its inputs alone"
    return ""
