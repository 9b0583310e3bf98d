from pathlib import Path

import pytest

from meshlens.batch.job import encode
from meshlens.batch.objects import FolderObjects
from meshlens.classify.batch.places.pictures import Picture
from meshlens.classify.batch.results.rows import Rows

PICTURES = [Picture(f"{number}.jpg", 1, "t") for number in range(5)]
ROWS = [{"picture": picture.shown, "text": "a\nb "} for picture in PICTURES]


def kept(objects: FolderObjects, count: int = 3) -> Rows:
    rows = Rows("partial/0", objects)
    for row in ROWS[:count]:
        rows.add(row)
    rows.keep()
    return rows


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_rows_that_were_kept_come_back(tmp_path: Path, count: int) -> None:
    objects = FolderObjects(tmp_path)
    kept(objects, count)
    rows = Rows("partial/0", objects)
    assert [*rows.restore(PICTURES)] == ROWS[:count]
    assert rows.lines == [encode(row) for row in ROWS[:count]]


def test_nothing_comes_back_from_nothing(tmp_path: Path) -> None:
    assert not Rows("partial/0", FolderObjects(tmp_path)).restore(PICTURES)


@pytest.mark.parametrize("damage", [b"", b"{}", b"0" * 64 + b"\n" + encode(ROWS[0])])
def test_damaged_rows_and_those_of_other_pictures_are_not_used(
    tmp_path: Path, damage: bytes
) -> None:
    objects = FolderObjects(tmp_path)
    kept(objects)
    assert not Rows("partial/0", objects).restore(PICTURES[1:])
    objects.put("partial/0", damage)
    rows = Rows("partial/0", objects)
    assert not rows.restore(PICTURES)
    assert rows.lines == []
