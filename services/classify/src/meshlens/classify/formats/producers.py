"""What the numbers of a model's output are, by the operators that produce them.

A label is right only if the numbers are read as what they are: logits need a softmax, probabilities
must not get another, and the number of a class is no score at all. The operators are those of
TensorFlow, by TensorFlow's names; a file of LiteRT calls the same ones otherwise.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

Tensor = TypeVar("Tensor", bound=Hashable)

CONSTANT = "Const"
# A chain of operators that keep or combine probabilities is short; a longer one says nothing.
_MOST_STEPS = 200


class Numbers(StrEnum):
    """What the numbers of an output are."""

    DISTRIBUTION = "distribution"  # of a softmax: from 0 to 1, and their sum is 1
    PROBABILITIES = "probabilities"  # made of sigmoids or distributions: from 0 to 1
    REALS = "reals"  # any: logits, measures, the axes of an embedding
    INDICES = "indices"  # the numbers of classes
    SORTED = "sorted"  # the best scores, whatever their classes
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operator(Generic[Tensor]):
    """What computes a tensor.

    Attributes:
        name: TensorFlow's.
        inputs: the tensors it reads.
        place: which of its outputs the tensor is.
    """

    name: str
    inputs: tuple[Tensor, ...]
    place: int = 0


# Returns the operator that computes a tensor, None if it is an input of the model.
Find: TypeAlias = Callable[[Tensor], Operator[Tensor] | None]

# What the outputs of an operator are, whatever it reads.
_MAKES: Mapping[str, tuple[Numbers, ...]] = {
    "Softmax": (Numbers.DISTRIBUTION,),
    "Sigmoid": (Numbers.PROBABILITIES,),
    "Relu0To1": (Numbers.PROBABILITIES,),
    "ArgMax": (Numbers.INDICES,),
    "ArgMin": (Numbers.INDICES,),
    "TopKV2": (Numbers.SORTED, Numbers.INDICES),
} | dict.fromkeys(
    [
        "MatMul",
        "BatchMatMul",
        "BatchMatMulV2",
        "BatchMatMulV3",
        "FullyConnected",
        "Conv2D",
        "DepthwiseConv2dNative",
        "TransposeConv",
        "Conv2DBackpropInput",
        "Einsum",
        "LogSoftmax",
        "FusedBatchNorm",
        "FusedBatchNormV3",
    ],
    (Numbers.REALS,),
)
# Its first input as it is, in another shape, order or type.
_KEEPS = frozenset(
    [
        "Identity",
        "IdentityN",
        "Reshape",
        "Squeeze",
        "ExpandDims",
        "Cast",
        "Quantize",
        "Dequantize",
        "StopGradient",
        "Transpose",
        "PreventGradient",
        "EnsureShape",
        "CheckNumerics",
        "ReverseV2",
        "Snapshot",
        "FakeQuantWithMinMaxArgs",
        "FakeQuantWithMinMaxVars",
    ]
)
# Some of its numbers, or one of several: between 0 and 1 if they are, or seen not to be.
_COMBINES = frozenset(
    [
        "Slice",
        "StridedSlice",
        "Gather",
        "GatherV2",
        "GatherNd",
        "Split",
        "SplitV",
        "Unpack",
        "Add",
        "AddV2",
        "AddN",
        "BiasAdd",
        "Sub",
        "Mul",
        "RealDiv",
        "Div",
        "Maximum",
        "Minimum",
        "Mean",
        "Sum",
        "Max",
        "Min",
        "Prod",
        "Concat",
        "ConcatV2",
        "Pack",
        "Pad",
        "PadV2",
        "ClipByValue",
        "AvgPool",
        "MaxPool",
        "ResizeBilinear",
        "Select",
        "SelectV2",
        "Neg",
        "Relu",
        "Relu6",
    ]
)
_CUTS_BELOW = frozenset(("Relu", "Relu6"))


def judge_numbers(tensor: Tensor, find: Find[Tensor]) -> Numbers:
    """Return what the numbers of `tensor` are."""
    return _Judge(find).judge(tensor) or Numbers.UNKNOWN


class _Judge(Generic[Tensor]):
    """Walks from a tensor to the operators that decide what its numbers are."""

    def __init__(self, find: Find[Tensor]) -> None:
        self._find = find
        self._known: dict[Tensor, Numbers | None] = {}

    def judge(self, tensor: Tensor) -> Numbers | None:
        """Return what the numbers of `tensor` are, None for a constant."""
        if tensor not in self._known:
            if len(self._known) >= _MOST_STEPS:
                return Numbers.UNKNOWN
            # A loop would lead here again.
            self._known[tensor] = Numbers.UNKNOWN
            operator = self._find(tensor)
            self._known[tensor] = Numbers.REALS if operator is None else self._of(operator)
        return self._known[tensor]

    def _of(self, operator: Operator[Tensor]) -> Numbers | None:
        name, inputs = operator.name, operator.inputs
        if name == CONSTANT:
            return None
        if name in _MAKES:
            return _MAKES[name][min(operator.place, len(_MAKES[name]) - 1)]
        if not inputs:
            return Numbers.UNKNOWN
        if name in _KEEPS:
            # Of several inputs, IdentityN passes each on in its place.
            return self.judge(inputs[operator.place if name == "IdentityN" else 0])
        if self._is_softmax(operator):
            return Numbers.DISTRIBUTION
        return self._combine(operator) if name in _COMBINES else Numbers.UNKNOWN

    def _combine(self, operator: Operator[Tensor]) -> Numbers | None:
        kinds = {self.judge(tensor) for tensor in operator.inputs} - {None}
        if not kinds:
            return None
        if kinds <= {Numbers.DISTRIBUTION, Numbers.PROBABILITIES}:
            return Numbers.PROBABILITIES
        if operator.name in _CUTS_BELOW or len(kinds) > 1:
            return Numbers.UNKNOWN
        return next(iter(kinds))

    def _is_softmax(self, operator: Operator[Tensor]) -> bool:
        """Return whether small operators make a softmax: x / sum(x), or exp(log_softmax(x))."""
        match operator.name, operator.inputs:
            case "Exp", (powers,):
                return self._skip(powers)[1] == "LogSoftmax"
            case (("RealDiv" | "Div"), (above, below)):
                divisor = self._find(self._skip(below)[0])
                return (
                    divisor is not None
                    and divisor.name == "Sum"
                    and self._skip(divisor.inputs[0]) == self._skip(above)
                )
            case _:
                return False

    def _skip(self, tensor: Tensor) -> tuple[Tensor, str]:
        """Return the first tensor above `tensor` that has other numbers, and its operator."""
        for _ in range(_MOST_STEPS):
            operator = self._find(tensor)
            if operator is None or operator.name not in _KEEPS or not operator.inputs:
                return tensor, operator.name if operator else ""
            tensor = operator.inputs[0]
        return tensor, ""
