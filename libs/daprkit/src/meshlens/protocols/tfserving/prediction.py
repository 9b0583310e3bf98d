"""Predict: arrays by name -> outputs by name, checked against the function as that server does."""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from meshlens.daprkit.application.status import Status
from meshlens.protocols.models import Array, Function, Tensor
from meshlens.protocols.tfserving.dtypes import find_dtype
from meshlens.protocols.tfserving.refusals import invalid, name_all, refuse


def check_names(function: Function, names: Collection[str]) -> None:
    """Check that a request has each input of a function and no other.

    Raises:
        Refused: INVALID_ARGUMENT.
    """
    wanted = {spec.name for spec in function.inputs}
    sent = set(names)
    if len(sent) != len(wanted):
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(wanted)}"
            f" len({{{name_all(sent)}}}) != len({{{name_all(wanted)}}})."
            f" Sent extra: {{{name_all(sent - wanted)}}}."
            f" Missing but required: {{{name_all(wanted - sent)}}}."
        )
    for name in sorted(sent - wanted):
        raise invalid(
            f"input tensor alias not found in signature: {name}."
            f" Inputs expected to be in the set {{{name_all(wanted)}}}."
        )


def choose_outputs(function: Function, wanted: Sequence[str]) -> Sequence[str]:
    """Return the names of the outputs that a request wants, all if it names none.

    Raises:
        Refused: INVALID_ARGUMENT: one is unknown, or named twice.
    """
    known = [spec.name for spec in function.outputs]
    seen: set[str] = set()
    for name in wanted:
        if name not in known:
            raise invalid(
                f"output tensor alias not found in signature: {name}"
                f" Outputs expected to be in the set {{{name_all(known)}}}."
            )
        if name in seen:
            raise invalid(f"duplicate output tensor alias: {name}")
        seen.add(name)
    return wanted or known


def predict(
    function: Function, tensors: Mapping[str, Array], outputs: Sequence[str], *, most_bytes: int
) -> dict[str, Array]:
    """Return the outputs for one array per input.

    Args:
        function: computes them.
        tensors: by name; strings for the picture input are encoded pictures.
        outputs: the names of those that are wanted.
        most_bytes: of an input that is made of encoded pictures.

    Raises:
        Refused: INVALID_ARGUMENT: an array has another type or shape than its input;
            RESOURCE_EXHAUSTED: the pictures are too many.
        Fault: the function cannot compute with these arrays.
    """
    ready = {
        spec.name: _fit(function, position, spec, tensors[spec.name], most_bytes)
        for position, spec in enumerate(function.inputs)
    }
    answer = function.run(ready)
    return {name: answer[name] for name in outputs}


def takes_pictures(function: Function, spec: Tensor) -> bool:
    """Return whether strings for this input are encoded pictures, which become its numbers."""
    return spec.name == function.picture and spec.dtype.kind != "O"


def write_shape(shape: Sequence[int] | None) -> str:
    """Return a shape as the texts have it."""
    return "[?]" if shape is None else f"[{','.join(map(str, shape))}]"


def _fit(function: Function, position: int, spec: Tensor, array: Array, most_bytes: int) -> Array:
    """Return an array as the input, the pictures in it as numbers."""
    if array.dtype.kind == "O" and takes_pictures(function, spec):
        return _read_pictures(function, spec, array, most_bytes)
    if array.dtype != spec.dtype:
        raise invalid(
            f"Expects arg[{position}] to be {find_dtype(spec.dtype).name}"
            f" but {find_dtype(array.dtype).name} is provided"
        )
    _check_shape(spec, array.shape)
    return array


def _check_shape(spec: Tensor, shape: tuple[int, ...]) -> None:
    wanted = spec.shape
    if wanted is None or (
        len(wanted) == len(shape)
        and all(size in (-1, have) for size, have in zip(wanted, shape, strict=True))
    ):
        return
    raise invalid(
        f"input tensor shape does not match signature: {spec.name} expects"
        f" {write_shape(wanted)} but got {write_shape(shape)}"
    )


def _read_pictures(function: Function, spec: Tensor, array: Array, most_bytes: int) -> Array:
    """Return the input for a string of one encoded picture, or for a list of them."""
    if array.ndim > 1 or not array.size:
        raise invalid(
            f"input tensor {spec.name} expects encoded pictures of shape [] or [n] with n > 0"
            f" but got {write_shape(array.shape)}"
        )
    batch = (spec.shape or (-1,))[0]
    if batch not in (-1, array.size):
        raise invalid(
            f"input tensor shape does not match signature: {spec.name} expects {batch}"
            f" pictures but got {array.size}"
        )
    first, *rest = array.ravel().tolist()
    pictures = [function.read_picture(first)]
    if pictures[0].nbytes * array.size > most_bytes:
        raise refuse(
            Status.RESOURCE_EXHAUSTED,
            f"{array.size} pictures of {math.prod(pictures[0].shape)} numbers each take more"
            f" than {most_bytes} bytes; send fewer at once or raise MAX_BODY",
        )
    for data in rest:
        pictures.append(function.read_picture(data))
        if pictures[-1].shape != pictures[0].shape:
            raise invalid(
                f"input tensor {spec.name} expects pictures that become one shape but got"
                f" {write_shape(pictures[0].shape)} and {write_shape(pictures[-1].shape)}"
            )
    return np.concatenate(pictures) if rest else pictures[0]
