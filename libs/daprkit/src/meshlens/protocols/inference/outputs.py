"""Which outputs a request wants, and in which form."""

from collections.abc import Mapping, Sequence

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.inference.classification import classify
from meshlens.protocols.inference.datatypes import is_datatype, name_datatype
from meshlens.protocols.inference.inputs import BYTES
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.tensors import InferRequest, OutputTensor, RequestedOutput
from meshlens.protocols.models import Array, Function


def choose_outputs(function: Function, request: InferRequest) -> Sequence[RequestedOutput]:
    """Return the outputs that a request wants: all if it names none.

    Raises:
        Refused: the function has no such output, or one is wanted in two forms.
    """
    known = {tensor.name for tensor in function.outputs}
    chosen: dict[str, RequestedOutput] = {}
    for output in request.outputs:
        if output.name not in known:
            raise invalid(
                f"unexpected inference output '{output.name}' for model '{request.model}'"
            )
        region = output.parameters.get("shared_memory_region")
        if region is not None:
            raise Refused(Status.NOT_FOUND, f"Unable to find shared memory region: '{region}'")
        if chosen.setdefault(output.name, output) != output:
            raise invalid(
                f"output '{output.name}' for model '{request.model}' is requested in two forms"
            )
    return tuple(chosen.values()) or [RequestedOutput(tensor.name) for tensor in function.outputs]


def make_outputs(
    function: Function, wanted: Sequence[RequestedOutput], answers: Mapping[str, Array]
) -> Sequence[OutputTensor]:
    """Return the outputs in the forms that are wanted.

    Raises:
        Refused: the protocol has no name for a type, or no order of its elements.
    """
    return [_make(function, output, answers[output.name]) for output in wanted]


def _make(function: Function, wanted: RequestedOutput, answer: Array) -> OutputTensor:
    if wanted.classes:
        texts = classify(wanted.name, answer, wanted.classes, function.labels(wanted.name))
        return OutputTensor(wanted.name, BYTES, texts)
    datatype = BYTES if answer.dtype.kind in "OSU" else name_datatype(answer.dtype)
    if not is_datatype(datatype):
        raise invalid(f"output '{wanted.name}' has the type {datatype}, which has no name in V2")
    return OutputTensor(wanted.name, datatype, answer)
