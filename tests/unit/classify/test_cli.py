"""The commands, as somebody types them."""

import io
import json
import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest
from unit.classify.chains import add_chain, add_detector, add_namer

from meshlens.classify import cli
from meshlens.classify.model_files import cli as catalogue_cli

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
# The command, with a bar that does not wait until it has taken long.
BAR_AT_ONCE = (
    "import sys; from meshlens.classify import cli; cli._BAR_AFTER = 0; sys.exit(cli.main())"
)
SEVEN, EIGHT = SAMPLES / "digit-7.png", SAMPLES / "digit-8.png"
COFFEE = SAMPLES / "coffee.jpg"
DIGITS = ("--model", "digits")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("APP_PORT", "MODELS", "DEFAULT_MODEL", "MAX_PIXELS"):
        monkeypatch.delenv(name, raising=False)


def send(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_picture_on_standard_input_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    send(monkeypatch, COFFEE.read_bytes())
    assert cli.main([]) == 0
    assert capfd.readouterr() == ("It is very likely an espresso.\n", "")


def test_several_files_are_a_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*DIGITS, str(SEVEN), str(EIGHT)]) == 0
    said = capfd.readouterr().out
    assert said == f"{SEVEN}: It is very likely a 7.\n{EIGHT}: It is very likely an 8.\n"


def test_a_chain_is_refused_with_the_ways_to_ask_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add_detector(tmp_path, "things")
    add_namer(tmp_path, "colours")
    add_chain(tmp_path, "both", "detect: things, classify: colours")
    assert cli.main(["--models", str(tmp_path), "--model", "both", str(SEVEN)]) == 2
    assert capfd.readouterr().err == (
        "classify: expected a model that classifies pictures, got both, which detects, and"
        " classifies what it finds; ask detect, or another model: the method detect of the service,"
        " or `classify batch FOLDER` here\n"
    )


def test_json_is_an_object_for_each_picture(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*DIGITS, "--json", "--top-k", "2", str(SEVEN), str(EIGHT)]) == 0
    seven, eight = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert seven["picture"] == str(SEVEN)
    assert [len(said["labels"]) for said in (seven, eight)] == [2, 2]
    assert eight["verdict"]["sentence"] == "It is very likely an 8."


def test_the_card_says_how_many_labels_unless_the_caller_does(
    tmp_path: Path, models: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "digits.tflite").symlink_to(models / "digits/1/digits.tflite")
    (tmp_path / "digits.yaml").write_text("model: {path: digits.tflite}\noutput: {top: 3}")
    asked = ["--json", "--models", str(tmp_path), str(SEVEN)]
    for arguments, count in (([], 3), (["--top-k", "4"], 4)):
        assert cli.main([*arguments, *asked]) == 0
        assert len(json.loads(capfd.readouterr().out)["labels"]) == count


def test_a_model_that_classifies_no_pictures_is_told(
    tmp_path: Path, models: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "digits.tflite").symlink_to(models / "digits/1/digits.tflite")
    (tmp_path / "digits.yaml").write_text("model: {path: digits.tflite}\ntask: tensor")
    assert cli.main(["--models", str(tmp_path), str(SEVEN)]) == 2
    assert capfd.readouterr().err == (
        "classify: expected a model that classifies pictures, got digits, which computes tensors;"
        " ask models/digits/predict, or another model\n"
    )


def test_a_bad_picture_fails_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    pictures = [str(text), str(tmp_path / "missing.png"), str(tmp_path), str(SEVEN)]
    assert cli.main([*DIGITS, *pictures]) == 2
    said = capfd.readouterr()
    assert said.out == f"{SEVEN}: It is very likely a 7.\n"
    unreadable, missing, folder = said.err.splitlines()
    assert unreadable.startswith(f"classify: {text}: expected a picture (JPEG")
    assert (
        missing == f"classify: {tmp_path / 'missing.png'} cannot be read: No such file or directory"
    )
    assert folder == f"classify: {tmp_path} cannot be read: Is a directory"


def on_terminal(arguments: list[str | Path], *, answers: bool) -> str:
    """Run the command and return what its terminal shows; its answers too, if they go there."""
    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (25, 80))
    with subprocess.Popen(
        [sys.executable, "-c", BAR_AT_ONCE, *arguments],
        stdout=terminal if answers else subprocess.DEVNULL,
        stderr=terminal,
    ) as command:
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # how the end of a terminal is told
            while read := os.read(ours, 1024):
                shown += read
    os.close(ours)
    assert command.returncode in {0, 2}
    return shown.decode()


