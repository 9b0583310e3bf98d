"""The row format: an element of a list for each instance -> arrays.

What is as it should be is read many instances at a time. Only for the text of a fault they are read
again one by one, those around it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from meshlens.daprkit.application.status import Refused
from meshlens.protocols.models import Array
from meshlens.protocols.tfserving.dtypes import DataType
from meshlens.protocols.tfserving.prediction import write_shape
from meshlens.protocols.tfserving.refusals import invalid, name_all
from meshlens.protocols.tfserving.rest.text.parsing import PARSE_ERROR
from meshlens.protocols.tfserving.rest.text.parts import Elements, Members, list_parts
from meshlens.protocols.tfserving.rest.text.quoting import quote
from meshlens.protocols.tfserving.rest.values import (
    check_count,
    is_base64,
    read_evenly,
    read_tensor,
)

INSTANCES = "instances"
_FEW = 4096

Instances: TypeAlias = list[Any] | Elements


def is_named(value: object) -> bool:
    """Return whether an instance is an object of named inputs."""
    return isinstance(value, Mapping) and not is_base64(value)


def read_plain(instances: Instances, type_: DataType) -> Array:
    """Return one array of instances without names, which must have one shape.

    Raises:
        Refused: INVALID_ARGUMENT: an instance is not of the type, or differs from the first;
            UNIMPLEMENTED: JSON stands for no such type.
    """
    try:
        return read_tensor(instances, type_)
    except Refused:
        _refuse_objects(instances)
        _find_instance(list_parts(instances), type_, "")
        raise


def _refuse_objects(instances: Instances) -> None:
    start = 0
    for part in list_parts(instances):
        if not {dict, Members}.isdisjoint(map(type, part)):
            for place, each in enumerate(part, start):
                if is_named(each):
                    raise invalid(
                        f"Expecting value/list but got object at item {place} of input list"
                    )
        start += len(part)


def read_objects(instances: Instances, types: Mapping[str, DataType]) -> dict[str, Array]:
    """Return an array for each input of instances that are objects of these names.

    Raises:
        Refused: INVALID_ARGUMENT: as read_plain, or an object has other names.
    """
    arrays: dict[str, list[Array]] = {name: [] for name in types}
    for part in list_parts(instances):
        if not _add_part(part, types, arrays):
            break
    else:
        return {name: np.concatenate(each) for name, each in arrays.items()}
    _check_objects(instances, types)
    for name, type_ in types.items():
        columns = ([each[name] for each in part] for part in list_parts(instances))
        _find_instance(columns, type_, f" key: {name}")
    raise invalid(f"JSON Value: {quote(instances)} is not a list of tensors")


def _add_part(
    part: list[Any], types: Mapping[str, DataType], arrays: Mapping[str, list[Array]]
) -> bool:
    """Add arrays of some instances to those of others; return whether they fit."""
    if not all(is_named(each) and each.keys() == types.keys() for each in part):
        return False
    for name, type_ in types.items():
        array = _read([each[name] for each in part], type_)
        if array is None or array.shape[1:] != (arrays[name] or [array])[0].shape[1:]:
            return False
        arrays[name].append(array)
        check_count(sum(map(len, arrays[name])), type_)
    return True


def _check_objects(instances: Instances, names: Mapping[str, DataType]) -> None:
    """Refuse instances that are not objects with exactly the names of the inputs."""
    for place, each in enumerate(instances):
        if not is_named(each):
            raise invalid(f"Expecting object but got list at item {place} of input list")
        if each.keys() == names.keys():
            continue
        for name in each:
            if name not in names:
                raise _fail(
                    place, f" key: {name}", f"JSON object: does not have named input: {name}"
                )
        raise invalid(
            f"Failed to process element: {place} of '{INSTANCES}' list."
            f" JSON object: {quote(each)} must only have keys: {name_all(names)}"
        )


def _find_instance(parts: Iterable[list[Any]], type_: DataType, key: str) -> None:
    """Raise the fault of the first instance that has one, or that differs from the first."""
    shape: tuple[int, ...] | None = None
    place = 0
    for part in parts:
        for start in range(0, len(part), _FEW):
            few = part[start : start + _FEW]
            array = _read(few, type_)
            if array is None or array.shape[1:] != (array.shape[1:] if shape is None else shape):
                shape = _check_each(few, place, shape, type_, key)
            else:
                shape = array.shape[1:]
            place += len(few)


def _check_each(
    values: list[Any], place: int, shape: tuple[int, ...] | None, type_: DataType, key: str
) -> tuple[int, ...] | None:
    """Raise the fault of the first of some instances that has one; return the shape of all."""
    for at, value in enumerate(values, place):
        try:
            array = read_tensor(value, type_)
        except Refused as error:
            if str(error).startswith(PARSE_ERROR):
                raise
            raise _fail(at, key, str(error), error) from error
        if shape is None:
            shape = array.shape
        elif np.prod(shape, dtype=object) != array.size:
            size = int(np.prod(shape, dtype=object))
            raise _fail(at, key, f"Expecting tensor size: {size} but got: {array.size}")
        elif shape != array.shape:
            wanted, got = write_shape(shape), write_shape(array.shape)
            raise _fail(at, key, f"Expecting shape {wanted} but got: {got}")
    return shape


def _read(values: list[Any], type_: DataType) -> Array | None:
    """Return the array of some instances, None if something is wrong with one."""
    if isinstance(values[0], Elements):  # alone, because it is large
        array = _read_whole(values[0], type_)
        return None if array is None else array[np.newaxis]
    return _read_whole(values, type_)


def _read_whole(value: object, type_: DataType) -> Array | None:
    try:
        return read_evenly(value, type_)
    except Refused:
        return None


def _fail(place: int, key: str, text: str, error: Refused | None = None) -> Refused:
    """Return the refusal of an instance: always a wrong argument, as the original has it."""
    name = error.status.name if error else "INVALID_ARGUMENT"
    return invalid(
        f"Failed to process element: {place}{key} of '{INSTANCES}' list. Error: {name}: {text}"
    )
