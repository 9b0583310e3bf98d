"""A kind of picture is a list of layers, and says which options it reads."""

from typing import get_args

import pytest

from meshlens.pca.drawing.kinds import KINDS
from meshlens.pca.drawing.style import KindName
from meshlens.pca.options import PlotOptions

PLANES = {"scores", "biplot", "loadings"}
BARS = {"contributions", "cos2", "loading_bars"}


def test_every_kind_that_can_be_chosen_is_in_the_table() -> None:
    assert tuple(KINDS) == get_args(KindName)


@pytest.mark.parametrize("kind", get_args(KindName))
def test_every_option_of_a_kind_is_one_of_plot(kind: KindName) -> None:
    options = {*KINDS[kind].options, *(o for layer in KINDS[kind].layers for o in layer.options)}
    assert options <= {*PlotOptions.model_fields}


@pytest.mark.parametrize(
    ("option", "kinds"),
    [
        ("components", {*PLANES, *BARS, "pairs"}),
        ("aspect", {"scores", "biplot", "loadings"}),
        ("arrows", {"scores", "biplot", "loadings"}),
        ("alpha", {"biplot"}),
        ("color", {*PLANES, "pairs"}),
        ("shape", {"scores", "biplot", "pairs"}),
        ("ellipse", {"scores", "biplot", "pairs"}),
        ("level", {"scores", "biplot", "pairs"}),
        ("label", {"scores", "biplot"}),
        ("k", {"scree"}),
        ("seed", {"scree"}),
        ("title", set()),
    ],
)
def test_options_go_with_the_kinds_that_show_what_they_say(option: str, kinds: set[str]) -> None:
    assert {kind for kind in KINDS if KINDS[kind].reads(option)} == kinds