@pytest.mark.slow
def test_a_terminal_shows_how_far_many_pictures_are(tmp_path: Path) -> None:
    pictures: list[str | Path] = [SEVEN, tmp_path / "none", EIGHT]
    shown = on_terminal(pictures, answers=False)
    assert "0/3 [" in shown
    assert f"\rclassify: {tmp_path / 'none'} cannot be read" in shown
    assert "/3 [" not in on_terminal(pictures, answers=True)
    assert on_terminal([SEVEN], answers=False) == ""


def test_nothing_on_standard_input_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    send(monkeypatch, b"")
    assert cli.main([]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert (
        said.err
        == "classify: -: expected a picture, got an empty body; send the bytes of the file\n"
    )


def test_an_unknown_model_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--model", "cats", str(SEVEN)]) == 2
    assert capfd.readouterr().err == (
        "classify: expected one of the models digits, objects, got 'cats'; check the name\n"
    )


def test_a_model_that_cannot_be_loaded_is_told_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.tflite").write_text("no model")
    assert cli.main(["--models", str(tmp_path), str(SEVEN)]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("classify: model bad must be AVAILABLE, it is END:")


def test_a_folder_without_models_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--models", str(tmp_path), str(SEVEN)]) == 2
    assert str(tmp_path) in capfd.readouterr().err


def test_a_picture_that_is_too_large_names_the_option_of_the_command(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert cli.main([*DIGITS, "--max-pixels", "10", str(SEVEN)]) == 2
    said = capfd.readouterr().err
    assert "send a smaller one or raise --max-pixels\n" in said
    assert "MAX_PIXELS" not in said


def test_the_version_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capfd.readouterr().out == f"{version('meshlens-classify')}\n"


@pytest.mark.parametrize(
    "arguments", [["--top-k", "0"], ["--max-pixels", "x"], ["--no-such-option"]]
)
def test_a_wrong_option_is_told(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*arguments, str(SEVEN)])
    assert end.value.code == 2
    assert arguments[0] in capfd.readouterr().err


def run_module(arguments: list[str], **changes: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *arguments],
        input=SEVEN.read_bytes(),
        capture_output=True,
        env=os.environ | changes,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "meshlens.classify.cli", SEVEN],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_environment_names_the_models(
    tmp_path: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.tflite").write_text("no model")
    (tmp_path / "b").symlink_to(models / "digits")
    monkeypatch.setenv("MODELS", str(tmp_path))
    assert cli.main([str(SEVEN)]) == 0
    monkeypatch.setenv("DEFAULT_MODEL", "a")
    assert cli.main([str(SEVEN)]) == 2
    assert "model a " in capfd.readouterr().err


@pytest.mark.slow
def test_the_module_is_the_command_unless_a_port_is_named() -> None:
    done = run_module(["-m", "meshlens.classify"], DEFAULT_MODEL="digits")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"It is very likely a 7.\n", b"")


@pytest.mark.slow
def test_the_module_serves_no_empty_folder(tmp_path: Path) -> None:
    done = run_module(["-m", "meshlens.classify"], APP_PORT="0", MODELS=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.decode().startswith(
        f"expected models (.tflite, .pb, SavedModels, cards) in {tmp_path}, found none"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [
        "import sys, meshlens.classify.cli; meshlens.classify.cli.main([])",
        "import sys, meshlens.classify.server",
    ],
)
def test_tensorflow_is_never_imported(program: str) -> None:
    done = run_module(["-c", f"{program}; print('tensorflow' in sys.modules)"])
    assert done.stdout.splitlines()[-1] == b"False", done.stderr


@pytest.mark.slow
def test_the_command_needs_nothing_of_the_mesh() -> None:
    program = (
        "import sys, meshlens.classify.cli;"
        "print({'grpc', 'dapr', 'meshlens.daprkit', 'httpx'} & set(sys.modules))"
    )
    assert run_module(["-c", program]).stdout == b"set()\n"


def test_the_catalogue_is_listed(capfd: pytest.CaptureFixture[str]) -> None:
    assert catalogue_cli.main(["list"]) == 0
    names = [line.partition(":")[0] for line in capfd.readouterr().out.splitlines()]
    assert names == ["mobilenet_v2", "mobilenet_v1_025"]


def test_a_name_that_is_not_in_the_catalogue_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert catalogue_cli.main(["download", "cats"]) == 2
    assert capfd.readouterr().err == (
        "classify-models: expected one of the models mobilenet_v2, mobilenet_v1_025, got 'cats';"
        " check the name\n"
    )


def test_a_missing_catalogue_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert catalogue_cli.main(["--catalogue", str(tmp_path / "none.yaml"), "list"]) == 2
    assert "none.yaml: No such file" in capfd.readouterr().err
