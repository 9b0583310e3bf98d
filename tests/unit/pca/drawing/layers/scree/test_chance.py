"""What chance would explain is what it does in a simulation."""

import numpy as np
from unit.pca.calls import ask
from unit.pca.pictures import SVG, Picture, picture

from meshlens.pca.drawing.layers.scree.chance import break_stick
from meshlens.pca.service import Service

ROWS = "\n".join(
    ",".join(map(str, row)) for row in np.random.default_rng(0).normal(size=(40, 5)).tolist()
).encode()


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


def test_the_line_that_decides_is_drawn(service: Service) -> None:
    drawn = Picture(service.plot(ask(ROWS, kind="scree", k="parallel")).body)
    assert len(drawn.root.findall(f"{SVG}path[@class='chance']")) == 1
    assert "parallel analysis" in drawn.texts
    assert "it decides on k." in drawn.caption()
    assert "kept, k = 1" in drawn.texts


def test_what_chance_would_explain_is_drawn_though_it_does_not_decide(service: Service) -> None:
    drawn = Picture(service.plot(ask(ROWS, kind="scree")).body)
    assert "parallel analysis" in drawn.texts
    assert "decides" not in drawn.caption()


def test_the_average_is_not_said_to_be_chance() -> None:
    caption = picture(np.random.default_rng(0).normal(size=(50, 5)), kind="scree").caption()
    assert "about half of the components of unrelated variables are" in caption
