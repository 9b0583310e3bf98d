"""The legend takes the room it is given, and says what it leaves out."""

import re

import pytest

from meshlens.pca.drawing.layout.legend import (
    Section,
    bar,
    count_rows,
    draw_column,
    draw_rows,
    entry,
    gather,
)

HEIGHT = 200.0


def make_section(count: int, heading: str = "Groups") -> Section:
    return Section(heading, tuple(entry("", f"g{i}") for i in range(count)), elastic=True)


def find_words(marks: list[str]) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", "".join(marks))


def find_baselines(marks: list[str]) -> list[float]:
    found = re.findall(r'translate\([\d.]+ ([\d.]+)\)|y="([\d.]+)" class="quiet"', "".join(marks))
    return [float(moved or written) for moved, written in found if (moved or written) != "0.0"]


@pytest.mark.parametrize("count", range(1, 40))
def test_a_column_with_the_line_that_says_what_is_left_out_stays_within_its_height(
    count: int,
) -> None:
    marks = draw_column([make_section(count)], 0, 100, HEIGHT)
    assert max(find_baselines([*marks])) <= 100 + HEIGHT
    *listed, last = find_words([*marks])
    left_out = int(last.split()[1]) if last.startswith("and ") else 0
    shown = sum(word.startswith("g") for word in (*listed, last))
    assert shown + left_out == count


def test_nothing_is_left_out_that_has_room() -> None:
    # Heading and rows are 18 pixels high each.
    words = find_words([*draw_column([make_section(10)], 0, 0, HEIGHT)])
    assert words == ["Groups", *(f"g{i}" for i in range(10))]


def test_what_repeats_gives_way_first_and_without_a_word() -> None:
    bars = tuple(bar(f"PC {i}", 0.1, "ink") for i in range(5))
    variance = Section("Explained variance", bars, elastic=True, repeats=True)
    words = find_words([*draw_column([make_section(9), variance], 0, 0, HEIGHT)])
    assert words == ["Groups", *(f"g{i}" for i in range(9))]


def test_rows_say_what_they_leave_out() -> None:
    section = make_section(30)
    assert count_rows([section], 200) > 2
    words = find_words([*draw_rows([section], 0, 0, 200, 2)])
    assert words[-1] == f"and {30 - len(words) + 1} more"


def test_sections_without_a_heading_are_one_and_what_repeats_is_last() -> None:
    one, two = entry("", "one"), entry("", "two")
    repeated = Section("Explained variance", (), repeats=True)
    groups = make_section(1)
    assert gather([repeated, Section("", (one,)), groups, Section("", (two,))]) == [
        Section("", (one, two)),
        groups,
        repeated,
    ]


def test_many_short_entries_stand_side_by_side() -> None:
    wide = draw_column([make_section(50)], 0, 0, 300, width=200)
    assert find_words([*wide]) == ["Groups", *(f"g{i}" for i in range(50))]
    places = [
        tuple(map(float, re.findall(r"translate\(([\d.]+) ([\d.]+)", mark)[0])) for mark in wide[1:]
    ]
    assert len(set(places)) == 50
    assert max(y for _, y in places) <= 300
    assert max(x for x, _ in places) < 200


def test_entries_without_room_are_counted_in_columns_too() -> None:
    words = find_words([*draw_column([make_section(200)], 0, 0, 200, width=120)])
    assert words[-1] == f"and {200 - (len(words) - 2)} more"
