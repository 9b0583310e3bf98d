from pathlib import Path

import pytest

from meshlens.batch.errors import ObjectsFailed
from meshlens.batch.objects import FolderObjects
from meshlens.classify.batch import manifest
from meshlens.classify.batch.places.pictures import Picture

PICTURES = [Picture(f"{number}\udce9\n.jpg", number, f"t{number}") for number in range(1001)]


def test_a_part_reads_its_own_chunk_and_the_parts_say_no_names(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    listing, parts = manifest.write(iter(PICTURES), objects)
    assert listing == manifest.sum_up(iter(PICTURES))
    assert (listing.pictures, listing.bytes) == (1001, sum(range(1001)))
    assert [part["pictures"] for part in parts] == [500, 500, 1]
    assert len(parts) == manifest.count_parts(1001)
    assert "jpg" not in str(parts)
    read = [manifest.read(number, part, objects) for number, part in enumerate(parts)]
    assert [picture for chunk in read for picture in chunk] == PICTURES


def test_any_change_of_a_picture_is_one_of_the_listing() -> None:
    before = manifest.sum_up(PICTURES).sha256
    for change in (Picture("0", 0, "t0"), Picture("0.jpg", 1, "t0"), Picture("0.jpg", 0, "t")):
        assert manifest.sum_up([change, *PICTURES[1:]]).sha256 != before
    assert manifest.sum_up(PICTURES[1:]).sha256 != before


@pytest.mark.parametrize("damage", [None, b"", b'["0.jpg", 0, "t0"]\n'])
def test_a_chunk_that_is_not_as_planned_is_not_used(tmp_path: Path, damage: bytes | None) -> None:
    objects = FolderObjects(tmp_path)
    _, parts = manifest.write(PICTURES, objects)
    if damage is None:
        objects.delete("manifest/00001")
    else:
        objects.put("manifest/00001", damage)
    with pytest.raises(ObjectsFailed, match="must hold manifest/00001 as it was planned"):
        manifest.read(1, parts[1], objects)
    manifest.write(PICTURES, objects)
    assert manifest.read(1, parts[1], objects) == PICTURES[500:1000]
