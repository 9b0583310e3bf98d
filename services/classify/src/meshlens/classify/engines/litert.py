"""Runs .tflite models with LiteRT: a pool of interpreters, since one serves only one thread."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

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
from meshlens.classify.formats.tflite_graph import read_graphs

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
        first = _open(data)
        graphs = read_graphs(data)
        self._keeps_state, self._assigns = graphs.keeps_state, graphs.assigns
        inputs, outputs = first.get_input_details(), first.get_output_details()
        self._inputs = tuple(_spec(detail) for detail in inputs)
        self._outputs = tuple(
            replace(_spec(detail), numbers=graphs.outputs[0].get(detail["index"], Numbers.UNKNOWN))
            for detail in outputs
        )
        self._input_indices = {detail["name"]: detail["index"] for detail in inputs}
        self._output_indices = {detail["name"]: detail["index"] for detail in outputs}
        self._resizable = any(-1 in detail["shape_signature"] for detail in inputs)
        self._data = data
        self._pool: SimpleQueue[Interpreter] = SimpleQueue()
        self._pool.put(first)
        self._made, self._most = 1, workers
        self._making = threading.Lock()

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """The one function of a .tflite file, under the default name of SavedModels."""
        return {DEFAULT_SIGNATURE: self}

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What `run` takes."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What `run` returns."""
        return self._outputs

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output, from rest; wait if all interpreters are busy.

        Raises:
            InvalidTensor: the model cannot compute with these arrays.
        """
        pooled = self._take()
        try:
            # What a run assigns to variables stays in its interpreter.
            interpreter = _open(self._data) if self._assigns else pooled
            if self._keeps_state:
                interpreter.reset_all_variables()
            if self._resizable:
                self._resize(interpreter, tensors)
            for name, index in self._input_indices.items():
                interpreter.set_tensor(index, tensors[name])
            interpreter.invoke()
            return {
                name: interpreter.get_tensor(index) for name, index in self._output_indices.items()
            }
        except (ValueError, RuntimeError) as error:
            raise InvalidTensor(
                f"the model cannot compute with these inputs: {str(error).strip()}",
                remedy="send the shapes and types that it describes",
            ) from error
        finally:
            self._pool.put(pooled)

    def _take(self) -> Interpreter:
        """Return a free interpreter, a new one if there may be more, or wait for one."""
        with suppress(Empty):
            return self._pool.get_nowait()
        with self._making:
            if self._made < self._most:
                interpreter = _open(self._data)
                self._made += 1
                return interpreter
        return self._pool.get()

    def _resize(self, interpreter: Interpreter, tensors: Mapping[str, Tensor]) -> None:
        """Resize the inputs to the shapes of `tensors` if the last run had others."""
        changed = False
        for detail in interpreter.get_input_details():
            shape = tensors[detail["name"]].shape
            if tuple(detail["shape"]) != shape:
                interpreter.resize_tensor_input(detail["index"], shape, strict=True)
                changed = True
        if changed:
            interpreter.allocate_tensors()

    def close(self) -> None:
        """Wait for what runs, then free the interpreters; `run` must not be called any more."""
        for _ in range(self._made):
            self._pool.get()


def _open(data: bytes) -> Interpreter:
    try:
        with _without_banner():
            interpreter = Interpreter(model_content=data, num_threads=1)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InvalidModel(
            f"LiteRT cannot run the model: {str(error).strip()}",
            remedy="convert it again, with operations that LiteRT has",
        ) from error
    return interpreter


def _spec(detail: Mapping[str, Any]) -> TensorSpec:
    signature = detail["shape_signature"]
    shape = signature if len(signature) else detail["shape"]
    scale, zero_point = detail["quantization"]
    return TensorSpec(
        name=detail["name"],
        shape=tuple(int(size) for size in shape),
        dtype=np.dtype(detail["dtype"]),
        quantization=Quantization(float(scale), int(zero_point)) if scale else None,
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
