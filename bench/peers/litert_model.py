"""A .tflite file that several threads run, for the servers that have no runtime for it."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, LifoQueue
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

CORES = len(os.sched_getaffinity(0))


class LiteRtModel:
    """A model with one input and one output.

    Args:
        path: the file.

    Attributes:
        output: the name of its output.
        workers: the threads, one for each core.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: LifoQueue[Any] = LifoQueue()
        interpreter = self._open()
        (told,) = interpreter.get_input_details()
        self._dtype, self._shape = told["dtype"], tuple(map(int, told["shape"]))
        functions = interpreter.get_signature_list().values()
        outputs = [name for function in functions for name in function["outputs"]]
        self.output: str = (outputs or [interpreter.get_output_details()[0]["name"]])[0]
        self._idle.put(interpreter)
        # LiteRT lets other threads run meanwhile, as in classify.
        self.workers = ThreadPoolExecutor(CORES)

    def run(self, numbers: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the output, by an interpreter that no other thread uses meanwhile."""
        try:
            interpreter = self._idle.get_nowait()
        except Empty:
            interpreter = self._open()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], numbers)
        interpreter.invoke()
        output: NDArray[np.generic] = interpreter.get_tensor(
            interpreter.get_output_details()[0]["index"]
        )
        self._idle.put(interpreter)
        return output

    def see(self, picture: bytes) -> NDArray[np.generic]:
        """Return the output for a picture in a file of any format that Pillow reads."""
        _, height, width, _ = self._shape
        with Image.open(io.BytesIO(picture)) as image:
            pixels = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        return self.run(np.asarray(pixels, self._dtype)[np.newaxis])

    def _open(self) -> Any:  # noqa: ANN401 - LiteRT has no types
        interpreter = Interpreter(self._path, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter
