"""The body of a classify or regress request -> examples, by the rules of the original."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from meshlens.daprkit.application.status import Refused
from meshlens.protocols.tfserving.dtypes import STRING
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.tfserving.rest.text.parts import is_list, list_parts
from meshlens.protocols.tfserving.rest.text.quoting import name_type, quote
from meshlens.protocols.tfserving.rest.values import check_count, decode_base64, is_base64
from meshlens.protocols.wire.tensorflow_pb2 import Example, Feature

CONTEXT = "context"
EXAMPLES = "examples"
_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def read_examples(document: Mapping[str, Any]) -> list[bytes]:
    """Return each example of a request as its bytes, those of the context before its own.

    Raises:
        Refused: INVALID_ARGUMENT: there are none, or a feature is none.
    """
    context = _read_example(document[CONTEXT]) if CONTEXT in document else b""
    if EXAMPLES not in document:
        raise invalid(
            f"JSON Value: {quote(document)} When method is classify, key '{EXAMPLES}' is"
            " expected and was not found"
        )
    listed = document[EXAMPLES]
    if not is_list(listed):
        raise invalid(
            f"JSON Value: {quote(document)} Expecting '{EXAMPLES}' value to be an list/array"
        )
    if not listed:
        raise invalid(f"JSON Value: {quote(document)} '{EXAMPLES}' value is an empty array")
    check_count(len(listed), STRING)
    return [context + _read_example(each) for part in list_parts(listed) for each in part]


def _read_example(value: object) -> bytes:
    if not isinstance(value, Mapping):
        raise invalid(f"Example must be JSON object but got JSON {name_type(value)}")
    example = Example()
    example.features.SetInParent()
    for name, content in value.items():
        feature = example.features.feature[name]
        for part in list_parts(content) if is_list(content) else [[content]]:
            _add_values(part, name, feature)
    return example.SerializeToString()


def _add_values(values: list[Any], name: str, feature: Feature) -> None:
    kinds = set(map(type, values))
    if kinds == {int} and min(values) >= _SMALLEST and max(values) <= _LARGEST:
        _check_kind("int64_list", name, feature)
        feature.int64_list.value.extend(values)
        return
    for each in values:
        _add_value(each, name, feature)


def _add_value(value: Any, name: str, feature: Feature) -> None:  # noqa: ANN401 - any JSON value
    match value:
        case bool():
            _check_kind("int64_list", name, feature)
            feature.int64_list.value.append(int(value))
        case str():
            _check_kind("bytes_list", name, feature)
            feature.bytes_list.value.append(value.encode())
        case Mapping() if is_base64(value):
            _check_kind("bytes_list", name, feature)
            feature.bytes_list.value.append(decode_base64(value))
        case int() if _SMALLEST <= value <= _LARGEST:
            _check_kind("int64_list", name, feature)
            feature.int64_list.value.append(value)
        case int() if 0 < value < 2**64:
            raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
        case int() | float():
            _check_kind("float_list", name, feature)
            if _LARGEST_FLOAT < abs(value) < np.inf:
                raise invalid(
                    f"Cannot convert JSON value: {quote(value)} to float without loss of precision."
                )
            feature.float_list.value.append(value)
        case _:
            raise _unexpected(name, value)


def _check_kind(kind: str, name: str, feature: Feature) -> None:
    known = feature.WhichOneof("kind")
    if known not in (None, kind):
        raise invalid(
            f"Unexpected element type in feature: {name} expecting type: {_KINDS[known or kind]}"
        )


def _unexpected(name: str, value: object) -> Refused:
    return invalid(f"Feature: {name} has element with unexpected JSON type: {name_type(value)}")
