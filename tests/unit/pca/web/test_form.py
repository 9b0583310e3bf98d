"""The fields of the form: from the options and the kinds themselves."""

from typing import get_args

import pytest

from meshlens.pca.drawing.kinds import KINDS
from meshlens.pca.drawing.style import KindName
from meshlens.pca.errors import InvalidOption
from meshlens.pca.options import PlotOptions, TransformOptions, parse_options
from meshlens.pca.web.form import describe

FIELDS = {
    field["name"]: field for field in describe({"plot": PlotOptions, "transform": TransformOptions})
}
VALUES = {
    "components": "1,2",
    "aspect": "free",
    "arrows": "3",
    "alpha": "0.5",
    "color": "cos2",
    "shape": "a",
    "ellipse": "t",
    "label": "all",
    "k": "2",
    "seed": "1",
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("kind", get_args(KindName))
def test_a_field_names_the_kinds_that_the_service_takes_its_option_with(
    name: str, kind: KindName
) -> None:
    query = {"kind": kind, name: VALUES[name]}
    if kind in FIELDS[name]["kinds"]:
        assert parse_options(PlotOptions, query).kind == kind
    else:
        with pytest.raises(InvalidOption, match=f"{name} goes with"):
            parse_options(PlotOptions, query)


def test_an_option_of_every_kind_names_none() -> None:
    assert FIELDS["title"]["kinds"] == []
    assert [*FIELDS["alpha"]["kinds"]] == [kind for kind in KINDS if kind == "biplot"]


def test_a_field_names_the_option_without_which_it_means_nothing() -> None:
    needed = {name: field["needs"] for name, field in FIELDS.items() if field["needs"]}
    assert needed == {"level": "ellipse", "rotation": "k", "confidence": "diagnostics"}
    with pytest.raises(InvalidOption, match="level goes with an ellipse"):
        parse_options(PlotOptions, {"level": "0.9"})


def test_colours_that_are_no_columns_are_choices() -> None:
    assert FIELDS["color"]["choices"] == ["cos2", "contributions"]
