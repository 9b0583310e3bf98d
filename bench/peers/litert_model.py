"""A .tflite file that several threads run, for the servers that have no runtime for it."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray


class LiteRtModel:
    """A model with one input and one output.

    Args:
        path: the file.

    Attributes:
        output: the name of its output in its function.
        workers: the threads.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        (function,) = Interpreter(path).get_signature_list().values()
        (self.output,) = function["outputs"]
        self._local = threading.local()
        # LiteRT lets other threads run meanwhile, as in classify.
        self.workers = ThreadPoolExecutor(os.cpu_count())

    def run(self, numbers: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the output, in the thread of a worker."""
        if not hasattr(self._local, "interpreter"):
            self._local.interpreter = Interpreter(self._path, num_threads=1)
            self._local.interpreter.allocate_tensors()
        interpreter = self._local.interpreter
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], numbers)
        interpreter.invoke()
        output: NDArray[np.generic] = interpreter.get_tensor(
            interpreter.get_output_details()[0]["index"]
        )
        return output
