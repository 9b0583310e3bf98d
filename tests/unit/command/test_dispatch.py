"""The first word after `meshlens` chooses a command."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from meshlens.command.commands import find_commands
from meshlens.command.dispatch import main


def test_the_commands_of_the_services_are_found() -> None:
    commands = find_commands()
    assert {"up", "demo", "pca", "classify", "models"} <= commands.keys()
    assert all(command.load and not command.missing for command in commands.values())


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_the_help_lists_the_commands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    shown = capsys.readouterr().out
    for name, command in find_commands().items():
        assert f"{name:16}{command.summary}\n" in shown


def test_without_a_command_the_help_is_the_complaint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: meshlens COMMAND" in capsys.readouterr().err


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pac"]) == 2
    assert (
        "expected one of up, demo, record, replay, jobs, models rollout, doctor, pca, classify,"
        " models, got 'pac'" in capsys.readouterr().err
    )


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"meshlens {version('meshlens')}\n"


@pytest.mark.parametrize(
    "command", ["up", "demo", "record", "replay", "doctor", "pca", "classify", "models"]
)
def test_a_command_is_called_as_it_was_typed(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"usage: meshlens {command} " in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_imports_nothing_that_it_does_not_run() -> None:
    program = (
        "import sys; from meshlens.command.dispatch import main; main(['--help']);"
        "assert not {'grpc', 'yaml', 'numpy', 'pydantic'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.slow
def test_a_package_that_a_command_imports_is_named_if_it_is_missing() -> None:
    program = (
        "import sys; sys.modules['yaml'] = None;"
        "from meshlens.command.dispatch import main; sys.exit(main(['up']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"meshlens: up needs the package yaml, not installed; ")
    assert done.stderr.count(b"\n") == 1
