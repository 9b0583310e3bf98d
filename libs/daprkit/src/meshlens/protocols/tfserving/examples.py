"""The examples of Classify, Regress and MultiInference -> what a function takes."""

from meshlens.protocols.models import Function
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.wire.tensorflow_pb2 import Example
from meshlens.protocols.wire.tfserving_pb2 import Input

# What TensorFlow's own datasets and exporters call the bytes of a picture.
_PICTURE = "image/encoded"


def list_examples(input_: Input) -> list[bytes]:
    """Return each example as its bytes, those of the context before its own.

    Two messages one behind the other are one that has the fields of both.

    Raises:
        Refused: INVALID_ARGUMENT: there are none.
    """
    kind = input_.WhichOneof("kind")
    context = b""
    if kind == "example_list_with_context":
        examples = input_.example_list_with_context.examples
        context = input_.example_list_with_context.context.SerializeToString()
    else:
        examples = input_.example_list.examples
    if not examples:
        raise invalid("Input is empty.")
    return [context + example.SerializeToString() for example in examples]


def find_picture(example: bytes, function: Function) -> bytes:
    """Return the encoded picture in an example.

    It is in the feature image/encoded, in the one called like the input, or the only bytes.

    Raises:
        Refused: INVALID_ARGUMENT: there is none.
    """
    features = Example.FromString(example).features.feature
    found = {
        name: feature.bytes_list.value
        for name, feature in features.items()
        if feature.WhichOneof("kind") == "bytes_list"
    }
    for name in (_PICTURE, function.picture, *(found if len(found) == 1 else ())):
        if len(found.get(name, ())) == 1:
            return bytes(found[name][0])
    raise invalid(
        f"Expected an encoded picture as the feature {_PICTURE} or {function.picture},"
        f" got the features {', '.join(sorted(features)) or 'none'}"
    )
