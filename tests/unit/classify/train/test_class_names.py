"""ImageNet's classes have names that tell them apart."""

from class_names import read_class_names
from installed import need_module


def test_each_class_has_a_name_of_its_own() -> None:
    need_module("timm", "uv sync --group train")
    names = read_class_names()
    assert len(set(names)) == 1000
    assert (names[0], names[967], names[999]) == ("tench", "espresso", "toilet tissue")
    assert (names[134], names[517]) == ("crane (bird)", "crane (machine)")
    assert (names[638], names[639]) == ("maillot", "tank suit")
