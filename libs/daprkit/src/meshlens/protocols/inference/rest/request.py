"""A request for an inference: JSON, with tensors within it or behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshlens.protocols.inference.datatypes import find_dtype, is_datatype
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.rest.text.data import read_array, read_strings
from meshlens.protocols.inference.rest.text.document import Document, read_document
from meshlens.protocols.inference.rest.text.fields import (
    find,
    find_count,
    find_objects,
    read,
    read_shape,
    unreadable,
)
from meshlens.protocols.inference.tensors import InferRequest, InputTensor, RequestedOutput
from meshlens.protocols.models import Array

_BYTES = "BYTES"
_SIZE = "binary_data_size"


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request, and how its answer is to be written.

    Attributes:
        infer: the request itself.
        binary: which outputs are wanted as binary data, by name.
        all_binary: whether the others are.
    """

    infer: InferRequest
    binary: Mapping[str, bool]
    all_binary: bool

    def wants_binary(self, output: str) -> bool:
        """Return whether an output is wanted as binary data."""
        return self.binary.get(output, self.all_binary)


def read_request(text: bytes, behind: memoryview, *, model: str, version: str) -> RestRequest:
    """Return the request in JSON, whose binary tensors are in `behind`.

    Args:
        text: the JSON.
        behind: what follows it in the body.
        model: the name in the path.
        version: the number in the path; empty without one.

    Raises:
        Refused: it is no request.
    """
    document = read_document(text)
    root = document.root
    parameters = find(root, "parameters", dict, default={})
    for name in parameters:
        if name.startswith("triton_"):
            raise invalid(
                "parameter keys starting with 'triton_' are reserved for Triton usage and should"
                " not be specified."
            )
    outputs = find_objects(root, "outputs")
    infer = InferRequest(
        model,
        version,
        _Inputs(document, behind, model).read(),
        tuple(_read_output(output) for output in outputs),
        find(root, "id", str, default=""),
        find_count(parameters, "timeout", 0),
        find(parameters, "key", str, default=""),
    )
    return RestRequest(
        infer, _read_forms(outputs), find(parameters, "binary_data_output", bool, default=False)
    )


@dataclass(slots=True)
class _Inputs:
    """Reads the inputs of one request in their order, and what is behind the JSON with them."""

    document: Document
    behind: memoryview
    model: str

    def read(self) -> Sequence[InputTensor]:
        root = self.document.root
        read(root, "inputs", list)
        inputs = tuple(self._read(fields) for fields in find_objects(root, "inputs"))
        self.document.finish()
        if self.behind:
            raise invalid(f"unexpected additional input data for model '{self.model}'")
        return inputs

    def _read(self, fields: Mapping[str, Any]) -> InputTensor:
        parameters = find(fields, "parameters", dict, default={})
        _check_source(fields, parameters)
        name, datatype = read(fields, "name", str), read(fields, "datatype", str)
        shape = read_shape(fields)
        if _SIZE in parameters:
            data: memoryview | Array = self._cut(name, find_count(parameters, _SIZE, 0))
        elif "data" in fields:
            data = self._read_data(fields["data"], name, datatype, shape, parameters)
        else:  # shared memory, which whoever answers refuses
            data = memoryview(b"")
        return InputTensor(name, datatype, shape, data, parameters)

    def _cut(self, name: str, size: int) -> memoryview:
        missing = size - len(self.behind)
        if missing > 0:
            raise invalid(
                f"unexpected size for input '{name}', expecting {missing} additional bytes for"
                f" model '{self.model}'"
            )
        data, self.behind = self.behind[:size], self.behind[size:]
        return data

    def _read_data(
        self,
        data: object,
        name: str,
        datatype: str,
        shape: tuple[int, ...],
        parameters: Mapping[str, Any],
    ) -> Array:
        if datatype in ("FP16", "BF16"):
            raise invalid(
                f"receiving {datatype} data via JSON is not supported. Please use the binary data"
                f" format for input {name}"
            )
        if not is_datatype(datatype):
            raise invalid(f"invalid datatype for input {name}")
        text = self.document.take(data)
        dtype = find_dtype(datatype)
        try:
            if datatype == _BYTES:
                # Only an empty array of strings looks like one of numbers.
                strings = [] if text is not None and not text[1:-1].strip(b" \t\r\n") else data
                base64 = parameters.get("content_type") == "base64"
                return read_strings(strings, shape, base64=base64).reshape(-1)
            if text is None or dtype is None:
                raise unreadable("data", f"expected an array of {datatype} for input {name}")
            return read_array(text, dtype, shape).reshape(-1)
        except ValueError as error:
            raise unreadable("data", str(error)) from None


def _check_source(fields: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Refuse an input that has no data, or some in two places."""
    there = [
        name
        for name, where in (
            ("data", fields),
            (_SIZE, parameters),
            ("shared_memory_region", parameters),
        )
        if name in where
    ]
    if len(there) != 1:
        found = f" set {' '.join(repr(name) for name in there)}" if there else " no field is set"
        raise invalid(
            "Input must set only one of the following fields: 'data', 'binary_data_size' in"
            f" 'parameters', 'shared_memory_region' in 'parameters'. But{found}"
        )


def _read_output(fields: Mapping[str, Any]) -> RequestedOutput:
    parameters = find(fields, "parameters", dict, default={})
    classes = find_count(parameters, "classification", 0)
    kept = {name: value for name, value in parameters.items() if name != "binary_data"}
    return RequestedOutput(read(fields, "name", str), classes, kept)


def _read_forms(outputs: Sequence[Mapping[str, Any]]) -> Mapping[str, bool]:
    forms = {}
    for output in outputs:
        parameters = find(output, "parameters", dict, default={})
        if "binary_data" in parameters:
            forms[output["name"]] = read(parameters, "binary_data", bool)
    return forms
