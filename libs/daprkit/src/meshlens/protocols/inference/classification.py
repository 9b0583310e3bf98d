"""The extension for classification: the largest elements of an output, as texts."""

from collections.abc import Sequence

import numpy as np

from meshlens.protocols.inference.datatypes import name_datatype
from meshlens.protocols.inference.elements import as_texts
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.tensors import count_elements
from meshlens.protocols.models import Array

_MOST_ELEMENTS = 1_000_000


def classify(name: str, output: Array, count: int, labels: Sequence[str]) -> Array:
    """Return "<value>:<index>[:<label>]" for the largest elements, the first of equals first.

    Args:
        name: of the output.
        output: numbers (classes,) or (batch, ..., classes).
        count: how many to return; all if there are fewer.
        labels: of the elements; empty without any.

    Returns:
        texts (k,) or (batch, k). Numbers have six decimals, integers none.

    Raises:
        Refused: its type has no order here, or it has too many elements.
    """
    if output.dtype.kind not in "fiu" or output.dtype == np.float16:
        raise invalid(
            "class result not available for output due to unsupported type"
            f" '{name_datatype(output.dtype)}'"
        )
    if output.size > _MOST_ELEMENTS:
        raise invalid(
            f"class result not available for output '{name}' with more than {_MOST_ELEMENTS}"
            f" elements, got {output.size}"
        )
    batch, elements = (
        (output.shape[:1], output.shape[1:]) if output.ndim > 1 else ((), output.shape)
    )
    rows = output.reshape(*batch or (1,), count_elements(elements))
    named = labels if len(labels) == rows.shape[1] else ()
    texts = [_judge(row, count, named) for row in rows]
    width = min(count, rows.shape[1])
    return as_texts([text for row in texts for text in row]).reshape(*batch, width)


def _judge(row: Array, count: int, labels: Sequence[str]) -> list[bytes]:
    form = "%f" if row.dtype.kind == "f" else "%d"
    # NaN is no class's: it comes last.
    keys = np.where(np.isnan(row), -np.inf, row) if row.dtype.kind == "f" else row
    # The largest first, and the first of equals first: no negative, which integers may not have.
    order = len(row) - 1 - np.argsort(keys[::-1], kind="stable")[::-1]
    return [
        ":".join((form % row[index].item(), str(index), *labels[index : index + 1])).encode()
        for index in order[:count].tolist()
    ]
