"""`classify-models export` with TensorFlow: what it makes, and what it does not keep."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from documents import block
from installed import need_module
from unit.classify.model_files.networks import make_network, make_pictures, write_labels

from meshlens.classify import cli as classify
from meshlens.classify.formats.tflite_advice import read_weights
from meshlens.classify.model_files import cli

pytestmark = pytest.mark.slow

README = "services/classify/README.md"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network in all its forms."""
    need_module("tensorflow", "uv sync --group train")
    return make_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, one of which is none."""
    folder = make_pictures(tmp_path_factory.mktemp("pictures") / "of colours")
    (folder / "torn.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def models(tmp_path: Path, network: Path) -> Path:
    """The models `saved`, a SavedModel, and `flat`, a .tflite file."""
    folder = tmp_path / "models"
    shutil.copytree(network / "saved", folder / "saved/1")
    (folder / "flat/1").mkdir(parents=True)
    shutil.copy(network / "colours.tflite", folder / "flat/1")
    for name in ("saved", "flat"):
        write_labels(folder / name / "1")
    return folder


def test_a_saved_model_becomes_integers_that_answer_the_same(
    models: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", "saved@1", "--pictures", str(pictures), "--models", str(models)]
    assert cli.main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "saved@1 to int8: 20 pictures to convert with, 40 others to compare answers, 1 that cannot"
        " be read"
    )
    assert lines[1] == "same first label: 40 of 40 pictures, 100.0%"
    assert lines[-1] == str(models / "saved/2")
    data = (models / "saved/2/saved.tflite").read_bytes()
    assert read_weights(data).type == "int8"
    # Again: the same bytes, as the next version.
    assert cli.main(command) == 0
    assert (models / "saved/3/saved.tflite").read_bytes() == data
    assert sorted(path.name for path in models.iterdir()) == ["flat", "saved"]
    capsys.readouterr()
    red = str(pictures / "red-0.png")
    assert classify.main(["--model", "saved", "--models", str(models), red]) == 0
    assert capsys.readouterr().out == "It is very likely a red.\n"


def test_a_file_without_its_source_becomes_halves_with_it(
    models: Path, network: Path, pictures: Path
) -> None:
    command = ["export", "flat", "--pictures", str(pictures), "--models", str(models)]
    assert cli.main([*command, "--to", "float16", "--from", str(network / "colours.keras")]) == 0
    made, old = models / "flat/2/flat.tflite", models / "flat/1/colours.tflite"
    assert 0.5 < made.stat().st_size / old.stat().st_size < 0.6
    assert read_weights(made.read_bytes()).type == ""  # operators make floats of them
    assert yaml.safe_load((made.parent / "card.yaml").read_text()) == {
        "task": "classify",
        "subject": "colour",
        "output": {"type": "probabilities", "label": {"path": "labels.json"}, "top": 2},
        "normalization": {"mean": [127.5], "std": [127.5]},
    }
    assert yaml.safe_load((made.parent / "labels.json").read_text()) == ["red", "green", "blue"]


def test_a_model_that_answers_otherwise_is_not_kept(
    models: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    other = make_network(tmp_path / "other", shift=1) / "saved"
    command = ["export", "flat", "--pictures", str(pictures), "--models", str(models)]
    assert cli.main([*command, "--from", str(other)]) == 2
    assert "must be the same for 98.0% of the pictures, got 0.0%" in capsys.readouterr().err
    assert [path.name for path in (models / "flat").iterdir()] == ["1"]
    assert sorted(path.name for path in models.iterdir()) == ["flat", "saved"]


def test_a_source_that_cannot_be_loaded_is_told(
    models: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "torn.keras").write_bytes(b"PK")
    command = ["export", "flat", "--pictures", str(pictures), "--models", str(models)]
    assert cli.main([*command, "--from", str(tmp_path / "torn.keras")]) == 2
    told = capsys.readouterr().err
    assert "expected a Keras model in torn.keras, got " in told
    assert "model.export(FOLDER)" in told


def test_the_commands_of_the_readme(
    models: Path, network: Path, pictures: Path, tmp_path: Path
) -> None:
    (models / "flat").rename(models / "colours")
    shutil.copy(network / "colours.keras", tmp_path)
    shutil.copytree(pictures, tmp_path / "photos")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-ec", block(README, "classify-models export")],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().splitlines()[-1] == "models/colours/2"
