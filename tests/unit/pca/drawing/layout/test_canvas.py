"""Words heed all marks that layers have drawn before."""

import numpy as np

from meshlens.pca.drawing.layout.canvas import Canvas, write_names
from meshlens.pca.drawing.layout.panel import Panel
from meshlens.pca.drawing.layout.placement import Name

ANCHOR = np.array([200.0, 200.0])
CROWD = np.random.default_rng(0).uniform([204, 150], [260, 250], size=(500, 2))


def make_canvas() -> Canvas:
    return Canvas(Panel(68, 72, 400, 300, low=np.zeros(2), high=np.ones(2)))


def find_left(canvas: Canvas) -> float:
    name = canvas.place("word", ANCHOR, clearance=4)
    assert name is not None
    return name.left


def test_a_word_avoids_the_points_of_every_layer() -> None:
    assert find_left(make_canvas()) > 200
    canvas = make_canvas()
    canvas.avoid(CROWD[:250])
    canvas.avoid(CROWD[250:])
    assert find_left(canvas) < 200


def test_a_word_avoids_arrows() -> None:
    canvas = make_canvas()
    tails = np.column_stack([np.full(20, 204.0), np.linspace(150, 250, 20)])
    arrows = canvas.draw_arrows(tails, tails + np.array([60, 0]), ["up"] * 20, ["loading"] * 20)
    assert len(arrows) == 20
    assert find_left(canvas) < 200


def test_the_longest_arrow_is_named_first_and_one_too_short_to_see_is_not() -> None:
    tails = np.full((3, 2), 200.0)
    tips = tails + np.array([[50, 0], [0, 90], [3, 3]])
    named = "".join(make_canvas().name_arrows(tails, tips, ["a", "b", "c"], ["x"] * 3))
    assert named.index(">b<") < named.index(">a<")
    assert ">c<" not in named


def test_words_stand_above_the_lines_that_lead_to_them() -> None:
    far, near = Name("far", 9, 10, 20, (1, 2, 10, 15)), Name("near", 9, 30, 40)
    line, halos, *words = write_names([far, near], ["label", "label"], "small")
    assert line == '<path class="leader" d="M1.0 2.0L10.0 15.0"/>'
    assert halos == (
        '<g class="under" aria-hidden="true"><text x="10.0" y="20.0" class="small">far</text>'
        '<text x="30.0" y="40.0" class="small">near</text></g>'
    )
    assert words == [
        '<text x="10.0" y="20.0" class="label">far</text>',
        '<text x="30.0" y="40.0" class="label">near</text>',
    ]
