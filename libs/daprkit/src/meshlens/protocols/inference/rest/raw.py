"""A request that is one tensor and no JSON: what the model says stands for the rest."""

import math

from meshlens.protocols.inference.datatypes import find_dtype
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.rest.request import RestRequest
from meshlens.protocols.inference.tensors import InferRequest, InputTensor
from meshlens.protocols.inference.views import ModelMetadata


def read_raw(body: bytes, described: ModelMetadata, *, version: str) -> RestRequest:
    """Return the request for all outputs, as binary data, of a model with one input.

    Args:
        body: the elements, row by row; one text as it is, without its length.
        described: the model.
        version: the number in the path; empty without one.

    Raises:
        Refused: the model has more inputs, or its shape leaves more than one axis open.
    """
    model = described.name
    if len(described.inputs) != 1:
        raise invalid(
            f"Raw request must only have 1 input (found {len(described.inputs)}) to be deduced but"
            f" got {len(described.inputs)} inputs in '{model}' model configuration"
        )
    wanted = described.inputs[0]
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
    given = InputTensor(wanted.name, wanted.datatype, shape, data)
    return RestRequest(InferRequest(model, version, (given,)), {}, all_binary=True)
