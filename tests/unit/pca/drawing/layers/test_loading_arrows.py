"""The longest arrows are drawn, and the others counted."""

import numpy as np
from unit.pca.pictures import picture


def test_as_many_arrows_are_drawn_as_asked_for_and_the_caption_says_so() -> None:
    values = np.random.default_rng(0).normal(size=(30, 100))
    drawn = picture(values)
    assert len(drawn.arrows("loading")) == 12
    assert "The 12 longest of 100 arrows" in drawn.caption()
    assert len(picture(values, arrows=0).arrows("loading")) == 0
