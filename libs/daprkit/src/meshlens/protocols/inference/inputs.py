"""Inputs as they came -> the arrays that a model takes, or Triton's refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.inference.datatypes import find_dtype, is_datatype, name_datatype
from meshlens.protocols.inference.elements import (
    MOST_TEXTS,
    TextsCut,
    TooManyTexts,
    as_texts,
    decode_numbers,
    decode_texts,
)
from meshlens.protocols.inference.refusals import (
    invalid,
    invalid_request,
    show_shape,
    too_many_texts,
)
from meshlens.protocols.inference.tensors import InferRequest, InputTensor, count_elements
from meshlens.protocols.models import Array, Function, Tensor

BYTES = "BYTES"
# numpy's limit is 64; a model that leaves even the number of axes open gets no more than these.
_MOST_AXES = 32
# Bytes of the pictures of one request once they are decoded; a compressed one may be tiny.
_MOST_PIXELS = 256 * 2**20


def read_inputs(function: Function, request: InferRequest) -> dict[str, Array]:
    """Return one array for each input of a function.

    Raises:
        Refused: they are not the inputs of the function.
        Fault: a picture cannot be used.
    """
    return _Reader(function, request).read()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the inputs of one request."""

    function: Function
    request: InferRequest

    def read(self) -> dict[str, Array]:
        """Return one array for each input."""
        wanted = {tensor.name: tensor for tensor in self.function.inputs}
        self._check_names(wanted)
        return {sent.name: self._read(sent, wanted[sent.name]) for sent in self.request.inputs}

    def _check_names(self, wanted: Mapping[str, Tensor]) -> None:
        model = self.request.model
        sent: dict[str, InputTensor] = {}
        for each in self.request.inputs:
            if each.name in sent:
                raise invalid(f"input '{each.name}' already exists in request")
            sent[each.name] = each
            _refuse_shared_memory(each.parameters.get("shared_memory_region"))
        if len(sent) != len(wanted):
            missing = [name for name in wanted if name not in sent]
            raise self._refuse(
                f"expected {len(wanted)} inputs but got {len(sent)} inputs for model '{model}'."
                f" Got inputs {_list(list(sent))}, but missing required inputs"
                f" {_list(missing)}. Please provide all required inputs."
            )
        for name in sent:
            if name not in wanted:
                raise invalid(f"unexpected inference input '{name}' for model '{model}'")

    def _read(self, sent: InputTensor, wanted: Tensor) -> Array:
        takes = name_datatype(wanted.dtype)
        if sent.datatype == BYTES != takes and wanted.name == self.function.picture:
            return self._read_pictures(sent, wanted)
        dtype = wanted.dtype if sent.datatype == takes else self._find_narrower(sent, wanted)
        if dtype is None:
            known = sent.datatype if is_datatype(sent.datatype) else "<invalid>"
            raise self._refuse(
                f"inference input '{sent.name}' data-type is '{known}', but model"
                f" '{self.request.model}' expects '{takes}'"
            )
        self._check_shape(sent, wanted.shape)
        shape = tuple(sent.shape)
        if takes == BYTES:
            return self._read_texts(sent, count_elements(shape)).reshape(shape)
        numbers = self._read_numbers(sent, dtype, count_elements(shape)).reshape(shape)
        return numbers.astype(wanted.dtype, copy=False)

    def _find_narrower(self, sent: InputTensor, wanted: Tensor) -> np.dtype[np.generic] | None:
        """Return the type that was sent if it is a float all of whose numbers are of the wanted."""
        dtype = find_dtype(sent.datatype)
        if not self.function.widens or dtype is None or dtype.kind != "f":
            return None
        return dtype if np.can_cast(dtype, wanted.dtype, "safe") else None

    def _check_shape(self, sent: InputTensor, wanted: Sequence[int] | None) -> None:
        model, shown = self.request.model, show_shape(sent.shape)
        if len(sent.shape) == len(wanted) if wanted is not None else len(sent.shape) <= _MOST_AXES:
            if any(size < 0 for size in sent.shape):
                raise self._refuse(
                    f"All input dimensions should be specified for input '{sent.name}' for model"
                    f" '{model}', got {shown}"
                )
            if wanted is None or all(
                size in (-1, given) for size, given in zip(wanted, sent.shape, strict=True)
            ):
                return
        expected = show_shape(wanted if wanted is not None else [-1])
        raise self._refuse(
            f"unexpected shape for input '{sent.name}' for model '{model}'. Expected {expected},"
            f" got {shown}. "
        )

    def _read_numbers(self, sent: InputTensor, dtype: np.dtype[np.generic], count: int) -> Array:
        size = sent.data.nbytes if not isinstance(sent.data, bytes) else len(sent.data)
        if size != count * dtype.itemsize:
            raise self._refuse(
                f"input byte size mismatch for input '{sent.name}' for model"
                f" '{self.request.model}'. Expected {count * dtype.itemsize}, got {size}"
            )
        if isinstance(sent.data, np.ndarray):
            return sent.data
        if dtype.kind != "b":
            return decode_numbers(sent.data, dtype)
        numbers = decode_numbers(sent.data, np.dtype(np.uint8))
        if numbers.size and numbers.max() > 1:
            raise self._refuse(
                f"input '{sent.name}' for model '{self.request.model}' must hold 0 or 1 in each"
                f" byte of type BOOL, got {numbers.max()}"
            )
        return numbers.view(np.bool_)

    def _read_texts(self, sent: InputTensor, count: int) -> Array:
        model = self.request.model
        try:
            texts = (
                sent.data
                if isinstance(sent.data, np.ndarray)
                else as_texts(decode_texts(sent.data))
            )
        except TooManyTexts:
            raise too_many_texts(sent.name, model) from None
        except TextsCut as cut:
            what, expected, available = cut.args[0].split("|")
            raise self._refuse(
                f"incomplete {what} for inference input '{sent.name}' for model '{model}',"
                f" expecting {expected} but only {available} available"
            ) from None
        if texts.size > MOST_TEXTS:
            raise too_many_texts(sent.name, model)
        if texts.size != count:
            raise self._refuse(
                f"expected {count} string elements for inference input '{sent.name}' for model"
                f" '{model}', got {texts.size}"
            )
        return texts

    def _read_pictures(self, sent: InputTensor, wanted: Tensor) -> Array:
        """Return the input for encoded pictures of shape (n,) or (n, 1); one may have no axis."""
        batch = wanted.shape[0] if wanted.shape else -1
        ones = all(size == 1 for size in sent.shape[1:])
        count = sent.shape[0] if sent.shape else 1
        if not ones or len(sent.shape) > _MOST_AXES or count < 1 or batch not in (-1, count):
            raise self._refuse(
                f"unexpected shape for input '{sent.name}' for model '{self.request.model}'."
                f" Expected [{batch}], got {show_shape(sent.shape)}. "
            )
        texts: list[bytes] = self._read_texts(sent, count).tolist()
        first = self.function.read_picture(texts[0])
        if count == 1:
            return first
        if first.nbytes * count > _MOST_PIXELS:
            raise Refused(
                Status.RESOURCE_EXHAUSTED,
                f"expected pictures for input '{sent.name}' for model '{self.request.model}' of at"
                f" most {_MOST_PIXELS} bytes once they are decoded, got {first.nbytes * count};"
                " send fewer at once",
            )
        pictures = [first]
        for number, text in enumerate(texts[1:], start=1):
            picture = self.function.read_picture(text)
            if picture.shape != first.shape:
                raise self._refuse(
                    f"expected pictures of one size for input '{sent.name}' for model"
                    f" '{self.request.model}', got {show_shape(first.shape)} for the first and"
                    f" {show_shape(picture.shape)} for number {number + 1}"
                )
            pictures.append(picture)
        return np.concatenate(pictures)

    def _refuse(self, text: str) -> Refused:
        return invalid_request(self.request.id, text)


def _refuse_shared_memory(region: object) -> None:
    if region is not None:
        raise Refused(Status.NOT_FOUND, f"Unable to find shared memory region: '{region}'")


def _list(names: Sequence[str]) -> str:
    return f"[{','.join(repr(name) for name in names)}]"
