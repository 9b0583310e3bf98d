"""docs/performance.md has the tables that the program measures."""

import re

import pytest
from documents import ROOT, table
from performance import (
    MODELS,
    SPREAD,
    Table,
    count_cores,
    keep,
    list_tables,
    tell_apart,
)

DOCUMENT = "docs/performance.md"
TEXT = (ROOT / DOCUMENT).read_text()
(CORES,) = set(re.findall(r"^Measured on [\d-]+: (\d+) cores", TEXT, re.MULTILINE))
TABLES = list_tables(int(CORES))


def test_the_page_has_these_tables_and_no_others() -> None:
    titles = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    assert titles == [it.title for it in TABLES.values()]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_rows_and_columns_that_are_measured(name: str) -> None:
    it = TABLES[name]
    rows = table(DOCUMENT, it.title)
    assert tuple(tuple(row[key] for key in it.key) for row in rows) == it.cases
    for row in rows:
        assert tuple(row) == (*it.key, *it.figures)
        middle, low, high = (float(row[column]) for column in SPREAD)
        assert low <= middle <= high


def test_each_table_says_when_and_on_what_it_was_measured() -> None:
    said = re.findall(
        r"^Measured on \d{4}-\d\d-\d\d: \d+ cores, \d+ GiB of memory, Python [\d.]+, load [\d.]+",
        TEXT,
        re.MULTILINE,
    )
    assert len(said) == len(TABLES)


def test_only_what_was_so_in_every_round_is_ahead_or_behind() -> None:
    ratios = {"a": [1.1, 1.3, 1.2], "b": [0.9, 1.2], "c": [0.5, 0.7], "d": [2.0]}
    assert tell_apart(ratios) == (
        "- ahead: a 1.20 (1.10 to 1.30)\n"
        "- behind: c 0.60 (0.50 to 0.70)\n"
        "- not told apart: b 1.05 (0.90 to 1.20); d 2.00 (2.00 to 2.00)"
    )


def test_the_cores_that_are_measured_double_up_to_all() -> None:
    assert [count_cores(n) for n in (1, 2, 6, 8)] == [(1,), (1, 2), (1, 2, 4, 6), (1, 2, 4, 8)]


def test_rows_of_another_table_are_not_kept() -> None:
    models: Table = TABLES["models"]
    rows = [{"models": str(count)} for count in MODELS[1:]]
    with pytest.raises(ValueError, match="models: these are not the rows"):
        keep(models, rows, rounds=1, load=0.0, facts={})
