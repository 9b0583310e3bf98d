"""`classify-models export` says what it needs before it converts anything."""

import contextlib
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from unit.classify.graphs import answering, constant

from meshlens.classify.model_files import cli

COUNTS = answering(constant("counts", [[1, 2, 3]], "int32"))


@pytest.fixture
def folder(tmp_path: Path, digits: bytes) -> Path:
    """Of the model `digits` in one version, of `loose` in none, and of `counts`, no classifier."""
    for name, data in (("digits/1/a", digits), ("loose/a", digits), ("counts/1/a", COUNTS)):
        path = tmp_path / f"{name}.tflite"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    (tmp_path / "counts/1/card.yaml").write_text("task: tensor\n")
    return tmp_path


def export(folder: Path, *words: str) -> int:
    pictures = ("--pictures", str(folder / "pictures"))
    return cli.main(["export", *words, "--models", str(folder), *pictures])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["digits"], ["got a.tflite, whose weights have lost", "--from SOURCE"]),
        (["digits", "--from", "none"], ["folder of a SavedModel, or a Keras file", "got none"]),
        (["counts"], ["a model that classifies pictures", "say task: classify in its card"]),
        (["loose"], ["must have a folder of its own", "move them into", "loose/1"]),
        (["cats"], ["one of the models counts, digits, loose, got 'cats'"]),
        (["digits@2"], ["one of the models digits@1, got 'digits@2'"]),
        (["digits@1" + "0" * 4300], ["one of the models digits@1, got 'digits@1000"]),
    ],
)
def test_what_cannot_be_converted_is_told(
    folder: Path, words: Sequence[str], told: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(folder, *words) == 2
    error = capsys.readouterr().err
    assert [part for part in told if part not in error] == []
    assert sorted(path.name for path in folder.iterdir()) == ["counts", "digits", "loose"]


def test_a_card_in_no_version_is_seen_wherever_its_model_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new version beside it would hide it."""
    (folder / "named").mkdir()
    (folder / "named/card.yaml").write_text("model: {path: ../digits/1/a.tflite}\n")
    monkeypatch.chdir(folder.parent)
    assert export(Path(folder.name), "named") == 2
    assert "named must have a folder of its own" in capsys.readouterr().err


def test_a_folder_in_the_place_of_the_next_version_is_told_before_anything_is_converted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = folder / "digits/2/notes.txt"
    notes.parent.mkdir()
    notes.write_text("to be done")
    assert export(folder, "digits@01", "--from", "none") == 2
    told = capsys.readouterr().err
    assert f"expected no {notes.parent}: it is where the next version of digits is put" in told
    assert "got one without a model; remove it" in told
    assert notes.read_text() == "to be done"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_without_room_is_told() -> None:
    told = io.StringIO()
    with (
        Path("/dev/full").open("w", buffering=1) as full,
        contextlib.redirect_stdout(full),
        contextlib.redirect_stderr(told),
    ):
        code = cli.main(["list"])
        with contextlib.suppress(OSError):
            full.close()
    assert code == 2
    assert told.getvalue() == (
        "classify-models: a file could not be written: No space left on device\n"
    )


def test_pictures_are_looked_at_before_anything_is_converted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pictures").mkdir()
    (folder / "origin").mkdir()
    shutil.copy(folder / "digits/1/a.tflite", folder / "origin/saved_model.pb")
    assert export(folder, "digits", "--from", str(folder / "origin")) == 2
    told = capsys.readouterr().err
    assert "at least 30 different pictures" in told
    assert "got 0; add pictures such as the model will get" in told


@pytest.mark.parametrize(
    ("option", "value"), [("--least-agreement", "1.5"), ("--max-pixels", "0"), ("--to", "int4")]
)
def test_wrong_options_are_told(
    folder: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        export(folder, "digits", option, value)
    assert caught.value.code == 2
    assert option in capsys.readouterr().err
