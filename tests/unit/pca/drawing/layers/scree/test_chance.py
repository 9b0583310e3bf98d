"""What chance would explain is what it does in a simulation."""

import numpy as np
from unit.pca.pictures import picture

from meshlens.pca.drawing.layers.scree.chance import break_stick


def test_fewer_observations_than_variables_share_the_variance_among_fewer_components() -> None:
    drawn = picture(np.random.default_rng(0).normal(size=(5, 60)), kind="scree")
    assert "average, 25 %" in drawn.texts


def test_a_broken_stick_has_its_expected_pieces() -> None:
    np.testing.assert_allclose(break_stick(2), [75, 25])
    np.testing.assert_allclose(break_stick(4), [52.083333, 27.083333, 14.583333, 6.25], rtol=1e-6)
    cuts = np.sort(np.random.default_rng(0).random((100_000, 3)), axis=1)
    pieces = np.diff(np.pad(cuts, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1))), axis=1)
    simulated = 100 * np.sort(pieces, axis=1)[:, ::-1].mean(axis=0)
    np.testing.assert_allclose(break_stick(4), simulated, atol=0.2)
