"""Runs frozen graphs and SavedModels with TensorFlow, imported when the first one is loaded.

TensorFlow is an optional extra: importing it takes seconds and half a gigabyte of memory, which a
replica with only .tflite models never spends.
"""

import gc
import importlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from meshlens.classify.engines.engine import DEFAULT_SIGNATURE, Signature, Tensor, TensorSpec
from meshlens.classify.engines.graph_def import GraphOperators
from meshlens.classify.errors import InvalidModel, InvalidTensor, NotEnoughMemory
from meshlens.classify.formats.packing import unpack

_Call: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_SERVING_TAG = "serve"
_LONGEST_REASON = 600
# What TensorFlow writes around the reason of an error: nodes, names of functions, hints for those
# who call it from Python.
_NOISE = re.compile(r"\[\[\{\{.*|\{\{function_node [^}]*\}\} ?|\[Op:[^\]]*\]")
_HEADLINES = (
    "Graph execution error:",
    "Detected at node",
    "<stack traces unavailable>",
    "Hint: If you want to see a list of allocated tensors",
)
_importing = threading.Lock()


class TensorFlowEngine:
    """A TensorFlow model, whose functions release the GIL while they compute.

    Args:
        functions: its signatures by name, the default one first.
    """

    def __init__(self, functions: Mapping[str, "_Function"]) -> None:
        self._functions = dict(functions)

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """The functions of the model by name."""
        return self._functions

    def close(self) -> None:
        """Drop the model; running calls keep their part of it alive until they end."""
        self._functions.clear()


def open_saved_model(model: bytes | Path, *, workers: int) -> TensorFlowEngine:
    """Return the SavedModel in a folder, or in the bytes of one packed by `packing.pack`.

    Raises:
        InvalidModel: it cannot be loaded, or has no signature.
    """
    if isinstance(model, bytes):
        # TensorFlow reads variables and assets from files only while it loads.
        with tempfile.TemporaryDirectory(prefix="saved-model-") as folder:
            unpack(model, Path(folder))
            return open_saved_model(Path(folder), workers=workers)
    tf = import_tensorflow(workers)
    with _refusing("the SavedModel"):
        loaded = tf.saved_model.load(os.fspath(model), tags=[_SERVING_TAG])
        signatures = dict(loaded.signatures)
    if not signatures:
        raise InvalidModel(
            "expected a SavedModel with signatures", got="none", remedy="export it with one"
        )
    names = sorted(signatures, key=lambda name: (name != DEFAULT_SIGNATURE, name))
    return TensorFlowEngine({name: _describe(loaded, signatures[name]) for name in names})


def open_frozen_graph(
    data: bytes, *, workers: int, inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> TensorFlowEngine:
    """Return the frozen graph in `data`.

    Args:
        data: the bytes of a GraphDef.
        workers: threads that call it.
        inputs: names of its inputs; if empty, all its placeholders.
        outputs: names of its outputs; if empty, the operations that no other one reads.

    Raises:
        InvalidModel: it is not a graph, has unknown operations, or lacks these inputs or outputs.
    """
    tf = import_tensorflow(workers)
    definition = tf.compat.v1.GraphDef()
    with _refusing("the frozen graph"):
        definition.ParseFromString(data)
    inputs = inputs or _placeholders(definition)
    outputs = outputs or _leaves(definition)
    if not definition.node or not outputs:
        raise InvalidModel(
            "expected a frozen graph", got="no operations", remedy="is the file complete?"
        )
    with _refusing("the frozen graph"):
        graph = tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(definition, name=""), []
        )
        arrays = [graph.graph.get_tensor_by_name(_tensor_name(name)) for name in inputs]
        answers = [graph.graph.get_tensor_by_name(_tensor_name(name)) for name in outputs]
        pruned = graph.prune(arrays, answers)

    def call(tensors: Mapping[str, Any]) -> dict[str, Any]:
        return dict(zip(outputs, pruned(*(tensors[name] for name in inputs)), strict=True))

    specs_in = tuple(map(_spec, inputs, arrays))
    specs_out = _outputs(outputs, answers, GraphOperators(definition))
    return TensorFlowEngine({DEFAULT_SIGNATURE: _Function(tf, specs_in, specs_out, call)})


def import_tensorflow(workers: int) -> Any:  # noqa: ANN401 - TensorFlow ships no types
    """Return the module, imported by the first call.

    Raises:
        InvalidModel: it is not installed.
    """
    with _importing:
        # oneDNN picks kernels by processor, and they differ in the last digits; replicas must
        # answer the same everywhere.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        first = "tensorflow" not in sys.modules
        try:
            tf = importlib.import_module("tensorflow")
        except ImportError as error:
            raise InvalidModel(
                "expected TensorFlow for this model",
                got=str(error),
                remedy="install meshlens-classify[tensorflow]; in a clone: make setup TENSORFLOW=1",
            ) from error
        if first:
            # Its objects live forever; scanning them at every collection would pause all threads.
            gc.freeze()
        tf.get_logger().setLevel("ERROR")
        try:
            # A request computes on one core, as in LiteRT; there are as many workers as cores.
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(workers)
        except RuntimeError:
            pass  # the first model has fixed them
        return tf


