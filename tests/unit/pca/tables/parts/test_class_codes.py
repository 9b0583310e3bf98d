"""Variables that are probably classes are pointed out, those that are measurements are not."""

import numpy as np
import numpy.typing as npt
import pytest

from meshlens.pca.tables.columns import RawTable
from meshlens.pca.tables.parts.class_codes import find_class_codes
from meshlens.pca.tables.table import decode_table

MEASURED = np.random.default_rng(1).normal(size=(30, 3))
CODES = np.arange(30.0) % 3


def hint(*columns: npt.ArrayLike, names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the hints for a table of three measurements and further columns."""
    values = np.column_stack([MEASURED, *columns])
    named = ("a", "b", "c", *names) if names else ()
    return find_class_codes(RawTable(values, range(1, values.shape[1] + 1), named))


@pytest.mark.parametrize("first", [0, 1])
def test_the_only_column_of_codes_is_pointed_out(first: int) -> None:
    (said,) = hint(CODES + first)
    assert said == (
        "column 'x4' has 3 distinct whole numbers, as classes have;"
        " if it holds groups, say group=x4"
    )


def test_of_several_the_one_that_is_called_so() -> None:
    (said,) = hint(CODES, CODES[::-1], names=("gears", "wine class"))
    assert "'wine class'" in said
    assert hint(CODES, CODES[::-1], names=("gears", "doors")) == ()


@pytest.mark.parametrize("name", ["target", "Species", "cluster_label", "class"])
def test_codes_of_any_numbers_are_by_their_name(name: str) -> None:
    (said,) = hint(10 * CODES - 5, names=(name,))
    assert said.endswith(f"group={name}")
    assert hint(10 * CODES - 5, names=("size",)) == ()


@pytest.mark.parametrize(
    "column",
    [
        CODES / 2,
        np.arange(30.0),
        np.zeros(30),
        np.arange(30.0) % 15,
        np.where(CODES == 0, np.nan, CODES),
        np.where(CODES == 0, np.inf, CODES),
        np.append(np.arange(29.0) % 2, 2),
        3000 * CODES,
    ],
    ids=["halves", "count", "constant", "many", "missing", "infinite", "once", "far apart"],
)
def test_measurements_are_not(column: npt.ArrayLike) -> None:
    assert hint(column, names=("class",)) == ()


def test_few_rows_and_points_say_nothing() -> None:
    assert find_class_codes(RawTable(np.column_stack([MEASURED, CODES])[:9], range(1, 5))) == ()
    points = np.column_stack([MEASURED[:, 0], CODES])
    assert find_class_codes(RawTable(points, range(1, 3), ("x", "class"))) == ()


def test_a_table_of_codes_alone_says_nothing() -> None:
    assert find_class_codes(RawTable(np.tile(CODES, (150, 1)).T, range(1, 151))) == ()


def test_the_reading_notes_it_unless_there_are_groups() -> None:
    rows = [
        f"{a:.3f},{b:.3f},{code:g},{'uv'[int(code) % 2]}"
        for (a, b, _), code in zip(MEASURED, CODES, strict=True)
    ]
    named = "\n".join(["a,b,class,kind", *rows]).encode()
    without = "\n".join(row.rpartition(",")[0] for row in ["a,b,class,kind", *rows]).encode()
    assert decode_table(named).reading.notes == ()
    (note,) = decode_table(without).reading.notes
    assert note.startswith("column 'class' has 3")
