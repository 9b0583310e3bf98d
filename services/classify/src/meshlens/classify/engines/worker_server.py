"""Models in a worker process: `python -m meshlens.classify.engines.worker_server FOLDER`.

`worker_process` starts it. It reads a key from stdin. Once it listens on a socket in the folder it
writes a line, empty, or why the kernel does not isolate it. It ends when its stdin is closed: with
the process that started it, however that ends.
"""

import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any, TypeVar

from meshlens.classify.engines.bounds import Bounds
from meshlens.classify.engines.engine import Engine, Tensor, TensorSpec
from meshlens.classify.engines.tensorflow import (
    import_tensorflow,
    open_frozen_graph,
    open_saved_model,
)
from meshlens.classify.engines.worker_isolation import isolate
from meshlens.classify.engines.worker_limits import bound_calls, forbid_dumps, lift_bounds
from meshlens.classify.errors import ClassifyError, NotEnoughMemory, OutputTooLarge
from meshlens.classify.formats.card import Kind

KEY_BYTES = 32
# Below whatever answers. A thread cannot raise its priority again, so such work has one of its own.
_GENTLE = 10

T = TypeVar("T")


@contextmanager
def raising_what_both_know() -> Iterator[None]:
    """Raise what goes wrong meanwhile as a class that the other process knows, too.

    Raises:
        NotEnoughMemory: it takes more memory than calls may take.
        RuntimeError: something else than a `ClassifyError`, with its traceback.
    """
    try:
        yield
    except ClassifyError:
        raise
    except MemoryError as error:
        raise NotEnoughMemory(
            f"the model needs more memory for these inputs than calls may take: {error}",
            remedy="send smaller inputs or raise CALL_MEMORY",
        ) from None
    except Exception:  # noqa: BLE001 - as it says
        raise RuntimeError(f"in the worker process: {traceback.format_exc()}") from None


class RemoteModel:
    """A model that another process calls."""

    def __init__(self, engine: Engine, bounds: Bounds) -> None:
        self._engine = engine
        self._bounds = bounds

    def describe(self) -> dict[str, tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]]:
        """Return inputs and outputs of its functions, the default one first."""
        functions = self._engine.signatures.items()
        return {name: (function.inputs, function.outputs) for name, function in functions}

    def run(self, name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute every output of the function called `name`.

        Raises:
            OutputTooLarge: they have more numbers than an answer may have.
            NotEnoughMemory: computing them takes more memory than calls may take.
        """
        with raising_what_both_know():
            outputs = self._engine.signatures[name].run(tensors)
        numbers = sum(output.size for output in outputs.values())
        if self._bounds.numbers and numbers > self._bounds.numbers:
            raise OutputTooLarge(
                f"the outputs must have at most {self._bounds.numbers} numbers, as many as an"
                " answer holds",
                got=f"{numbers}",
                remedy="send smaller inputs or raise MAX_BODY, which the sidecars' limits follow",
            )
        return outputs

    def close(self) -> None:
        """Free the model."""
        self._engine.close()


class Receiver:
    """Gets the bytes of models in parts."""

    def __init__(self) -> None:
        self._parts: dict[int, list[bytes]] = {}

    def add(self, number: int, part: bytes) -> None:
        """Take the next part of what has this number."""
        lift_bounds()
        self._parts.setdefault(number, []).append(part)

    def join(self, number: int) -> bytes:
        """Return all of what has this number, once."""
        return b"".join(self._parts.pop(number))


class Worker(Receiver):
    """Opens models in this process.

    Args:
        workers: threads that call a model.
        bounds: what its calls may take.
    """

    def __init__(self, workers: int, bounds: Bounds) -> None:
        super().__init__()
        self._workers = workers
        self._bounds = bounds

    def open(self, kind: Kind, number: int, inputs: Sequence[str], outputs: Sequence[str]) -> Any:  # noqa: ANN401 - a proxy of RemoteModel arrives
        """Return the model in the bytes that have this number.

        Raises:
            InvalidModel: it cannot be run.
        """
        lift_bounds()
        try:
            engine = open_here(kind, self.join(number), inputs, outputs, workers=self._workers)
            return RemoteModel(engine, self._bounds)
        finally:
            bound_calls(self._bounds.memory)


class WorkerManager(BaseManager):
    """Proxies of workers and models for the other process, by the standard library."""


WorkerManager.register("RemoteModel", exposed=("describe", "run", "close"), create_method=False)
WorkerManager.register(
    "Worker", Worker, exposed=("add", "open"), method_to_typeid={"open": "RemoteModel"}
)


def open_here(
    kind: Kind, data: bytes, inputs: Sequence[str], outputs: Sequence[str], *, workers: int
) -> Engine:
    """Return the engine that runs a model in this process.

    Raises:
        InvalidModel: it cannot be run.
    """
    if kind is Kind.TFLITE:
        return _do_gently(partial(_open_litert, data, workers))
    _do_gently(partial(_import_tensorflow, workers))
    if kind is Kind.SAVED_MODEL:
        return open_saved_model(data, workers=workers)
    return open_frozen_graph(data, workers=workers, inputs=inputs, outputs=outputs)


def _open_litert(data: bytes, workers: int) -> Engine:
    from meshlens.classify.engines.litert import LiteRtEngine  # noqa: PLC0415 - a process has one of the two runtimes

    return LiteRtEngine(data, workers=workers)


def _import_tensorflow(workers: int) -> None:
    with suppress(ClassifyError):  # opening a model raises it again
        import_tensorflow(workers)


def _do_gently(work: Callable[[], T]) -> T:
    """Do something at a low priority, so that requests are not kept waiting."""

    def lower() -> None:
        with suppress(OSError):  # not on every platform
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GENTLE)

    with ThreadPoolExecutor(1, initializer=lower) as thread:
        return thread.submit(work).result()


def serve(manager: type[BaseManager]) -> None:
    """Serve what a manager has registered, until stdin is closed."""
    forbid_dumps()
    key = sys.stdin.buffer.read(KEY_BYTES)
    folder = Path(sys.argv[1])

    def end_with_stdin() -> None:
        sys.stdin.buffer.read()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=end_with_stdin, daemon=True).start()
    server = manager(str(folder / "socket"), authkey=key).get_server()
    sys.stdout.write(f"{isolate()}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    serve(WorkerManager)
