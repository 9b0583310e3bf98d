"""Outputs -> the JSON of an answer."""

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from meshlens.protocols.models import Array
from meshlens.protocols.texts import list_texts
from meshlens.protocols.tfserving.dtypes import find_dtype
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.tfserving.rest.inputs import Format
from meshlens.protocols.tfserving.rest.numbers import write_floats
from meshlens.protocols.tfserving.rest.values import B64, JSON_TYPES
from meshlens.protocols.wire.tfserving_pb2 import ClassificationResult, RegressionResult

# An output whose name ends so holds bytes, and not text.
_BYTES = "_bytes"
_BLOCK = 65_536  # numbers


def write_predictions(outputs: Mapping[str, Array], format_: Format) -> bytes:
    """Return the JSON of outputs, one of them without its name.

    Raises:
        Refused: INVALID_ARGUMENT: the row format, and outputs without a common batch axis; or an
            output that JSON cannot hold.
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    if format_ is Format.ROW:
        _check_batch(outputs)
        return _wrap("predictions", _write_rows(outputs))
    written = {name: _write(array, name) for name, array in outputs.items()}
    if len(written) == 1:
        return _wrap("outputs", *written.values())
    return _wrap("outputs", _write_object(written))


def write_classes(result: ClassificationResult) -> bytes:
    """Return the JSON of the classes of examples."""
    examples = []
    for each in result.classifications:
        scores = write_floats(np.array([one.score for one in each.classes], np.float32))
        classes = (
            f"[{write_text(one.label)}, {score}]"
            for one, score in zip(each.classes, scores, strict=True)
        )
        examples.append(f"[{', '.join(classes)}]")
    return _wrap("results", f"[{', '.join(examples)}]")


def write_values(result: RegressionResult) -> bytes:
    """Return the JSON of the numbers of examples."""
    values = np.array([one.value for one in result.regressions], np.float32)
    return _wrap("results", f"[{', '.join(write_floats(values))}]")


def write_text(text: str) -> str:
    """Return a text as JSON has it."""
    return _ENCODER.encode(text)


def _wrap(key: str, text: str) -> bytes:
    return f'{{\n    "{key}": {text}\n}}\n'.encode()


def _check_batch(outputs: Mapping[str, Array]) -> None:
    batch = 0
    for name, array in outputs.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {name} has no shape information ")
        size = array.shape[0]
        if size < 1:
            raise invalid(f"Tensor name: {name} has invalid batch size: {size}")
        if batch not in (0, size):
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {size} expecting: {batch}"
            )
        batch = size


def _write_rows(outputs: Mapping[str, Array]) -> str:
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        return _write(array, name)
    rows = next(iter(outputs.values())).shape[0]
    step = max(1, _BLOCK * rows // max(1, *(array.size for array in outputs.values())))
    return _join(_write_objects(outputs, at, at + step) for at in range(0, rows, step))


def _write_objects(outputs: Mapping[str, Array], start: int, end: int) -> str:
    """Return the objects of some rows, without brackets around them."""
    written = [_write_items(array[start:end], name) for name, array in outputs.items()]
    rows = zip(*written, strict=True)
    return ", ".join(_write_object(dict(zip(outputs, row, strict=True))) for row in rows)


def _write_object(written: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{write_text(name)}: {text}' for name, text in written.items())}}}"


def _write(array: Array, name: str) -> str:
    """Return the nested lists of an output, or its one value if it has no axis.

    It is written block by block, since a number takes several times its text as an object.
    """
    if not array.ndim:
        return _write_values(array.reshape(1), name)[0]
    rows = array.shape[0]
    if array.ndim > 1 and array.size > _BLOCK * max(1, rows):
        return _join(_write(row, name) for row in array)
    step = max(1, _BLOCK * rows // max(1, array.size))
    return _join(
        ", ".join(_write_items(array[at : at + step], name)) for at in range(0, rows, step)
    )


def _join(parts: Iterable[str]) -> str:
    return f"[{', '.join(parts)}]"


def _write_items(array: Array, name: str) -> Sequence[str]:
    """Return each item of the first axis of an output."""
    texts = _write_values(array.reshape(-1), name)
    for axis in range(array.ndim - 1, 0, -1):
        size = array.shape[axis]
        texts = [
            _join(texts[at * size : (at + 1) * size]) for at in range(math.prod(array.shape[:axis]))
        ]
    return texts


def _write_values(array: Array, name: str) -> Sequence[str]:
    type_ = find_dtype(array.dtype)
    if type_.name not in JSON_TYPES:
        raise invalid(f"Failed to write JSON value for tensor type: {type_.name}")
    match array.dtype.kind:
        case "f":
            return write_floats(array)
        case "b":
            return ["true" if value else "false" for value in array.tolist()]
        case "i" | "u":
            return list(map(str, array.tolist()))
        case _:
            if name.endswith(_BYTES):
                return [
                    f'{{"{B64}": "{base64.b64encode(data).decode()}"}}'
                    for data in list_texts(array)
                ]
            return [_write_bytes(data, name) for data in list_texts(array)]


def _write_bytes(data: bytes, name: str) -> str:
    try:
        return write_text(data.decode())
    except UnicodeDecodeError:
        raise invalid(
            f"Failed to write JSON value for tensor type: string: output {name} holds bytes that"
            f" are no UTF-8; call by gRPC, or give the output a name that ends in {_BYTES}"
        ) from None


_ENCODER = json.JSONEncoder(ensure_ascii=False)
