from importlib import import_module

import numpy as np
import pytest
from installed import need_module


@pytest.fixture
def bfloat16() -> np.dtype[np.generic]:
    """The type of half a float32, of which numpy itself knows nothing."""
    need_module("ml_dtypes", "uv sync --group train")
    import_module("ml_dtypes")  # tells numpy
    found: np.dtype[np.generic] = np.dtype("bfloat16")
    return found
