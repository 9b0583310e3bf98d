"""The command `classify batch`, as somebody types it."""

import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from processes import eventually
from unit.classify.pictures import png_header

from meshlens.classify import cli
from meshlens.classify.batch.manifest import CHUNK

SAMPLES = Path(__file__).resolve().parents[5] / "services/classify/samples"
DIGITS = [SAMPLES / f"digit-{digit}.png" for digit in range(10)]
# The command, which shows no more than a module does.
COMMAND = (sys.executable, "-m", "meshlens.classify.cli", "batch")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("APP_PORT", "MODELS", "DEFAULT_MODEL", "MAX_PIXELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pictures(here: Path) -> Path:
    folder = here / "pictures"
    folder.mkdir()
    for digit in DIGITS:
        (folder / digit.name).symlink_to(digit)
    return folder


def batch(*arguments: str | Path) -> int:
    return cli.main(["batch", "--model", "digits", *map(str, arguments)])


def rows(job: Path) -> list[dict[str, object]]:
    files = sorted((job / "results").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_a_folder_is_answered_into_files_and_summed_up(
    pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert batch(pictures, "--job", "job", "--top-k", "2") == 0
    said = capfd.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "10 of 10 pictures answered by digits@1"
    assert lines[1:11] == [f"{1:8} {digit}" for digit in range(10)]
    assert lines[11:] == ["Answers: job/results/*.jsonl; all counts: job/summary.json"]
    assert said.err.startswith("classify batch: 10 pictures in ")
    answers = rows(Path("job"))
    assert [answer["picture"] for answer in answers] == [digit.name for digit in DIGITS]
    assert all(len(str(answer["labels"]).split("'label'")) == 3 for answer in answers)


def test_bad_pictures_are_named_with_their_reasons_and_make_the_code_2(
    pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (pictures / "notes.jpg").write_text("no picture")
    (pictures / "wide.png").write_bytes(png_header(9999, 9999))
    (pictures / "gone.gif").symlink_to("nowhere")
    assert batch(pictures, "--job", "job", "--max-pixels", "1000000") == 2
    said = capfd.readouterr().out
    assert said.startswith("10 of 13 pictures answered by digits@1\n")
    assert "       1 INVALID_IMAGE, such as\n         notes.jpg: expected a picture (JPEG" in said
    assert "         gone.gif: a picture must be readable, got No such file" in said
    assert "send a smaller one or raise --max-pixels\n" in said


def test_parquet_is_written_on_request(pictures: Path) -> None:
    assert batch(pictures, "--job", "job", "--format", "parquet") == 0
    table = pq.read_table("job/results/00000.parquet")
    assert table.column("label").to_pylist() == list("0123456789")


def test_without_a_folder_the_job_is_kept_here_by_its_id(
    pictures: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert batch(pictures) == 0
    (job,) = here.glob("classify-*")
    assert len(job.name) == len("classify-") + 12
    first = capfd.readouterr()
    assert batch(pictures) == 0
    again = capfd.readouterr()
    assert again.out == first.out
    assert again.err.startswith("classify batch: 0 pictures in ")
    (pictures / "more.png").symlink_to(DIGITS[3])
    assert batch(pictures) == 0
    assert len([*here.glob("classify-*")]) == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--top-k", "1"], "those by another model, or with other options of it;"),
        (["--format", "parquet"], "those in another --format;"),
        (["--max-bytes", "9"], "those with another --max-bytes;"),
        (["--glob", "*5.png"], "--glob and of pictures that have changed since, or of more or"),
    ],
)
def test_a_folder_of_another_job_is_refused_until_it_is_to_be_done_anew(
    pictures: Path, change: list[str], named: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert batch(pictures, "--job", "job") == 0
    before = {path: path.read_bytes() for path in Path("job").rglob("*") if path.is_file()}
    capfd.readouterr()
    assert batch(pictures, "--job", "job", *change) == 2
    said = capfd.readouterr().err
    assert said.startswith("classify batch: job must hold the answers of the same job, got those ")
    assert named in said
    assert "give --again to do that one anew" in said
    assert before == {path: path.read_bytes() for path in before}
    batch(pictures, "--job", "job", *change, "--again")
    assert len([*Path("job/stages").iterdir()]) == len([*Path("job/results").iterdir()]) == 1


def test_what_is_done_is_done_anew_on_request(
    pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert batch(pictures, "--job", "job") == 0
    Path("job/results/00000.jsonl").unlink()
    assert batch(pictures, "--job", "job") == 2
    assert "got no results/00000.jsonl; start the job anew" in capfd.readouterr().err
    assert batch(pictures, "--job", "job", "--again") == 0
    assert len(rows(Path("job"))) == 10


def test_a_folder_with_other_files_is_no_place_for_a_job(
    pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert batch(pictures, "--job", pictures, "--again") == 2
    assert "must be the folder of a job, or empty, got other files in it" in capfd.readouterr().err


def test_a_job_that_was_killed_while_it_made_its_folder_is_begun_there(
    pictures: Path, here: Path
) -> None:
    half = here / "job" / f"job.json.{'0' * 16}-{'1' * 16}.part"
    half.parent.mkdir()
    half.write_bytes(b"{")
    os.utime(half, (0, 0))
    assert batch(pictures, "--job", half.parent) == 0
    assert not half.exists()
    assert len([*pictures.iterdir()]) == 10


def test_a_job_is_not_kept_where_its_files_may_be_taken_for_pictures(
    pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = pictures / "job"
    assert batch(pictures, "--job", job, "--glob", "*.png") == 2
    assert "must be outside that of the pictures if there is --glob" in capfd.readouterr().err
    assert not job.exists()
    assert batch(pictures, "--job", job) == 0
    assert batch(pictures, "--job", job) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "got No such file or directory: "),
        (["."], "there must be pictures, got none in "),
        (["pictures", "--threshold", "0.5"], "threshold: "),
        (["pictures", "--model", "cats"], "expected one of the models digits, objects, got 'cats'"),
        (["pictures", "--model", "digits@7"], "expected one of the models digits@1, got"),
        (["pictures", "--models", "."], "found none"),
    ],
)
def test_a_job_that_cannot_begin_is_refused_and_leaves_nothing(
    here: Path, arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "pictures").mkdir()
    if arguments[0] == "pictures":
        (here / "pictures/7.png").symlink_to(DIGITS[7])
    assert batch(*arguments) == 2
    error = capfd.readouterr().err
    assert error.startswith("classify batch: ")
    assert said in error
    assert [path.name for path in here.iterdir()] == ["pictures"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["a", "--workers", "0"], ["a", "--format", "csv"], ["a", "--top-k", "0"], ["a", "--x"]],
)
def test_a_wrong_argument_is_said(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        batch(*arguments)
    assert end.value.code == 2
    assert (arguments or ["FOLDER"])[-2:][0] in capfd.readouterr().err


def test_a_picture_called_batch_is_a_picture_by_its_path(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "batch").write_bytes(DIGITS[7].read_bytes())
    assert cli.main(["--model", "digits", "./batch"]) == 0
    assert capfd.readouterr().out == "It is very likely a 7.\n"


@pytest.mark.slow
def test_a_terminal_shows_how_many_pictures_of_all_are_done(pictures: Path) -> None:
    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (25, 80))
    with subprocess.Popen(
        [*COMMAND, pictures, "--model", "digits"], stdout=subprocess.DEVNULL, stderr=terminal
    ) as command:
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # how the end of a terminal is told
            while read := os.read(ours, 1024):
                shown += read
    os.close(ours)
    assert command.returncode == 0
    assert b"0/10 [" in shown
    assert b"classify batch: 10 pictures in " in shown


# The command in a process of its own, and its end.


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    for number in range(3 * CHUNK):
        (folder / f"{number:05d}.png").symlink_to(DIGITS[number % 10])
    (folder / f"{CHUNK:05d}.png").unlink()
    (folder / f"{CHUNK:05d}.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def whole(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job of an undisturbed run."""
    job = tmp_path_factory.mktemp("whole") / "job"
    end(many, job)
    return job


def start(folder: Path, job: Path) -> "subprocess.Popen[str]":
    arguments = (folder, "--model", "digits", "--workers", "2", "--job", job)
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end(folder: Path, job: Path) -> str:
    """Run the command to its end and return what it says on stderr."""
    with start(folder, job) as command:
        _, error = command.communicate(timeout=100)
    assert command.returncode == 2, error
    return error


def files(job: Path, folder: str = "") -> dict[str, bytes]:
    """What a job holds, but for what a killed process has half written."""
    paths = (path for path in (job / folder).rglob("*") if path.is_file())
    return {
        str(path.relative_to(job)): path.read_bytes() for path in paths if path.suffix != ".part"
    }


@pytest.mark.slow
def test_after_kills_the_bytes_are_those_of_one_run(many: Path, whole: Path, here: Path) -> None:
    expected = files(whole)
    assert {name.partition("/")[0] for name in expected} == {
        *("job.json", "manifest", "pieces", "results", "stages", "summary.json")
    }
    job = here / "job"
    for done in range(2):
        with start(many, job) as command:
            while not ((job / "trials").is_dir() and len(files(job, "pieces")) >= done):
                assert command.poll() is None
            command.kill()
        assert command.returncode == -signal.SIGKILL
    end(many, job)
    assert files(job) == expected
    assert [*job.rglob("*.part")] == []


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_after_twenty_kills_at_random_the_bytes_are_those_of_one_run(
    many: Path, whole: Path, here: Path
) -> None:
    job = here / "job"
    for _ in range(20):
        with start(many, job) as command:
            with suppress(subprocess.TimeoutExpired):
                command.wait(timeout=random.uniform(0.5, 3))  # noqa: S311 - any moment will do
            command.kill()
            error = command.stderr.read() if command.stderr else ""
        # A part during which its process has ended three times is refused once.
        assert command.returncode == -signal.SIGKILL or "3 workers" in error or "a second" in error
    with start(many, job) as command:
        command.communicate(timeout=200)
    end(many, job)
    assert files(job) == files(whole)


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(
    many: Path, whole: Path, here: Path
) -> None:
    job = here / "job"
    with start(many, job) as command:
        eventually(lambda: bool(files(job, "trials")), "a part is being worked on", within=60)
        command.send_signal(signal.SIGINT)
        out, error = command.communicate(timeout=60)
    assert (command.returncode, out) == (130, "")
    (line,) = error.splitlines()
    said = re.fullmatch(
        r"classify batch: interrupted at (\d+) of 1500 pictures; the same command goes on, in (.*)",
        line,
    )
    assert said
    assert said[2] == str(job)
    kept = [data for name, data in files(job).items() if name.startswith(("partial", "results"))]
    done = int(said[1])
    assert sum(data.count(b'"picture":') for data in kept) == done
    assert not files(job, "trials")
    assert f"classify batch: {1500 - done} pictures in " in end(many, job)
    assert files(job) == files(whole)
