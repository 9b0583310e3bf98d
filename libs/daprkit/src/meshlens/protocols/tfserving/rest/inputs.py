"""The body of a predict request -> arrays: the row format (instances) and the column format."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from meshlens.protocols.models import Array, Function, Tensor
from meshlens.protocols.tfserving.dtypes import STRING, DataType, find_dtype
from meshlens.protocols.tfserving.prediction import takes_pictures
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.tfserving.rest.rows import INSTANCES, is_named, read_objects, read_plain
from meshlens.protocols.tfserving.rest.text.parsing import check_overflow
from meshlens.protocols.tfserving.rest.text.parts import (
    Elements,
    check_others,
    find_first,
    is_list,
)
from meshlens.protocols.tfserving.rest.text.quoting import quote
from meshlens.protocols.tfserving.rest.values import is_base64, read_tensor

SIGNATURE = "signature_name"
INPUTS = "inputs"


class Format(Enum):
    """How tensors stand in JSON."""

    ROW = INSTANCES
    COLUMN = INPUTS


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a predict request holds.

    Attributes:
        format: how its tensors stand in it, and those of the answer.
        tensors: an array for each input.
    """

    format: Format
    tensors: Mapping[str, Array]


def read_signature(document: Mapping[str, Any]) -> str:
    """Return the function that a request names; empty if it names none.

    Raises:
        Refused: INVALID_ARGUMENT: it is no text.
    """
    name = document.get(SIGNATURE, "")
    if not isinstance(name, str):
        raise invalid(
            f"JSON Value: {quote(document)} not formatted correctly."
            " 'signature_name' key must be a string value."
        )
    return name


def read_inputs(document: Mapping[str, Any], function: Function, body: bytes) -> Inputs:
    """Return the arrays of a predict request.

    Args:
        document: the request.
        function: takes the arrays.
        body: what the document was made of.

    Raises:
        Refused: INVALID_ARGUMENT: they are not those of the function; UNIMPLEMENTED: JSON stands
            for no value of the type of an input.
    """
    specs = {spec.name: spec for spec in function.inputs}
    if not specs:
        name = document.get(SIGNATURE) or "DEFAULT"
        raise invalid(f"Failed to get input map for signature: {name}")
    format_, value = _find_tensors(document)
    if format_ is Format.ROW:
        tensors = _read_rows(value, specs, function)
    else:
        tensors = _read_columns(value, specs, function)
    infinities = sum(
        int(np.isinf(array).sum()) for array in tensors.values() if array.dtype.kind == "f"
    )
    check_overflow(body, infinities)
    return Inputs(format_, tensors)


def _find_tensors(document: Mapping[str, Any]) -> tuple[Format, Any]:
    if INSTANCES in document and INPUTS in document:
        raise invalid(
            f"JSON Value: {quote(document)} Not formatted correctly expecting only one of"
            f" '{INPUTS}' or '{INSTANCES}' keys to exist "
        )
    if INPUTS in document:
        return Format.COLUMN, document[INPUTS]
    if INSTANCES not in document:
        raise invalid(f"Missing '{INPUTS}' or '{INSTANCES}' key")
    instances = document[INSTANCES]
    if not is_list(instances):
        raise invalid(f"JSON Value: {quote(document)} Excepting '{INSTANCES}' to be an list/array")
    if not instances:
        raise invalid(f"JSON Value: {quote(document)} No values in '{INSTANCES}' array")
    return Format.ROW, instances


def _read_columns(
    value: Any,  # noqa: ANN401 - any JSON value
    specs: Mapping[str, Tensor],
    function: Function,
) -> dict[str, Array]:
    if not isinstance(value, Mapping) or is_base64(value):
        if len(specs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors"
                " required as per tensorinfo_map"
            )
        (spec,) = specs.values()
        return {spec.name: read_tensor(value, _find_type(function, spec, value))}
    for name in specs:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    check_others(value, specs)
    tensors = {}
    for name, spec in specs.items():
        column = value[name]
        tensors[name] = read_tensor(column, _find_type(function, spec, column))
    return tensors


def _read_rows(
    instances: list[Any] | Elements, specs: Mapping[str, Tensor], function: Function
) -> dict[str, Array]:
    first = find_first(instances)
    if not isinstance(first, Mapping) and len(specs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors"
            " required as per tensorinfo_map"
        )
    if is_named(first):
        types = {name: _find_type(function, spec, first.get(name)) for name, spec in specs.items()}
        return read_objects(instances, types)
    spec = next(iter(specs.values()))
    return {spec.name: read_plain(instances, _find_type(function, spec, first))}


def _find_type(function: Function, spec: Tensor, value: object) -> DataType:
    """Return the type that a value for an input has: strings may be pictures."""
    if takes_pictures(function, spec):
        while is_list(value) and value:
            value = find_first(value)
        if isinstance(value, str) or is_base64(value):
            return STRING
    return find_dtype(spec.dtype)
