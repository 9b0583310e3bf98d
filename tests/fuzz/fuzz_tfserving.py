"""Fuzzes what reads requests of TensorFlow Serving's clients: any body is read, or refused.

The first byte says what the rest is: a message of gRPC, or a body of REST for a function of several
kinds of tensors. Run it for a minute:

    python tests/fuzz/fuzz_tfserving.py -max_total_time=60 tests/fuzz/corpus/tfserving

Anything but a refusal that is the caller's fault ends the run and leaves the input in a file
`crash-...`.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import atheris

with atheris.instrument_imports(include=["meshlens"]):
    from meshlens.daprkit.application.status import Refused, Status
    from meshlens.protocols.tfserving.dtypes import find_dtype
    from meshlens.protocols.tfserving.examples import list_examples
    from meshlens.protocols.tfserving.prediction import check_names, predict
    from meshlens.protocols.tfserving.refusals import CUT, LONGEST_TEXT
    from meshlens.protocols.tfserving.rest.answers import write_predictions
    from meshlens.protocols.tfserving.rest.examples import read_examples
    from meshlens.protocols.tfserving.rest.inputs import read_inputs, read_signature
    from meshlens.protocols.tfserving.rest.text.parts import parse_object
    from meshlens.protocols.tfserving.rpc.calls import parse as parse_message
    from meshlens.protocols.tfserving.rpc.tensors import read_tensor, write_tensor
    from meshlens.protocols.wire.tensorflow_pb2 import TensorProto
    from meshlens.protocols.wire.tfserving_pb2 import ClassificationRequest, PredictRequest

import numpy as np

MOST_BYTES = 100_000
CALLERS_FAULT = {
    Status.INVALID_ARGUMENT,
    Status.NOT_FOUND,
    Status.RESOURCE_EXHAUSTED,
    Status.UNIMPLEMENTED,
}
Arrays = Mapping[str, np.typing.NDArray[np.generic]]


@dataclass(frozen=True)
class Spec:
    """An input and an output of the same name."""

    name: str
    dtype: "np.dtype[np.generic]"
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Echo:
    """A function that returns what it is given."""

    inputs: tuple[Spec, ...]
    picture: str = ""
    widens: bool = False

    @property
    def outputs(self) -> tuple[Spec, ...]:
        """The same as the inputs."""
        return self.inputs

    def read_picture(self, data: bytes) -> "np.typing.NDArray[np.generic]":
        """Return the bytes as pixels."""
        return np.frombuffer(data[:12].ljust(12), np.uint8).reshape(1, 2, 2, 3)

    def labels(self, _: str) -> tuple[str, ...]:
        """Return none."""
        return ()

    def run(self, tensors: Arrays) -> Arrays:
        """Return the tensors."""
        return tensors

    @property
    def lookup(self) -> None:
        """None: nothing is kept."""


def echo(*types: str) -> Echo:
    """Return a function of inputs a, b, ... of these types."""
    return Echo(tuple(Spec("abcd"[at], np.dtype(each)) for at, each in enumerate(types)))


PICTURES = Echo((Spec("a", np.dtype(np.uint8), (-1, 2, 2, 3)),), "a")
FUNCTIONS = (
    *(echo(each) for each in ("f4", "f8", "i1", "i4", "i8", "u1", "u8", "?", "f2", "O")),
    echo("i4", "f4"),
    echo("O", "?", "f8"),
    PICTURES,
)


def read_rest(body: bytes, function: Echo) -> None:
    """Read and answer a predict request."""
    document = parse_object(body, ("inputs", "instances"))
    read_signature(document)
    inputs = read_inputs(document, function, body)
    check_names(function, inputs.tensors)
    wanted = [spec.name for spec in function.outputs]
    outputs = predict(function, inputs.tensors, wanted, most_bytes=MOST_BYTES)
    if write_predictions(outputs, inputs.format)[-1:] != b"\n":
        raise AssertionError("an answer ends its last line")


def read_rest_examples(body: bytes) -> None:
    """Read a classify request."""
    read_examples(parse_object(body, ("context", "examples")))


def read_rpc(body: bytes) -> None:
    """Read each tensor of a predict request, and write it again."""
    for alias, proto in parse_message(PredictRequest, body).inputs.items():
        array = read_tensor(proto, alias, most_bytes=MOST_BYTES)
        if array.nbytes > MOST_BYTES:
            raise AssertionError("an array is larger than it may be")
        if find_dtype(array.dtype).number != proto.dtype:
            raise AssertionError("an array is not of its type")
        again = TensorProto()
        write_tensor(array, again)
        if read_tensor(again, alias, most_bytes=MOST_BYTES).tobytes() != array.tobytes() and (
            array.dtype.kind != "O"
        ):
            raise AssertionError("an array changes when it is written")


def read_rpc_examples(body: bytes) -> None:
    """Read a classify request."""
    list_examples(parse_message(ClassificationRequest, body).input)


OTHERS: tuple[Callable[[bytes], None], ...] = (read_rpc, read_rpc_examples, read_rest_examples)


def read(data: bytes) -> None:
    """Read a request in the way that its first byte selects."""
    kind, body = data[0] if data else 0, data[1:]
    try:
        if kind % 16 < len(FUNCTIONS):
            read_rest(body, FUNCTIONS[kind % 16])
        else:
            OTHERS[kind % 16 - len(FUNCTIONS)](body)
    except Refused as error:
        if error.status not in CALLERS_FAULT:
            raise AssertionError(f"a body cannot be at fault for {error.status}") from error
        if len(str(error).encode()) > LONGEST_TEXT + len(CUT):
            raise AssertionError("a text is too long") from error


if __name__ == "__main__":
    # Numbers beyond a float's range overflow as they do in numpy.
    np.seterr(over="ignore", invalid="ignore")
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
