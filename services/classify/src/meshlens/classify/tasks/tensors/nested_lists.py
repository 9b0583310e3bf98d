"""Tensors in JSON: nested lists in, nested lists out.

A complex number is a pair [real, imaginary]. What is not finite is "NaN", "Infinity" or
"-Infinity", since JSON has no numbers for them; the bare words that many writers use are read, too.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from meshlens.classify.engines.engine import Signature, Tensor, TensorSpec
from meshlens.classify.errors import InvalidTensor
from meshlens.classify.tasks.tensors.texts import decode_texts, encode_texts
from meshlens.faults import Place

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def decode_tensors(values: Mapping[str, Any], signature: Signature) -> dict[str, Tensor]:
    """Return an array for each input of `signature`, under any of its names.

    Raises:
        InvalidTensor: one is missing, unknown, or of another shape or type.
    """
    known = {spec.name: spec for spec in signature.inputs}
    named = {_find_name(name, signature): value for name, value in values.items()}
    if set(named) != set(known) or len(named) != len(values):
        raise InvalidTensor(
            f"expected the inputs {', '.join(known)}",
            got=", ".join(values) or "none",
            remedy="send each of them once",
        )
    return {name: _decode(named[name], spec) for name, spec in known.items()}


def encode_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the nested lists of `tensors`.

    A float that is smaller than a double is written with 12 digits: more than the 9 that a reader
    needs to get the very same float32 back.
    """
    return {name: _encode_tensor(name, tensor) for name, tensor in tensors.items()}


def _find_name(name: str, signature: Signature) -> str:
    """Return the signature's own name for the input that a caller calls `name`."""
    exact = {spec.name for spec in signature.inputs}
    others = [spec.name for spec in signature.inputs if spec.is_called(name)]
    return others[0] if name not in exact and len(others) == 1 else name


def _decode(value: object, spec: TensorSpec) -> Tensor:
    try:
        tensor = decode_texts(value, spec) if spec.dtype.kind == "O" else _read_numbers(value, spec)
    except ValueError:
        raise InvalidTensor(
            f"{spec.name} must be a number or nested lists of one length on each level",
            got="lists of unequal length",
            remedy="send a full tensor",
            places=[Place(field=spec.name)],
        ) from None
    if spec.shape is not None and not fits(tensor.shape, spec.shape):
        raise InvalidTensor(
            f"{spec.name} must have shape {spec.shape}",
            got=f"{tensor.shape}",
            remedy="-1 stands for any size",
            places=[Place(field=spec.name)],
        )
    return _cast(tensor, spec)


def _cast(tensor: Tensor, spec: TensorSpec) -> Tensor:
    """Return an array in the type of an input.

    Raises:
        InvalidTensor: a number would become infinite.
    """
    with np.errstate(over="ignore"):
        cast = tensor.astype(spec.dtype)
    if _find_kind(spec) in "fc":
        wrong = tensor[np.isfinite(tensor) & ~np.isfinite(cast)]
        if wrong.size:
            raise InvalidTensor(
                f"{spec.name} must hold numbers that {spec.dtype} can hold",
                got=f"{wrong[0]}",
                remedy='scale them, or send "Infinity"',
                places=[Place(field=spec.name)],
            )
    return cast


def _read_numbers(value: object, spec: TensorSpec) -> Tensor:
    """Return an array of numbers.

    Raises:
        InvalidTensor: something else is in it, or its numbers do not fit.
        ValueError: lists of unequal length.
    """
    tensor = np.array(value)
    if tensor.dtype.kind == "U" and _find_kind(spec) in "fc":
        tensor = np.array(read_words(value))
    _check_type(tensor, spec)
    return _join_pairs(tensor, spec) if spec.dtype.kind == "c" else tensor


def read_words(value: object) -> object:
    """Return `value` with numbers for the words of what is not finite."""
    if isinstance(value, list):
        return [read_words(item) for item in value]
    return _NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _join_pairs(tensor: Tensor, spec: TensorSpec) -> Tensor:
    """Return complex numbers for reals, or for pairs, of which there is one axis more."""
    if spec.shape is not None and tensor.ndim == len(spec.shape):
        return tensor
    if not tensor.ndim or tensor.shape[-1] != 2:  # noqa: PLR2004 - of real and imaginary part
        raise InvalidTensor(
            f"{spec.name} must hold complex numbers, each as [real, imaginary]",
            got=f"shape {tensor.shape}",
            remedy="send pairs",
            places=[Place(field=spec.name)],
        )
    joined: Tensor = np.ascontiguousarray(tensor, np.float64).view(np.complex128)[..., 0]
    return joined


def _find_kind(spec: TensorSpec) -> str:
    """Return numpy's letter for the kind of an input's numbers; it has none for bfloat16."""
    return "f" if spec.dtype.name == "bfloat16" else spec.dtype.kind


def _check_type(tensor: Tensor, spec: TensorSpec) -> None:
    """Refuse what would lose more than the precision of a float."""
    kind, wanted = tensor.dtype.kind, _find_kind(spec)
    right = {"f": "iuf", "i": "iu", "u": "iu", "b": "b", "c": "iuf"}.get(wanted, "")
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


def fits(actual: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Return whether a shape is the one that is wanted, in which -1 stands for any size."""
    return len(actual) == len(wanted) and all(
        size in (-1, have) for have, size in zip(actual, wanted, strict=True)
    )


def _encode_tensor(name: str, tensor: Tensor) -> Any:  # noqa: ANN401 - whatever JSON can hold
    match tensor.dtype.kind:
        case "O" | "S":
            return encode_texts(tensor, name)
        case "c":
            part = np.float32 if tensor.dtype == np.complex64 else np.float64
            pairs = np.stack([tensor.real, tensor.imag], axis=-1).astype(part)
            return _encode(_round(pairs).tolist())
        case _:
            return _encode(_round(tensor).tolist())


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
        case float() if not math.isfinite(value):
            return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
        case _:
            return value
