"""A request that is one tensor and no more: what the model says stands for the rest."""

import math

from meshlens.protocols.inference.datatypes import find_dtype
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.tensors import InputTensor
from meshlens.protocols.inference.views import describe_tensor
from meshlens.protocols.models import Function


def read_raw(body: bytes, model: str, function: Function) -> InputTensor:
    """Return the only input of a function.

    Args:
        body: the elements, row by row; one text as it is, without its length.
        model: its name.
        function: takes it.

    Raises:
        Refused: it takes more inputs, or its shape leaves more than one axis open.
    """
    if len(function.inputs) != 1:
        raise invalid(
            f"Raw request must only have 1 input (found {len(function.inputs)}) to be deduced but"
            f" got {len(function.inputs)} inputs in '{model}' model configuration"
        )
    wanted = describe_tensor(function.inputs[0])
    if wanted.shape.count(-1) > 1:
        raise invalid(
            f"The shape of the raw input '{wanted.name}' can not be deduced because there are more"
            " than one variable-sized dimension"
        )
    dtype = find_dtype(wanted.datatype)
    fixed = math.prod(size for size in wanted.shape if size >= 0)
    data: bytes | memoryview = body
    if dtype is None or dtype.hasobject:
        # An axis that is open is the batch, of one text.
        if fixed != 1:
            raise invalid(
                f"For BYTE datatype raw input '{wanted.name}', the model must have input shape [1]"
            )
        count, data = 1, len(body).to_bytes(4, "little") + body
    else:
        count = len(body) // dtype.itemsize
    # Sizes that do not divide are refused where inputs are compared with the model.
    shape = [size if size >= 0 else count // max(fixed, 1) for size in wanted.shape]
    return InputTensor(wanted.name, wanted.datatype, shape, data)