@dataclass(frozen=True, slots=True)
class _Function:
    """One function of a model."""

    tf: Any  # TensorFlow ships no types
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    call: _Call

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
            NotEnoughMemory: it needs more memory for them than there is.
            InvalidModel: it cannot compute at all.
        """
        tf = self.tf
        errors = tf.errors
        try:
            arrays = {
                spec.name: tf.constant(tensors[spec.name], spec.dtype) for spec in self.inputs
            }
            answers = self.call(arrays)
        except (errors.ResourceExhaustedError, MemoryError) as error:
            raise NotEnoughMemory(
                f"the model needs more memory for these inputs than there is: {_reason(error)}",
                remedy="send smaller inputs",
            ) from error
        except (errors.FailedPreconditionError, errors.InternalError) as error:
            raise InvalidModel(
                f"the model cannot compute: {_reason(error)}",
                remedy="export it again, with its tables and variables initialized",
            ) from error
        except (ValueError, TypeError, errors.OpError) as error:
            raise InvalidTensor(
                f"the model cannot compute with these inputs: {_reason(error)}",
                remedy="send the shapes, types and values that it describes",
            ) from error
        return {spec.name: _as_array(answers[spec.name].numpy()) for spec in self.outputs}


def _as_array(value: Any) -> Tensor:  # noqa: ANN401 - an array, or the bytes of a single text
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)


def _describe(loaded: Any, function: Any) -> _Function:  # noqa: ANN401 - TensorFlow ships no types
    """Return a function of a SavedModel; it keeps the variables of `loaded` alive."""
    _, named = function.structured_input_signature
    inputs = tuple(_spec(name, spec) for name, spec in sorted(named.items()))
    graph = GraphOperators(function.graph.as_graph_def())
    # Both are in the order of the names.
    outputs = _outputs(sorted(function.structured_outputs), function.outputs, graph)

    def call(tensors: Mapping[str, Any], _owner: object = loaded) -> Mapping[str, Any]:
        answers: Mapping[str, Any] = function(**tensors)
        return answers

    run = _from_rest(call, _assigned_variables(function, graph.assigned()))
    return _Function(importlib.import_module("tensorflow"), inputs, outputs, run)


def _outputs(
    names: Sequence[str],
    tensors: Sequence[Any],
    graph: GraphOperators,
) -> tuple[TensorSpec, ...]:
    """Return what a function returns, by the operators of its graph."""
    return tuple(
        replace(_spec(name, tensor), numbers=graph.judge(tensor.op.name, tensor.value_index))
        for name, tensor in zip(names, tensors, strict=True)
    )


def _assigned_variables(function: Any, names: frozenset[str]) -> Sequence[Any]:  # noqa: ANN401 - TensorFlow ships no types
    """Return the variables of a function that it knows as the inputs `names`."""
    handles = [outer for outer, inner in function.graph.captures if inner.op.name in names]
    return [
        variable
        for variable in function.variables
        if any(variable.handle is handle for handle in handles)
    ]


def _from_rest(call: _Call, variables: Sequence[Any]) -> _Call:
    """Return `call`, before which the variables that it assigns get their first values."""
    if not variables:
        return call
    first = [(variable, variable.numpy()) for variable in variables]
    one_at_a_time = threading.Lock()

    def call_from_rest(tensors: Mapping[str, Any]) -> Mapping[str, Any]:
        with one_at_a_time:
            for variable, value in first:
                variable.assign(value)
            return call(tensors)

    return call_from_rest


def _spec(name: str, tensor: Any) -> TensorSpec:  # noqa: ANN401 - TensorFlow ships no types
    shape = tensor.shape
    return TensorSpec(
        name=name,
        shape=None
        if shape.rank is None
        else tuple(-1 if size is None else int(size) for size in shape),
        dtype=np.dtype(tensor.dtype.as_numpy_dtype),
    )


def _placeholders(definition: Any) -> tuple[str, ...]:  # noqa: ANN401 - TensorFlow ships no types
    return tuple(
        node.name
        for node in definition.node
        if node.op in ("Placeholder", "PlaceholderWithDefault")
    )


def _leaves(definition: Any) -> tuple[str, ...]:  # noqa: ANN401 - TensorFlow ships no types
    """Return the operations that compute something and that no other operation reads."""
    read = {name.lstrip("^").partition(":")[0] for node in definition.node for name in node.input}
    return tuple(
        node.name
        for node in definition.node
        if node.name not in read and node.op not in ("Const", "NoOp", "Placeholder")
    )


def _tensor_name(name: str) -> str:
    return name if ":" in name else f"{name}:0"


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Raise InvalidModel for whatever TensorFlow and protobuf raise on an untrusted file."""
    try:
        yield
    except (
        Exception
    ) as error:  # loaders raise anything on hostile bytes, protobuf's errors included
        raise InvalidModel(
            f"TensorFlow cannot load {what}: {_reason(error)}",
            remedy="export it again, by a TensorFlow that is no newer than this one",
        ) from error


def _reason(error: Exception) -> str:
    """Return what TensorFlow says about an error, without its headline and its trace of the graph.

    What a model's own assertion says comes after several lines that name only the node.
    """
    text = str(getattr(error, "message", "") or (error.args[0] if error.args else ""))
    lines = [_NOISE.sub("", line).strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(_HEADLINES)]
    return " ".join(told)[:_LONGEST_REASON] or type(error).__name__
