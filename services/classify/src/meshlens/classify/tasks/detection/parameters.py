"""The further inputs of a detector: numbers from its card, which a caller may change."""

from collections.abc import Mapping, Sequence

import numpy as np

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel, InvalidOption
from meshlens.faults import Place


class Parameters:
    """Every input of a detector but the image.

    Args:
        specs: the inputs.
        constants: their values in the card, by name.

    Raises:
        InvalidModel: the card leaves one out, has one that the model has not, or a value that
            does not fit.
    """

    def __init__(
        self, specs: Sequence[TensorSpec], constants: Mapping[str, Sequence[float]]
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._constants = {spec.name: _fill(spec, constants.get(spec.name)) for spec in specs}
        if unknown := sorted(set(constants) - set(self._constants)):
            raise InvalidModel(
                f"{unknown[0]} is no further input of the model",
                remedy="correct the card",
                places=[Place(field=f"constants.{unknown[0]}")],
            )

    def fill(self, given: Mapping[str, Sequence[float]]) -> dict[str, Tensor]:
        """Return the tensor of each input: the value `given`, else the card's.

        Raises:
            InvalidOption: the model has no such input, or it does not fit.
        """
        for name in given:
            if name not in self._specs:
                known = ", ".join(self._specs) or "none"
                raise InvalidOption(
                    f"{name} must be an input of the model, it has {known}",
                    remedy="leave it out",
                    option=name,
                )
        changed = {}
        for name, value in given.items():
            try:
                changed[name] = _fill(self._specs[name], value)
            except InvalidModel as error:
                raise InvalidOption(
                    error.expected, got=error.got, remedy=error.remedy, option=name
                ) from error
        return self._constants | changed


def _fill(spec: TensorSpec, value: Sequence[float] | None) -> Tensor:
    """Return the tensor of a further input; one number stands for a scalar too."""
    place = Place(field=spec.name)
    if value is None:
        raise InvalidModel(
            f"{spec.name} is an input of the model too",
            remedy=f"say constants.{spec.name}",
            places=[place],
        )
    array = np.array(value, np.float64).astype(spec.dtype)
    if spec.shape is None or len(spec.shape) != 1:
        if array.size != 1 or any(size not in (1, -1) for size in spec.shape or ()):
            raise InvalidModel(
                f"{spec.name} must be one number",
                got=f"{len(value)}",
                remedy=f"its shape is {spec.shape}",
                places=[place],
            )
        return array.reshape([1] * len(spec.shape or ()))
    if spec.shape[0] not in (-1, array.size):
        raise InvalidModel(
            f"{spec.name} must be {spec.shape[0]} numbers",
            got=f"{array.size}",
            remedy=f"its shape is {spec.shape}",
            places=[place],
        )
    return array
