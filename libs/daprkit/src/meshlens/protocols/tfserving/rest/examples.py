"""The body of a classify or regress request -> examples, by the rules of the original."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from meshlens.daprkit.application.status import Refused
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.tfserving.rest.text import name_type, quote
from meshlens.protocols.tfserving.rest.values import decode_base64, is_base64
from meshlens.protocols.wire.tensorflow_pb2 import Example, Feature
from meshlens.protocols.wire.tfserving_pb2 import Input

CONTEXT = "context"
EXAMPLES = "examples"
_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}
_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def read_examples(document: Mapping[str, Any]) -> Input:
    """Return the examples of a request, and their context.

    Raises:
        Refused: INVALID_ARGUMENT: there are none, or a feature is none.
    """
    input_ = Input()
    examples = input_.example_list.examples
    if CONTEXT in document:
        examples = input_.example_list_with_context.examples
        context = input_.example_list_with_context.context
        context.SetInParent()
        _read_example(document[CONTEXT], context)
    if EXAMPLES not in document:
        raise invalid(
            f"JSON Value: {quote(document)} When method is classify, key '{EXAMPLES}' is"
            " expected and was not found"
        )
    listed = document[EXAMPLES]
    if not isinstance(listed, list):
        raise invalid(
            f"JSON Value: {quote(document)} Expecting '{EXAMPLES}' value to be an list/array"
        )
    if not listed:
        raise invalid(f"JSON Value: {quote(document)} '{EXAMPLES}' value is an empty array")
    for each in listed:
        _read_example(each, examples.add())
    return input_


def _read_example(value: object, example: Example) -> None:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {name_type(value)}")
    example.features.SetInParent()
    for name, content in value.items():
        feature = example.features.feature[name]
        for each in content if isinstance(content, list) else [content]:
            _add_value(each, name, feature)


def _add_value(value: Any, name: str, feature: Feature) -> None:  # noqa: ANN401 - any JSON value
    match value:
        case bool():
            _check_kind("int64_list", name, feature)
            feature.int64_list.value.append(int(value))
        case str():
            _check_kind("bytes_list", name, feature)
            feature.bytes_list.value.append(value.encode())
        case dict() if is_base64(value):
            _check_kind("bytes_list", name, feature)
            feature.bytes_list.value.append(decode_base64(value))
        case None | dict() | list():
            raise _unexpected(name, value)
        case int() if -(2**63) <= value < 2**63:
            _check_kind("int64_list", name, feature)
            feature.int64_list.value.append(value)
        case int() if 0 < value < 2**64:
            raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
        case _:
            _check_kind("float_list", name, feature)
            if _LARGEST_FLOAT < abs(value) < np.inf:
                raise invalid(
                    f"Cannot convert JSON value: {quote(value)} to float without loss of precision."
                )
            feature.float_list.value.append(value)


def _check_kind(kind: str, name: str, feature: Feature) -> None:
    known = feature.WhichOneof("kind")
    if known not in (None, kind):
        raise invalid(
            f"Unexpected element type in feature: {name} expecting type: {_KINDS[known or kind]}"
        )


def _unexpected(name: str, value: object) -> Refused:
    return invalid(f"Feature: {name} has element with unexpected JSON type: {name_type(value)}")
