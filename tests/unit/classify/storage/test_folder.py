"""What lies in a folder of models: each of it is served, or named with what to do."""

from pathlib import Path

import pytest

from meshlens.classify.formats.card import Kind
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import Source


def place(folder: Path, *names: str, text: str = "") -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def found(folder: Path) -> dict[tuple[str, str], Source]:
    return {(source.model, source.version): source for source in find_models(folder)}


@pytest.mark.parametrize(
    ("path", "version", "kind"),
    [
        ("a.TFLITE", "1", Kind.TFLITE),
        ("a.lite", "1", Kind.TFLITE),
        ("a/v2/m.Tflite", "2", Kind.TFLITE),
        ("a/V03/m.tflite", "3", Kind.TFLITE),
        ("a/1/model.graphdef", "1", Kind.FROZEN_GRAPH),
        ("a/1/model.savedmodel/saved_model.pb", "1", Kind.SAVED_MODEL),
    ],
)
def test_layouts_and_endings_of_others_are_served(
    tmp_path: Path, path: str, version: str, kind: Kind
) -> None:
    (source,) = find_models(place(tmp_path, path))
    assert (source.model, source.version, source.kind) == ("a", version, kind)
    assert source.path.exists()


def test_a_card_inside_a_saved_model_of_triton_describes_it(tmp_path: Path) -> None:
    place(tmp_path, "a/1/model.savedmodel/saved_model.pb", "a/config.pbtxt")
    place(tmp_path, "a/1/model.savedmodel/card.yaml", text="subject: cat")
    (source,) = find_models(tmp_path)
    assert (source.model, source.version, source.card.subject) == ("a", "1", "cat")
    assert source.path == tmp_path / "a/1/model.savedmodel"


def test_a_card_beside_a_saved_model_of_triton_describes_it(tmp_path: Path) -> None:
    place(tmp_path, "a/1/model.savedmodel/saved_model.pb")
    place(tmp_path, "a/1/card.yaml", text="subject: cat")
    (source,) = find_models(tmp_path)
    assert source.path == tmp_path / "a/1/model.savedmodel"


def test_the_same_version_by_two_names_is_described_twice(tmp_path: Path) -> None:
    (source,) = find_models(place(tmp_path, "a/2/m.tflite", "a/v2/m.tflite"))
    assert "version 2 is described twice" in source.error


@pytest.mark.parametrize(
    ("path", "version", "words"),
    [
        ("net.keras", "1", ["net.keras, a Keras model", ".export("]),
        ("net/net.h5", "1", ["net.h5, a Keras model or its weights", "'net.h5'"]),
        ("net/2/net.KERAS", "2", ["a Keras model"]),
        ("net.tar.gz", "1", ["an archive", "unpack it"]),
        ("net/1/model.onnx", "1", ["a model of ONNX", "convert it to .tflite"]),
        ("net/3/ckpt-9.index", "3", ["ckpt-9, a checkpoint", "model.export("]),
        ("net/4/variables/variables.index", "4", ["without saved_model.pb", "copy the whole"]),
        ("net/1/saved_model.pbtxt", "1", ["a SavedModel as text", "export it again"]),
        ("net/2/model.py", "2", ["a model in Python, as Triton runs it"]),
        ("net/1/model.xml", "1", ["a model of OpenVINO"]),
        ("net/config.pbtxt", "1", ["of Triton without a model", "as of an ensemble"]),
        ("net/animals/1/m.tflite", "1", ["net/animals/1/m.tflite, too deep", "MODEL/VERSION/"]),
    ],
)
def test_what_is_not_served_is_named_with_what_to_do(
    tmp_path: Path, path: str, version: str, words: list[str]
) -> None:
    (source,) = find_models(place(tmp_path, path))
    assert (source.model, source.version, source.paths) == ("net", version, ())
    assert source.error.startswith("expected a .tflite file, a frozen graph (.pb) or a SavedModel")
    assert all(word in source.error for word in words)


def test_an_ensemble_of_triton_is_named_by_its_version(tmp_path: Path) -> None:
    place(tmp_path, "net/config.pbtxt", "net/2/.keep")
    (source,) = find_models(tmp_path)
    assert (source.model, source.version) == ("net", "2")
    assert "as of an ensemble" in source.error


def test_the_folder_of_one_model_is_suspected_where_the_folder_of_all_is_meant(
    tmp_path: Path,
) -> None:
    place(tmp_path, "1/saved_model.pb", "2/saved_model.pb")
    for source in find_models(tmp_path):
        assert "MODELS must be the folder above it" in source.warnings[0]
    place(tmp_path, "digits/1/saved_model.pb")
    assert not any(source.warnings for source in find_models(tmp_path))


def test_what_stands_beside_a_served_model_is_passed_over(tmp_path: Path) -> None:
    place(tmp_path, "net.tflite", "net.keras", "a/1/m.tflite", "a/1/m.h5", "a/a.zip")
    assert {key: it.error for key, it in found(tmp_path).items()} == {
        ("net", "1"): "",
        ("a", "1"): "",
    }


def test_a_version_that_is_not_served_stands_beside_one_that_is(tmp_path: Path) -> None:
    place(tmp_path, "net/1/m.tflite", "net/2/m.keras", "net/3/notes.md")
    sources = found(tmp_path)
    assert sources.keys() == {("net", "1"), ("net", "2")}
    assert not sources["net", "1"].error
    assert "m.keras" in sources["net", "2"].error


def test_folders_without_any_model_are_passed_over(tmp_path: Path) -> None:
    place(tmp_path, "pictures/1.png", "docs/1/README.md", ".cache/a.keras", "a/.b/m.tflite")
    assert found(tmp_path) == {}


def test_a_card_in_a_flat_folder_describes_the_model_of_its_name(tmp_path: Path) -> None:
    place(tmp_path, "cats.tflite", "dogs.tflite")
    place(tmp_path, "cats.yaml", text="subject: cat")
    sources = found(tmp_path)
    assert sources.keys() == {("cats", "1"), ("dogs", "1")}
    assert sources["cats", "1"].paths == (tmp_path / "cats.tflite",)
    assert sources["cats", "1"].card.subject == "cat"


def test_a_card_that_may_describe_any_model_says_so_and_claims_none(tmp_path: Path) -> None:
    place(tmp_path, "cat-1.tflite", "dogs.tflite")
    place(tmp_path, "pets.yaml", text="subject: pet")
    sources = found(tmp_path)
    assert sources.keys() == {("pets", "1"), ("cat-1", "1"), ("dogs", "1")}
    assert "got cat-1.tflite, dogs.tflite; say model.path" in sources["pets", "1"].error


def test_a_label_file_that_may_be_anybodys_is_a_warning(tmp_path: Path) -> None:
    place(tmp_path, "cats.tflite", "dogs.tflite", "dogs.txt", "labels.txt")
    sources = found(tmp_path)
    (warning,) = sources["cats", "1"].warnings
    assert "labels.txt may hold the labels of any model" in warning
    assert "cats_labels.txt" in warning
    assert sources["dogs", "1"].warnings == ()
