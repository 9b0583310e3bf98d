"""Groups have an order of their own, and are as many as can be told apart."""

import numpy as np

from meshlens.pca.drawing.groups import MOST_GROUPS, find_groups


def test_numbers_within_words_are_in_numeric_order() -> None:
    groups = find_groups(("b", "a10", "a2", "10", "9", "a2b", "a"), 7)
    assert groups.names == ("9", "10", "a", "a2", "a2b", "a10", "b")


def test_groups_are_in_the_order_of_numbers_and_letters() -> None:
    groups = find_groups(("10", "9", "b", "a", "10"), 5)
    assert groups.names == ("9", "10", "a", "b")
    assert groups.codes.tolist() == [1, 0, 3, 2, 1]


def test_small_groups_beyond_the_palette_are_one() -> None:
    groups = find_groups(tuple(str(min(i, 99)) for i in range(1000)), 1000)
    assert len(groups.names) == MOST_GROUPS
    assert groups.names[-1] == "45 smaller groups"
    assert groups.rest == 45
    assert "99" in groups.names
    assert np.bincount(groups.codes).sum() == 1000


def test_an_empty_name_is_a_group_too() -> None:
    assert find_groups(("", "a", "nan"), 3).names == ("(no name)", "a", "nan")
