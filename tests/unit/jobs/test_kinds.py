import pytest
from counting import Counting

from meshlens.jobs.errors import InvalidJob
from meshlens.jobs.kinds import Kinds


def test_a_kind_of_the_settings_is_made_by_its_name() -> None:
    kinds = Kinds.of("sums=counting:Counting,others=job_kinds:Paced")
    assert {"sums", "others"} <= {*kinds.names}
    assert isinstance(kinds.make("sums"), Counting)


def test_a_kind_is_made_once_for_all_its_parts() -> None:
    kinds = Kinds({"sums": "counting:Counting"})
    assert kinds.make("sums") is kinds.make("sums")
    assert kinds.make("sums") is not Kinds({"sums": "counting:Counting"}).make("sums")


def test_a_kind_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidJob, match="kind must be one of a, b, got 'c'"):
        Kinds({"b": "counting:Counting", "a": "counting:Counting"}).make("c")


@pytest.mark.parametrize("place", ["nowhere:Counting", "counting:Nothing"])
def test_a_kind_that_cannot_be_imported_is_refused_with_its_place(place: str) -> None:
    with pytest.raises(InvalidJob, match=f"must be installed where jobs runs, got {place}: "):
        Kinds({"sums": place}).make("sums")


def test_each_kind_that_ships_can_be_made() -> None:
    kinds = Kinds.of("")
    assert all(kinds.make(name).kind for name in kinds.names)
