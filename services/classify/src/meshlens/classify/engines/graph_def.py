"""A graph of TensorFlow as protobuf: what its outputs are, and whether a call changes variables."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from meshlens.classify.formats.producers import CONSTANT, Numbers, Operator, judge_numbers

_CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall"))
_INPUTS = frozenset(("Placeholder", "PlaceholderWithDefault", "Arg", "_Arg"))
_CONSTANTS = frozenset((CONSTANT, "VarHandleOp", "ReadVariableOp", "VariableV2", "Variable"))
_ASSIGNMENTS = ("Assign", "ResourceScatter", "ResourceApply")
_DEEPEST = 50


class _Tensor(NamedTuple):
    """An output of a node, in the function that the calls on the way to it lead to."""

    calls: tuple[str, ...]
    node: str
    place: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """The nodes of a graph or of a function, and what a call gives to its arguments."""

    nodes: Mapping[str, Any]
    arguments: Mapping[str, _Tensor]


class GraphOperators:
    """The operators of a graph, calls of functions followed.

    Args:
        definition: a GraphDef.
    """

    def __init__(self, definition: Any) -> None:  # noqa: ANN401 - TensorFlow ships no types
        self._functions = {each.signature.name: each for each in definition.library.function}
        nodes = {node.name: node for node in definition.node}
        self._frames: dict[tuple[str, ...], _Frame] = {(): _Frame(nodes, {})}

    def judge(self, node: str, place: int) -> Numbers:
        """Return what the numbers of an output of `node` are."""
        return judge_numbers(_Tensor((), node, place), self._find)

    def assigned(self) -> frozenset[str]:
        """Return the inputs of the graph that are variables which a call of it changes."""
        return frozenset(self._assigned(()))

    def _assigned(self, calls: tuple[str, ...]) -> Iterator[str]:
        for node in self._frames[calls].nodes.values():
            inputs = tuple(_refer(calls, node.input))
            if node.op.startswith(_ASSIGNMENTS) and inputs:
                yield self._origin(inputs[0]).node
            function = self._functions.get(_function_name(node))
            if function is not None and len(calls) < _DEEPEST:
                self._enter(node.name, calls, function, inputs)
                yield from self._assigned((*calls, node.name))

    def _origin(self, tensor: _Tensor) -> _Tensor:
        """Return what the callers give for an argument of a function."""
        while tensor.node in (given := self._frames[tensor.calls].arguments):
            tensor = given[tensor.node]
        return tensor

    def _find(self, tensor: _Tensor) -> Operator[_Tensor] | None:
        while len(tensor.calls) < _DEEPEST:
            tensor = self._origin(tensor)
            node = self._frames[tensor.calls].nodes.get(tensor.node)
            if node is None or node.op in _INPUTS:
                return None
            inputs = tuple(_refer(tensor.calls, node.input))
            function = self._functions.get(_function_name(node))
            if function is None:
                name = CONSTANT if node.op in _CONSTANTS else node.op
                return Operator(name, inputs, tensor.place)
            self._enter(node.name, tensor.calls, function, inputs)
            result = function.ret[function.signature.output_arg[tensor.place].name]
            (tensor,) = _refer((*tensor.calls, node.name), [result])
        return Operator("a deep call", ())

    def _enter(
        self,
        name: str,
        calls: tuple[str, ...],
        function: Any,  # noqa: ANN401 - as above
        inputs: tuple[_Tensor, ...],
    ) -> None:
        """Make known the function that the node `name` calls with `inputs`."""
        if (*calls, name) not in self._frames:
            names = (argument.name for argument in function.signature.input_arg)
            nodes = {node.name: node for node in function.node_def}
            arguments = dict(zip(names, inputs, strict=False))
            self._frames[(*calls, name)] = _Frame(nodes, arguments)


def _function_name(node: Any) -> str:  # noqa: ANN401 - as above
    return str(node.attr["f"].func.name if node.op in _CALLS else node.op)


def _refer(calls: tuple[str, ...], inputs: Iterable[str]) -> Iterable[_Tensor]:
    """Return what a node reads: `node:place` in a graph, `node:output:place` in a function."""
    for name in inputs:
        if name.startswith("^"):
            continue
        node, *rest = name.split(":")
        place = int(rest[-1]) if rest else 0
        # The second output of a top-k; the others that matter have one, or a list of one name.
        yield _Tensor(calls, node, 1 if rest[:1] == ["indices"] else place)
