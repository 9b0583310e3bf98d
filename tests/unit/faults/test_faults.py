import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.faults import Fault, Place

NUMBERS = st.none() | st.integers(1, 10**9)


class TooMuch(Fault):
    """A fault whose text is another than its parts make."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__("there must be room", got="none", remedy="come back later")

    def __str__(self) -> str:
        return f"all {self.limit} places are taken"


def test_the_text_says_what_was_expected_what_came_and_what_to_do() -> None:
    fault = Fault("k must be between 1 and 2", got="9", remedy="choose a smaller one", option="k")
    assert str(fault) == "k must be between 1 and 2, got 9; choose a smaller one"


def test_a_part_that_nothing_can_be_said_of_is_left_out() -> None:
    assert str(Fault("nothing came")) == "nothing came"
    assert str(Fault("3 must come", got="2")) == "3 must come, got 2"
    assert str(Fault("nothing came", remedy="try again")) == "nothing came; try again"


def test_the_reason_is_the_name_of_the_class() -> None:
    assert Fault("x").reason == "FAULT"
    assert TooMuch(3).reason == "TOO_MUCH"


def test_a_fault_survives_the_way_to_another_process() -> None:
    fault = TooMuch(3)
    fault.places = (Place(row=2, column=1),)
    copy = pickle.loads(pickle.dumps(fault))  # noqa: S301 - what this test has pickled
    assert type(copy) is TooMuch
    assert vars(copy) == vars(fault)
    assert str(copy) == str(fault) == "all 3 places are taken"


def test_a_fault_of_another_kind_says_the_same_and_where_that_was() -> None:
    fault = TooMuch(3)
    fault.option, fault.places = "k", (Place(row=2),)
    same, elsewhere = Fault.of(fault), Fault.of(fault, where="a.csv", places=[Place(file="a.csv")])
    assert str(same) == "there must be room, got none; come back later"
    assert str(elsewhere) == "a.csv: there must be room, got none; come back later"
    assert (same.option, same.places) == ("k", (Place(row=2),))
    assert (elsewhere.option, elsewhere.places) == ("k", (Place(file="a.csv"),))


@pytest.mark.parametrize(
    ("place", "text", "path"),
    [
        (Place(row=3, column=2), "row 3, column 2", "row[3].column[2]"),
        (Place(row=3, column=2, field="width"), "row 3, column 2 (width)", "row[3].column[2]"),
        (Place(value=7), "value 7", "value[7]"),
        (Place(field="x"), "x", "x"),
        (Place(file="card.yaml"), "card.yaml", "card.yaml"),
        (Place(image=1, file="a.png"), "image 1 (a.png)", "image[1]"),
        (Place(field="n" * 100), "n" * 79 + "…", "n" * 100),
    ],
)
def test_a_place_is_text_for_people_and_a_path_for_programs(
    place: Place, text: str, path: str
) -> None:
    assert str(place) == text
    assert place.path == path


@given(row=NUMBERS, column=NUMBERS, value=NUMBERS, image=NUMBERS, byte=NUMBERS)
def test_a_path_says_all_numbers_of_a_place(
    row: int | None, column: int | None, value: int | None, image: int | None, byte: int | None
) -> None:
    place = Place(row=row, column=column, value=value, image=image, byte=byte)
    assert Place.of_path(place.path) == place


def test_facts_hold_what_is_known_and_no_more() -> None:
    place = Place(row=3, field="width")
    assert place.facts() == {"row": "3", "field": "width"}
    assert Place().facts() == {}
