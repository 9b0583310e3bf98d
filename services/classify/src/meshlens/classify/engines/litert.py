"""Runs .tflite models with LiteRT: a pool of interpreters, since one serves only one thread."""

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from meshlens.classify.engines.engine import (
    DEFAULT_SIGNATURE,
    Quantization,
    Signature,
    Tensor,
    TensorSpec,
)
from meshlens.classify.errors import InvalidModel, InvalidTensor
from meshlens.classify.formats.producers import Numbers
from meshlens.classify.formats.tflite_graph import Graphs, read_graphs

_Detail: TypeAlias = Mapping[str, Any]  # of a tensor, as LiteRT describes it

_BANNER = b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
_STDERR = 2
_stderr_taken = threading.Lock()


class LiteRtEngine:
    """A .tflite model, run by at most one interpreter per worker.

    Creating one holds the GIL for some milliseconds. So a load creates the first, and the others
    are created on demand.

    Invoking one releases the GIL and computes on the calling thread, so `workers` threads use as
    many cores. Tensors are copied in and out: an interpreter's own buffers belong to the next
    request as soon as it is back in the pool, and the copies take microseconds.

    Args:
        data: the bytes of the file, shared by all interpreters and kept alive by them.
        workers: most interpreters to create.

    Raises:
        InvalidModel: LiteRT cannot run it.
    """

    def __init__(self, data: bytes, *, workers: int) -> None:
        first = _Session(data)
        self._graphs = read_graphs(data)
        self._functions = {
            name: _Function(*first.describe(name, self._graphs), partial(self._run, name))
            for name in first.names
        }
        self._data = data
        self._pool: SimpleQueue[_Session] = SimpleQueue()
        self._pool.put(first)
        self._made, self._most = 1, workers
        self._making = threading.Lock()

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """The functions of the file by name; one without names has the default one's."""
        return self._functions

    def _run(self, name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output of a function, from rest; wait if all interpreters are busy.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
        """
        pooled = self._take()
        try:
            # What a run assigns to variables stays in its interpreter.
            session = _Session(self._data) if self._graphs.assigns else pooled
            if self._graphs.keeps_state:
                session.rest()
            return session.run(name, tensors)
        except (ValueError, RuntimeError) as error:
            raise InvalidTensor(
                f"the model cannot compute with these inputs: {str(error).strip()}",
                remedy="send the shapes and types that it describes",
            ) from error
        finally:
            self._pool.put(pooled)

    def _take(self) -> "_Session":
        """Return a free interpreter, a new one if there may be more, or wait for one."""
        with suppress(Empty):
            return self._pool.get_nowait()
        with self._making:
            if self._made < self._most:
                session = _Session(self._data)
                self._made += 1
                return session
        return self._pool.get()

    def close(self) -> None:
        """Wait for what runs, then free the interpreters; `run` must not be called any more."""
        for _ in range(self._made):
            self._pool.get()


@dataclass(frozen=True, slots=True)
class _Function:
    """One function of a model."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    call: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
        """
        return self.call(tensors)


class _Session:
    """One interpreter, and how each function of its model is called.

    A file with at most one function is called through its main graph, which is sooner; with
    several, each has a graph of its own.

    Args:
        data: the bytes of the file.

    Raises:
        InvalidModel: LiteRT cannot run it.

    Attributes:
        names: of its functions, the default one first.
    """

    def __init__(self, data: bytes) -> None:
        self._interpreter = interpreter = _open(data)
        named = sorted(interpreter.get_signature_list(), key=DEFAULT_SIGNATURE.__ne__)
        self.names = tuple(named) or (DEFAULT_SIGNATURE,)
        runners = {name: interpreter.get_signature_runner(name) for name in named}
        only = runners[named[0]] if len(named) == 1 else None
        self._inputs = _name(
            interpreter.get_input_details(), only.get_input_details() if only else {}
        )
        self._outputs = _name(
            interpreter.get_output_details(), only.get_output_details() if only else {}
        )
        self._resizable = any(-1 in detail["shape_signature"] for _, detail in self._inputs)
        # An interpreter that a runner refers to refuses to run by itself.
        self._runners = {} if only else runners

    def rest(self) -> None:
        """Forget what earlier runs have left in the tensors that keep a state."""
        self._interpreter.reset_all_variables()

    def describe(
        self, name: str, graphs: Graphs
    ) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
        """Return the inputs and outputs of a function, by what the graphs of its file do."""
        inputs, outputs = self._inputs, self._outputs
        if runner := self._runners.get(name):
            inputs = list(runner.get_input_details().items())
            outputs = list(runner.get_output_details().items())
        bounds, numbers = graphs.inputs_of(name), graphs.outputs_of(name)
        return (
            tuple(
                replace(_spec(given, detail), bounds=bounds.get(int(detail["index"])))
                for given, detail in inputs
            ),
            tuple(
                replace(
                    _spec(given, detail),
                    numbers=numbers.get(int(detail["index"]), Numbers.UNKNOWN),
                )
                for given, detail in outputs
            ),
        )

    def run(self, name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output of a function.

        Raises:
            ValueError, RuntimeError: LiteRT refuses these arrays.
        """
        if runner := self._runners.get(name):
            answers: dict[str, Tensor] = runner(**tensors)
            return answers
        interpreter = self._interpreter
        if self._resizable:
            self._resize(tensors)
        for given, detail in self._inputs:
            interpreter.set_tensor(detail["index"], tensors[given])
        interpreter.invoke()
        return {given: interpreter.get_tensor(detail["index"]) for given, detail in self._outputs}

    def _resize(self, tensors: Mapping[str, Tensor]) -> None:
        """Resize the inputs to the shapes of `tensors` if the last run had others."""
        changed = False
        current = self._interpreter.get_input_details()
        for (given, detail), now in zip(self._inputs, current, strict=True):
            shape = tensors[given].shape
            if tuple(now["shape"]) != shape:
                self._interpreter.resize_tensor_input(detail["index"], shape, strict=True)
                changed = True
        if changed:
            self._interpreter.allocate_tensors()


def _name(details: Sequence[_Detail], named: Mapping[str, _Detail]) -> list[tuple[str, _Detail]]:
    """Return the tensors of the main graph in its order, under a signature's names for them."""
    names: dict[int, str] = {detail["index"]: name for name, detail in named.items()}
    return [(names.get(detail["index"]) or str(detail["name"]), detail) for detail in details]


def _open(data: bytes) -> Interpreter:
    try:
        with _without_banner():
            interpreter = Interpreter(model_content=data, num_threads=1)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip()
        raise InvalidModel(
            f"LiteRT cannot run the model: {reason}", remedy=_find_remedy(reason)
        ) from error
    return interpreter


def _find_remedy(reason: str) -> str:
    """Return what to do about a model that LiteRT refuses for `reason`."""
    if "edgetpu" in reason:
        return (
            "it is compiled for an Edge TPU: use the file it was compiled from, the one without"
            " _edgetpu in its name"
        )
    if "Flex" in reason or "Select TensorFlow op" in reason:
        return "it needs TensorFlow's own operations: serve the SavedModel it was converted from"
    if "custom op" in reason:
        return (
            "LiteRT has no such operation, and none can be added: convert the model again with"
            " built-in operations, or serve the SavedModel it was converted from"
        )
    return "convert it again, with operations that LiteRT has"


def _spec(name: str, detail: _Detail) -> TensorSpec:
    signature = detail["shape_signature"]
    shape = signature if len(signature) else detail["shape"]
    scale, zero_point = detail["quantization"]
    dtype = np.dtype(detail["dtype"])
    return TensorSpec(
        name=name,
        shape=tuple(int(size) for size in shape),
        # Text of any length; numpy's own type for it would cut zeros off its end.
        dtype=np.dtype(object) if dtype.kind == "S" else dtype,
        quantization=Quantization(float(scale), int(zero_point)) if scale else None,
        tensor=detail["name"],
    )


@contextmanager
def _without_banner() -> Iterator[None]:
    """Keep LiteRT's banner out of logs that are JSON and of a command's output.

    The runtime writes it straight to the process's stderr and has no switch for it in Python.
    Whatever else is written meanwhile is passed on afterwards. It is kept in a file: a pipe that
    nobody reads until then would block a runtime that writes more than it holds.
    """
    with _stderr_taken, tempfile.TemporaryFile() as written:
        sys.stderr.flush()
        real = os.dup(_STDERR)
        os.dup2(written.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(real, _STDERR)
            os.close(real)
            written.seek(0)
            rest = written.read().replace(_BANNER, b"")
            while rest:
                rest = rest[os.write(_STDERR, rest) :]
