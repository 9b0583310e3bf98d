"""The body of a predict request -> arrays: the row format (instances) and the column format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from meshlens.daprkit.application.status import Refused
from meshlens.protocols.models import Array, Function, Tensor
from meshlens.protocols.tfserving.dtypes import STRING, DataType, find_dtype
from meshlens.protocols.tfserving.prediction import takes_pictures, write_shape
from meshlens.protocols.tfserving.refusals import invalid, name_all
from meshlens.protocols.tfserving.rest.text import check_overflow, quote
from meshlens.protocols.tfserving.rest.values import is_base64, read_tensor

SIGNATURE = "signature_name"
INSTANCES = "instances"
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
    if not isinstance(instances, list):
        raise invalid(f"JSON Value: {quote(document)} Excepting '{INSTANCES}' to be an list/array")
    if not instances:
        raise invalid(f"JSON Value: {quote(document)} No values in '{INSTANCES}' array")
    return Format.ROW, instances


def _read_columns(
    value: Any,  # noqa: ANN401 - any JSON value
    specs: Mapping[str, Tensor],
    function: Function,
) -> dict[str, Array]:
    if not isinstance(value, dict) or is_base64(value):
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
    return {
        name: read_tensor(value[name], _find_type(function, spec, value[name]))
        for name, spec in specs.items()
    }


def _read_rows(
    instances: list[Any], specs: Mapping[str, Tensor], function: Function
) -> dict[str, Array]:
    if not isinstance(instances[0], dict) and len(specs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors"
            " required as per tensorinfo_map"
        )
    if not _is_named(instances[0]):
        (spec,) = specs.values() if len(specs) == 1 else [next(iter(specs.values()))]
        for place, each in enumerate(instances):
            if _is_named(each):
                raise invalid(f"Expecting value/list but got object at item {place} of input list")
        return {spec.name: _stack(instances, _find_type(function, spec, instances), "")}
    _check_objects(instances, specs)
    return {
        name: _stack(
            [each[name] for each in instances],
            _find_type(function, spec, instances[0][name]),
            f" key: {name}",
        )
        for name, spec in specs.items()
    }


def _is_named(value: object) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _check_objects(instances: Sequence[Any], specs: Mapping[str, Tensor]) -> None:
    """Refuse instances that are not objects with exactly the names of the inputs."""
    for place, each in enumerate(instances):
        if not _is_named(each):
            raise invalid(f"Expecting object but got list at item {place} of input list")
        if each.keys() == specs.keys():
            continue
        for name in each:
            if name not in specs:
                raise _fail(
                    place, f" key: {name}", f"JSON object: does not have named input: {name}"
                )
        raise invalid(
            f"Failed to process element: {place} of '{INSTANCES}' list."
            f" JSON object: {quote(each)} must only have keys: {name_all(specs)}"
        )


def _stack(values: list[Any], type_: DataType, key: str) -> Array:
    """Return one array of the values of all instances, which must have one shape."""
    try:
        return read_tensor(values, type_)
    except Refused:
        _find_instance(values, type_, key)
        raise


def _find_instance(values: Sequence[Any], type_: DataType, key: str) -> None:
    """Raise the fault of the first instance that has one, or that differs from the first."""
    shape: tuple[int, ...] | None = None
    for place, value in enumerate(values):
        try:
            array = read_tensor(value, type_)
        except Refused as error:
            raise _fail(place, key, str(error), error) from error
        if shape is None:
            shape = array.shape
        elif np.prod(shape, dtype=object) != array.size:
            size = int(np.prod(shape, dtype=object))
            raise _fail(place, key, f"Expecting tensor size: {size} but got: {array.size}")
        elif shape != array.shape:
            wanted, got = write_shape(shape), write_shape(array.shape)
            raise _fail(place, key, f"Expecting shape {wanted} but got: {got}")


def _fail(place: int, key: str, text: str, error: Refused | None = None) -> Refused:
    """Return the refusal of an instance: always a wrong argument, as the original has it."""
    name = error.status.name if error else "INVALID_ARGUMENT"
    return invalid(
        f"Failed to process element: {place}{key} of '{INSTANCES}' list. Error: {name}: {text}"
    )


def _find_type(function: Function, spec: Tensor, value: object) -> DataType:
    """Return the type that a value for an input has: strings may be pictures."""
    if takes_pictures(function, spec):
        while isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) or is_base64(value):
            return STRING
    return find_dtype(spec.dtype)
