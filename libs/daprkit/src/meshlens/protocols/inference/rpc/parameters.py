"""Parameters of requests: their values, and the types that Triton expects of those it knows."""

from collections.abc import Mapping

from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.tensors import Parameter
from meshlens.protocols.wire import inference_pb2 as pb

_EXPECTED = {
    "sequence_id": ("int64_param", "string_param"),
    "sequence_start": ("bool_param",),
    "sequence_end": ("bool_param",),
    "priority": ("int64_param", "uint64_param"),
    "timeout": ("int64_param",),
    # Ours: what a rollout may choose a version by.
    "key": ("string_param",),
    "triton_enable_empty_final_response": ("bool_param",),
}
_OF_TENSORS = ("shared_memory_region",)
_RESERVED = "triton_"


def read_parameters(parameters: Mapping[str, pb.InferParameter]) -> dict[str, Parameter]:
    """Return the parameters of a tensor that mean something here: those of shared memory.

    There may be countless others.
    """
    values: dict[str, Parameter] = {}
    for name in _OF_TENSORS:
        # Reading a map of messages by a key would add it.
        if name in parameters:
            choice = parameters[name].WhichOneof("parameter_choice")
            values[name] = getattr(parameters[name], choice) if choice else ""
    return values


def check_request_parameters(parameters: Mapping[str, pb.InferParameter]) -> None:
    """Check the types of the parameters that a request may have, Triton's and ours.

    Raises:
        Refused: one has another type, or a name that Triton reserves.
    """
    for name, parameter in parameters.items():
        choice = parameter.WhichOneof("parameter_choice")
        expected = _EXPECTED.get(name)
        if expected is None:
            if name.startswith(_RESERVED):
                raise invalid(
                    "parameter keys starting with 'triton_' are reserved for Triton usage. Only the"
                    " following keys starting with 'triton_' are allowed:"
                    " triton_enable_empty_final_response"
                )
        elif choice not in expected:
            raise invalid(
                f"invalid value type for '{name}' parameter, expected {' or '.join(expected)}."
            )
        if name == "priority" and choice == "int64_param" and parameter.int64_param < 0:
            raise invalid("invalid value for 'priority', expected value >= 0.")
        if name == "timeout" and parameter.int64_param < 0:
            raise invalid("invalid value for 'timeout', expected value >= 0.")


def read_classes(parameters: Mapping[str, pb.InferParameter]) -> int:
    """Return how many classes an output is wanted for; 0 for the output itself.

    Raises:
        Refused: it is no number above 0.
    """
    # Reading a map of messages by a key would add it.
    if "classification" not in parameters:
        return 0
    parameter = parameters["classification"]
    if parameter.WhichOneof("parameter_choice") != "int64_param":
        raise invalid("invalid value type for 'classification' parameter, expected int64_param")
    if parameter.int64_param <= 0:
        raise invalid("invalid value for 'classification' parameter, expected >= 0")
    return parameter.int64_param
