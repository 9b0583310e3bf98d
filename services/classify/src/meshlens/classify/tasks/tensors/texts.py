"""Text and bytes in JSON: a string, or {"b64": "<base64>"} as in TensorFlow Serving's JSON."""

import base64
import binascii
from typing import Any

import numpy as np

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidTensor
from meshlens.faults import Place

# An output whose name ends so holds bytes, whatever they are: TensorFlow Serving's convention.
_BYTES_NAME = "_bytes"


def decode_texts(value: object, spec: TensorSpec) -> Tensor:
    """Return the bytes in nested lists of strings and {"b64": ...}, as an array of objects.

    Raises:
        InvalidTensor: something else is in them, or no base64.
        ValueError: lists of unequal length.
    """
    decoded = _decode(value, spec)
    array = np.array(decoded, object)
    if any(isinstance(item, list) for item in array.ravel().tolist()):
        raise ValueError("lists of unequal length")
    return array


def encode_texts(tensor: Tensor, name: str) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return nested lists of the bytes in an output.

    They are strings if all of them are UTF-8 and the output's name does not end in `_bytes`.
    """
    as_text = not name.endswith(_BYTES_NAME) and all(map(_is_text, tensor.ravel().tolist()))
    return _encode(tensor.tolist(), as_text=as_text)


def _decode(value: object, spec: TensorSpec) -> object:
    match value:
        case list():
            return [_decode(item, spec) for item in value]
        case str():
            return value.encode()
        case {"b64": str(text), **rest} if not rest:
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error as error:
                raise InvalidTensor(
                    f'{spec.name} must hold base64 in {{"b64": ...}}',
                    got=f"{text:.40} ({error})",
                    remedy="encode the bytes in the standard alphabet, padded with =",
                    places=[Place(field=spec.name)],
                ) from error
        case _:
            raise InvalidTensor(
                f"{spec.name} must hold texts",
                got=f"{value!r:.40}",
                remedy='send strings, or {"b64": "<base64>"} for bytes',
                places=[Place(field=spec.name)],
            )


def _is_text(item: object) -> bool:
    if isinstance(item, bytes):
        try:
            item.decode()
        except UnicodeDecodeError:
            return False
    return True


def _encode(value: Any, *, as_text: bool) -> Any:  # noqa: ANN401 - as above
    match value:
        case list():
            return [_encode(item, as_text=as_text) for item in value]
        case bytes() if as_text:
            return value.decode()
        case bytes():
            return {"b64": base64.b64encode(value).decode()}
        case _:
            return value
