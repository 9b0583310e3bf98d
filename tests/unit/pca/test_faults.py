"""What pages and programs read of a fault: the option and the places, never the text."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from unit.pca.calls import POINTS, ask

from meshlens.faults import Place
from meshlens.pca.errors import FitNotFound, InvalidOption, InvalidTable, PcaError
from meshlens.pca.service import STATUS, Service
from meshlens.pca.tables.table import decode_table

NAMED = b"length,width,kind\n1,2,a\n2,4,a\n3,5,b\n"


def refusal_of(service: Service, method: str, body: bytes, query: dict[str, str]) -> PcaError:
    with pytest.raises(PcaError) as caught:
        getattr(service, method)(ask(body, **query))
    return caught.value


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ({"columns": "0"}, "columns"),
        ({"columns": "two"}, "columns"),
        ({"group": "colour"}, "group"),
        ({"header": "perhaps"}, "header"),
        ({"missing": "guess"}, "missing"),
        ({"standardize": "perhaps"}, "standardize"),
        ({"k": "many", "kind": "scree"}, "k"),
        ({"k": "9", "kind": "scree"}, "k"),
        ({"k": "2"}, "k"),
        ({"seed": "-1", "kind": "scree"}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"kind": "pie"}, "kind"),
        ({"components": "3,3"}, "components"),
        ({"components": "1,9"}, "components"),
        ({"components": "first"}, "components"),
        ({"components": "1,2", "kind": "scree"}, "components"),
        ({"alpha": "2", "kind": "biplot"}, "alpha"),
        ({"alpha": "1"}, "alpha"),
        ({"ellipse": "square"}, "ellipse"),
        ({"ellipse": "t", "kind": "loadings"}, "ellipse"),
        ({"level": "1", "ellipse": "t"}, "level"),
        ({"level": "0.9"}, "level"),
        ({"label": "some"}, "label"),
        ({"label": "all", "kind": "loadings"}, "label"),
        ({"arrows": "101", "kind": "biplot"}, "arrows"),
        ({"arrows": "2", "kind": "scree"}, "arrows"),
        ({"theme": "sepia"}, "theme"),
        ({"aspect": "wide"}, "aspect"),
        ({"aspect": "free", "kind": "scree"}, "aspect"),
        ({"title": "x" * 201}, "title"),
        ({"width": "1"}, "width"),
        ({"height": "tall"}, "height"),
        ({"colour": "red"}, "colour"),
        ({"standardize": "true", "fit": "0" * 64}, "standardize"),
    ],
    ids=str,
)
def test_a_fault_of_an_option_names_it(
    service: Service, query: dict[str, str], option: str
) -> None:
    fault = refusal_of(service, "plot", NAMED, query)
    assert isinstance(fault, InvalidOption)
    assert fault.option == option


def test_every_fault_has_a_status() -> None:
    assert set(PcaError.__subclasses__()) == set(STATUS)


def test_an_absent_option_that_must_be_given_is_named(service: Service) -> None:
    fault = refusal_of(service, "inverse", POINTS, {})
    assert (type(fault), fault.option) == (InvalidOption, "fit")


def test_an_unknown_fit_is_a_fault_of_the_option(service: Service) -> None:
    fault = refusal_of(service, "transform", POINTS, {"fit": "0" * 64})
    assert (type(fault), fault.option) == (FitNotFound, "fit")


def test_columns_that_may_all_hold_groups_are_a_fault_of_the_option(service: Service) -> None:
    body = b"x,kind,place\n1,a,c\n2,a,c\n3,b,d\n"
    fault = refusal_of(service, "plot", body, {})
    assert (type(fault), fault.option) == (InvalidTable, "group")


CELL = Place(row=3, column=2, field="width")
OOPS = b"length,width\n1,2\n3,"


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (OOPS + b"oops\n", [CELL]),
        (OOPS + b"inf\n", [CELL]),
        (OOPS + b"NA\n", [CELL]),
        (b"1,2\n,4\n5,\n", [Place(row=2, column=1), Place(row=3, column=2)]),
        (b"1,2\n3\n", [Place(row=2)]),
        (b"1,2,three,4", [Place(value=3)]),
        (b"1,,3,", [Place(value=2), Place(value=4)]),
        (b"a,b,c\n1,2\n", [Place(row=1)]),
        (b"x,1\ny,2\n3,3\nz,4\n", [Place(row=1, column=1)]),
        (b"1,2\n\x81,4\n", [Place(byte=5)]),
        (b"", []),
    ],
    ids=str,
)
def test_a_fault_of_a_text_names_every_place(body: bytes, places: Sequence[Place]) -> None:
    with pytest.raises(InvalidTable) as caught:
        decode_table(body, "text/csv")
    assert [*caught.value.places] == [*places]
    cells = [place for place in places if place.column or place.value]
    assert all(str(cell) in str(caught.value) for cell in cells)


@pytest.mark.parametrize(
    ("table", "places"),
    [
        ([[1, 2], [3, "x"]], [Place(row=2, column=2)]),
        ([{"a": 1, "b": 2}, {"a": 3, "b": [4]}], [Place(row=2, column=2, field="b")]),
        ([[1, 2], [3]], [Place(row=2)]),
        ([[1, 2], 3], [Place(row=2)]),
        ({"a": [1, 2], "b": 3}, [Place(field="b")]),
        ({"a": [1, 2], "b": [3]}, [Place(field="b")]),
        ({"a": [1, None], "b": [3, 4]}, [Place(row=2, column=1, field="a")]),
        ([], []),
    ],
    ids=str,
)
def test_a_fault_of_json_names_every_place(table: object, places: Sequence[Place]) -> None:
    with pytest.raises(InvalidTable) as caught:
        decode_table(json.dumps(table).encode(), "application/json")
    assert [*caught.value.places] == [*places]


def test_of_many_missing_cells_the_first_five_are_named() -> None:
    rows = "\n".join(",".join(row) for row in np.full((9, 2), "NA").tolist())
    with pytest.raises(InvalidTable) as caught:
        decode_table(f"1,2\n{rows}".encode(), "text/csv")
    assert len(caught.value.places) == 5
