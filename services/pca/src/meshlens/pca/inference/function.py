"""What a fit computes, with named tensors: the scores of observations, and how far off they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.errors import InvalidTable
from meshlens.pca.methods import transform_matrix
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.timing import Phase, noted

Array: TypeAlias = npt.NDArray[Any]

OBSERVATIONS, SCORES, T2, SPE = "observations", "scores", "t2", "spe"
_FLOAT64 = np.dtype(np.float64)


@dataclass(frozen=True, slots=True)
class FitTensor:
    """An input or an output, as `protocols.models.Tensor`."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic] = _FLOAT64


@dataclass(frozen=True, slots=True, eq=False)
class TransformFunction:
    """The method transform with diagnostics, as `protocols.models.Function`.

    Attributes:
        model: whose components the scores are along.
    """

    model: PcaModel

    @property
    def inputs(self) -> Sequence[FitTensor]:
        """The observations (n, p), with the variables in the order of the fit."""
        return (FitTensor(OBSERVATIONS, (-1, len(self.model.names))),)

    @property
    def outputs(self) -> Sequence[FitTensor]:
        """Scores (n, k), T squared (n), squared prediction error or Q (n), as in the answers."""
        scores = FitTensor(SCORES, (-1, len(self.model.components)))
        return (scores, FitTensor(T2, (-1,)), FitTensor(SPE, (-1,)))

    @property
    def picture(self) -> str:
        """Empty: no input takes pictures."""
        return ""

    @property
    def widens(self) -> bool:
        """True: clients of other models have FP32."""
        return True

    def read_picture(self, data: bytes) -> Array:
        """Refuse it.

        Raises:
            InvalidTable: always.
        """
        raise InvalidTable(
            "observations must be numbers",
            got=f"a picture of {len(data)} bytes",
            remedy="send FP64",
        )

    def labels(self, output: str) -> Sequence[str]:
        """Return nothing: no output has classes."""
        del output
        return ()

    @noted(Phase.COMPUTE)
    def run(self, tensors: Mapping[str, Array]) -> Mapping[str, Array]:
        """Compute the outputs, bit for bit those of transform.

        Raises:
            InvalidTable: there is no observation, or a number cannot be used.
        """
        result = transform_matrix(tensors[OBSERVATIONS], self.model)
        assert result.diagnostics is not None, "a matrix has diagnostics"  # noqa: S101 - for the type checker
        return {
            SCORES: result.values,
            T2: result.diagnostics.t2,
            SPE: result.diagnostics.spe,
        }

    @property
    def lookup(self) -> None:
        """None: outputs are not kept."""
