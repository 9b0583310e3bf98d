"""An engine without a runtime, for tests of what stands around one."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import (
    DEFAULT_SIGNATURE,
    Engine,
    Quantization,
    Signature,
    TensorSpec,
)
from meshlens.classify.formats.card import ModelCard
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.tasks.lens import OpenedModel


class FakeEngine:
    """Answers the same output whatever the picture, and keeps the tensor it was given."""

    def __init__(
        self,
        output: NDArray[np.generic],
        *,
        input_shape: tuple[int, ...] = (1, 2, 3, 3),
        input_dtype: str = "uint8",
        quantization: Quantization | None = None,
    ) -> None:
        self.output = output
        self.inputs: tuple[TensorSpec, ...] = (
            TensorSpec("picture", input_shape, np.dtype(input_dtype)),
        )
        self.outputs: tuple[TensorSpec, ...] = (
            TensorSpec("classes", output.shape, output.dtype, quantization),
        )
        self.signatures: Mapping[str, Signature] = {DEFAULT_SIGNATURE: self}
        self.closed = False
        self.seen: NDArray[np.generic] | None = None

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        self.seen = tensors["picture"]
        return {"classes": self.output}

    def close(self) -> None:
        self.closed = True


def opened(
    engine: Engine,
    file: ModelFile,
    labels: tuple[str, ...] = (),
    subject: str = "",
    card: ModelCard | None = None,
) -> OpenedModel:
    """What a lens is made from: a model of that engine, with what stands in and beside its file."""
    return OpenedModel("model", engine, file, card or ModelCard(), labels, subject)
