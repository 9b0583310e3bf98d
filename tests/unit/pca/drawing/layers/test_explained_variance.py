"""The legend says the explained variance."""

import re

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_iris
from unit.pca.pictures import picture

Array = npt.NDArray[np.float64]

IRIS: Array = load_iris().data


def test_the_legend_says_the_explained_variance() -> None:
    texts = picture(IRIS).texts
    assert [text for text in texts if re.fullmatch(r"\d.*%", text)] == [
        "92.5 %",
        "5.3 %",
        "1.7 %",
        "0.5 %",
    ]
    assert "Explained variance" in texts
    assert {"PC 1", "PC 2", "PC 3", "PC 4"} <= set(texts)
