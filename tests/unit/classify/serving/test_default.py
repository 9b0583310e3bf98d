"""Which model answers requests that name none, and how little is read to find out."""

from pathlib import Path

import pytest
from unit.classify.models import build_model

from meshlens.classify.formats.tflite_metadata import AssociatedFile, FileType, Metadata
from meshlens.classify.serving.default import choose_default
from meshlens.classify.storage.folder import find_models

NAMES = Metadata(output_files=(AssociatedFile("labels.txt", FileType.TENSOR_AXIS_LABELS),))


def choose(folder: Path) -> str:
    return choose_default(find_models(folder), folder)


def labelled(count: int) -> bytes:
    return build_model(NAMES, {"labels.txt": b"label\n" * count})


def test_the_labels_inside_a_file_count(tmp_path: Path) -> None:
    (tmp_path / "few.tflite").write_bytes(labelled(2) + bytes(1000))
    (tmp_path / "many.tflite").write_bytes(labelled(3))
    (tmp_path / "none.tflite").write_bytes(build_model(None) + bytes(2000))
    assert choose(tmp_path) == "many"


def test_the_labels_that_a_card_names_count_before_those_inside(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(labelled(4))
    (tmp_path / "a.yaml").write_text("{model: {path: a.tflite}, output: {label: short}}")
    (tmp_path / "short").write_text("cat\n")
    (tmp_path / "b.tflite").write_bytes(labelled(2))
    assert choose(tmp_path) == "b"


@pytest.mark.parametrize("data", [b"", b"no model", build_model(None)[:40]])
def test_a_damaged_file_is_not_the_default(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tflite").write_bytes(data)
    (tmp_path / "b.tflite").write_bytes(build_model(None))
    assert choose(tmp_path) == "b"


def test_files_larger_than_memory_are_not_read_whole(tmp_path: Path) -> None:
    for name, labels in (("a", 0), ("b", 0), ("c", 2)):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(build_model(None))
        with path.open("r+b") as file:
            file.truncate(1 << 40)  # without blocks on the disk
        path.with_suffix(".txt").write_text("label\n" * labels)
    assert choose(tmp_path) == "c"
