"""Whose labels a text file holds: those of one model, or of none."""

from pathlib import Path

import pytest

from meshlens.classify.storage.label_files import find_label_file, find_unclaimed


def place(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(model: Path) -> str:
    file = find_label_file(model)
    return file.name if file else ""


@pytest.mark.parametrize(
    "name", ["fruit.txt", "fruit_labels.txt", "labels-fruit.txt", "Fruit.Labels.TXT"]
)
def test_a_file_called_like_a_model_is_that_models_alone(tmp_path: Path, name: str) -> None:
    place(tmp_path, "fruit.tflite", "birds.tflite", name)
    assert found(tmp_path / "fruit.tflite") == name
    assert found(tmp_path / "birds.tflite") == ""
    assert find_unclaimed(tmp_path / "birds.tflite") == ()


def test_exactly_the_models_name_comes_before_a_name_that_says_labels(tmp_path: Path) -> None:
    place(tmp_path, "fruit.tflite", "fruit.txt", "fruit_labels.txt")
    assert found(tmp_path / "fruit.tflite") == "fruit.txt"


def test_the_only_label_file_beside_the_only_model_is_its_own(tmp_path: Path) -> None:
    place(tmp_path, "fruit.tflite", "coco_labels.txt", "notes.txt", ".labels.txt")
    assert found(tmp_path / "fruit.tflite") == "coco_labels.txt"
    place(tmp_path, "my_labelmap.txt")
    assert found(tmp_path / "fruit.tflite") == ""


def test_a_file_beside_several_models_that_names_none_is_nobodys(tmp_path: Path) -> None:
    place(tmp_path, "fruit.tflite", "birds.TFLITE", "birds_labels.txt", "labels.txt")
    assert found(tmp_path / "fruit.tflite") == ""
    assert [file.name for file in find_unclaimed(tmp_path / "fruit.tflite")] == ["labels.txt"]
    assert found(tmp_path / "birds.TFLITE") == "birds_labels.txt"
    assert find_unclaimed(tmp_path / "birds.TFLITE") == ()


def test_a_saved_model_holds_its_labels_or_has_them_beside_its_versions(tmp_path: Path) -> None:
    place(tmp_path, "prices/1/saved_model.pb", "prices/2/saved_model.pb", "prices/labels.txt")
    assert find_label_file(tmp_path / "prices/1") == tmp_path / "prices/labels.txt"
    place(tmp_path, "prices/1/labels.txt")
    assert find_label_file(tmp_path / "prices/1") == tmp_path / "prices/1/labels.txt"
