"""The outputs of a function as an answer that may be kept: the same arrays, bit for bit."""

import json
from collections.abc import Iterable, Mapping
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.tasks.lens import Answer

# Numbers that numpy itself knows: texts have no bytes of one length, and bfloat16 no name.
_KEPT = "biufc"
# `isbuiltin` of the types of other libraries: float8_e5m2 has the kind of a float, but no name.
_OTHERS = 2


class _Packed(BaseModel):
    """An array; `dtype` as numpy writes it, with the order of the bytes."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class Outputs(Answer):
    """The outputs of a function."""

    packed: Mapping[str, _Packed] = Field(description="by name")

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Return arrays as an answer; they must be those that `may_keep` allows."""
        return cls(
            packed={
                name: _Packed(dtype=array.dtype.str, shape=array.shape, data=array.tobytes())
                for name, array in tensors.items()
            }
        )

    def read(self) -> dict[str, Tensor]:
        """Return the arrays, which cannot be written to."""
        return {
            name: np.ndarray(each.shape, each.dtype, each.data)
            for name, each in self.packed.items()
        }


def may_keep(outputs: Iterable[TensorSpec]) -> bool:
    """Return whether such outputs can be kept: all numbers, of types that numpy itself knows."""
    return all(spec.dtype.kind in _KEPT and spec.dtype.isbuiltin != _OTHERS for spec in outputs)


def describe_call(signature: str, tensors: Mapping[str, Tensor]) -> str:
    """Return what is asked of a model by arrays, but for their bytes."""
    arrays = [[name, array.dtype.str, array.shape] for name, array in tensors.items()]
    return json.dumps(["run", signature, arrays])
