"""Tensors in JSON: nested lists in, nested lists out."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from meshlens.classify.engines.engine import Signature, Tensor, TensorSpec
from meshlens.classify.errors import InvalidTensor
from meshlens.faults import Place


def decode_tensors(values: Mapping[str, Any], signature: Signature) -> dict[str, Tensor]:
    """Return an array for each input of `signature`.

    Raises:
        InvalidTensor: one is missing, unknown, or of another shape or type.
    """
    known = {spec.name: spec for spec in signature.inputs}
    if set(values) != set(known):
        raise InvalidTensor(
            f"expected the inputs {', '.join(known)}",
            got=", ".join(values) or "none",
            remedy="send each of them once",
        )
    return {name: _decode(values[name], spec) for name, spec in known.items()}


def encode_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the nested lists of `tensors`, bytes as text, what is not finite as its name.

    A float that is smaller than a double is written with 12 digits: more than the 9 that a reader
    needs to get the very same float32 back.
    """
    return {name: _encode(_round(tensor).tolist()) for name, tensor in tensors.items()}


def _decode(value: object, spec: TensorSpec) -> Tensor:
    try:
        tensor = np.array(value)
    except ValueError:
        raise InvalidTensor(
            f"{spec.name} must be a number or nested lists of one length on each level",
            got="lists of unequal length",
            remedy="send a full tensor",
            places=[Place(field=spec.name)],
        ) from None
    _check_type(tensor, spec)
    if spec.shape is not None and not _fits(tensor.shape, spec.shape):
        raise InvalidTensor(
            f"{spec.name} must have shape {spec.shape}",
            got=f"{tensor.shape}",
            remedy="-1 stands for any size",
            places=[Place(field=spec.name)],
        )
    if spec.dtype.kind == "O":
        encoded = np.array([text.encode() for text in tensor.ravel().tolist()], object)
        return encoded.reshape(tensor.shape)
    return tensor.astype(spec.dtype)


def _check_type(tensor: Tensor, spec: TensorSpec) -> None:
    """Refuse what would lose more than the precision of a float."""
    kind, wanted = tensor.dtype.kind, spec.dtype.kind
    right = {"f": "iuf", "i": "iu", "u": "iu", "b": "b", "O": "U", "c": "iuf"}.get(wanted, "")
    if kind not in right and tensor.size:
        raise InvalidTensor(
            f"{spec.name} must hold numbers of type {spec.dtype}",
            got=f"{tensor.dtype}",
            remedy="send the type that the model describes",
            places=[Place(field=spec.name)],
        )
    if wanted in "iu" and tensor.size:
        bounds = np.iinfo(spec.dtype.str)
        if tensor.min() < bounds.min or tensor.max() > bounds.max:
            raise InvalidTensor(
                f"{spec.name} must hold numbers from {bounds.min} to {bounds.max}",
                got=f"{tensor.min()} to {tensor.max()}",
                remedy=f"send what {spec.dtype} can hold",
                places=[Place(field=spec.name)],
            )


def _fits(actual: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(actual) == len(wanted) and all(
        size in (-1, have) for have, size in zip(actual, wanted, strict=True)
    )


def _round(tensor: Tensor) -> Tensor:
    """Return doubles of 12 significant digits for floats of a smaller type, what else as it is.

    The 5 further digits that a double has would say nothing, and make half of the text.
    """
    if tensor.dtype.kind != "f" or tensor.dtype.itemsize >= np.dtype(np.float64).itemsize:
        return tensor
    text = "%.12g " * tensor.size % tuple(tensor.ravel().tolist())
    return np.fromstring(text, sep=" ").reshape(tensor.shape)


def _encode(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    match value:
        case list():
            return [_encode(item) for item in value]
        case bytes():
            return value.decode(errors="replace")
        case float() if not math.isfinite(value):
            return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
        case _:
            return value
