"""The command, given files that are read in parts."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import eventually
from pydantic import TypeAdapter
from range_site import serving_ranges

from meshlens.pca import arguments, cli, in_parts
from meshlens.pca.answers.schemas import ReadPartsAnswer
from meshlens.pca.arguments import parse
from meshlens.pca.errors import InvalidOption

pytestmark = pytest.mark.slow

VALUES = np.random.default_rng(5).normal(size=(60, 3)) @ np.diag([3.0, 2.0, 1.0])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "meshlens" / "jobs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "table").mkdir()
    for number in range(4):
        rows = VALUES[number * 15 : (number + 1) * 15].tolist()
        lines = ["id,x,y,z", *(f"{at}," + ",".join(map(repr, row)) for at, row in enumerate(rows))]
        (tmp_path / "table" / f"{number}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "table"


def write_whole(path: Path) -> Path:
    rows = [f"{at % 15},{','.join(map(repr, row))}" for at, row in enumerate(VALUES.tolist())]
    path.write_text("\n".join(["id,x,y,z", *rows]) + "\n")
    return path


def fit(*arguments_: object, output: Path) -> dict[str, Any]:
    assert cli.main(["fit", *map(str, arguments_), "-o", str(output)]) == 0
    answer: dict[str, Any] = json.loads(output.read_bytes())
    return answer


def assert_close(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert {*expected} == {*found}
    read, whole = TypeAdapter(ReadPartsAnswer).validate_python(found["read"]), expected["read"]
    for name in ("format", "encoding", "delimiter", "decimal_mark", "header_row"):
        assert read.get(name) == whole.get(name)
    for name in ("variables", "left_out", "notes"):
        assert read[name] == whole[name]  # type: ignore[literal-required] # keys of both
    assert (read["observations"], read["dropped"]) == (expected["n"], len(whole["dropped"]))
    assert (found["filled"], found["dropped"]) == (expected["filled"], expected["dropped"])
    assert found["names"] == expected["names"] == ["x", "y", "z"]
    for name in ("mean", "components", "explained_variance", "explained_variance_ratio"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("options", [[], ["--k", "2", "--scaling", "pareto", "--divisor", "n"]])
def test_a_folder_is_fitted_like_one_table(
    options: list[str], folder: Path, tmp_path: Path, cache: Path
) -> None:
    options = [*options, "--drop", "id"]
    whole = fit(write_whole(tmp_path / "whole.csv"), *options, output=tmp_path / "whole.json")
    in_folder = fit(folder, *options, output=tmp_path / "folder.json")
    assert_close(in_folder, whole)
    named = sorted(folder.iterdir(), reverse=True)
    again = fit(*named, "--workers", "3", *options, output=tmp_path / "named.json")
    assert again == in_folder
    assert [*cache.iterdir()] == []


def test_observations_with_missing_numbers_are_counted_in_the_answer(
    folder: Path, tmp_path: Path
) -> None:
    whole = write_whole(tmp_path / "whole.csv")
    for file in (whole, folder / "1.csv"):
        lines = file.read_text().splitlines()
        lines[-1] = "14,1,,2"
        file.write_text("\n".join(lines) + "\n")
    # Constant columns, and text: what becomes of them is said as of a whole table.
    for file in (whole, *folder.iterdir()):
        head, *rest = file.read_text().splitlines()
        file.write_text("\n".join([f"{head},c,kind", *(f"{line},1,a b" for line in rest)]) + "\n")
    options = ["--missing", "drop", "--drop", "id,kind", "--standardize"]
    expected = fit(whole, *options, output=tmp_path / "whole.json")
    found = fit(folder, *options, output=tmp_path / "folder.json")
    assert expected["dropped"] == found["dropped"] == found["read"]["dropped"] == 1
    assert (found["read"]["observations"], found["read"]["parts"]) == (59, 4)
    for name in ("variables", "left_out", "notes"):
        assert found["read"][name] == expected["read"][name]
    assert found["read"]["notes"] == ["Constant, but for rounding, and therefore not scaled: 'c'."]
    options = ["--missing", "drop", "--drop", "id"]
    (left_out,) = fit(folder, *options, output=tmp_path / "names.json")["read"]["left_out"][1:]
    assert left_out == {"column": 6, "name": "kind", "why": "it holds names"}


def test_columns_that_other_parts_play_are_no_variables(folder: Path, tmp_path: Path) -> None:
    named = fit(folder, "--names", "id", output=tmp_path / "named.json")
    assert named["names"] == ["x", "y", "z"]
    used = fit(folder, "--group", "id", "--use", "id,x", output=tmp_path / "used.json")
    assert used["names"] == ["id", "x"]


def test_one_small_file_is_read_whole_unless_options_say_parts(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "whole.csv")
    assert not in_parts.is_in_parts(parse(["fit", str(path)]))
    assert in_parts.is_in_parts(parse(["fit", str(path), "--workers", "1"]))
    assert in_parts.is_in_parts(parse(["fit", str(path), "--job", "here"]))
    assert in_parts.is_in_parts(parse(["fit", str(tmp_path)]))
    assert not in_parts.is_in_parts(parse(["scores", str(path)]))
    assert not in_parts.is_in_parts(parse(["fit"]))
    answer = fit(path, output=tmp_path / "whole.json")
    assert answer["read"]["format"] == "delimited text"


def test_a_large_file_is_read_in_parts_if_its_format_has_any(tmp_path: Path) -> None:
    for name, start, expected in (
        ("large.csv", b"x,y\n1,2\n", True),
        ("large.json", b'[{"x": 1}]', False),
        ("large.gz", b"\x1f\x8b\x08", False),
    ):
        path = tmp_path / name
        with path.open("wb") as file:
            file.write(start)
            file.truncate(arguments.LARGE + 1)
        assert in_parts.is_in_parts(parse(["fit", str(path)])) is expected
        assert not in_parts.is_in_parts(parse(["fit", str(path), "--whole"]))


@pytest.mark.parametrize(
    "rest",
    [["-", "--workers", "2"], ["a.csv", "b.csv", "--whole"], ["a.csv", "--whole", "--job=x"]],
)
def test_options_of_parts_that_contradict_the_input_are_refused(rest: list[str]) -> None:
    with pytest.raises(InvalidOption, match="a table in parts must be in files"):
        in_parts.is_in_parts(parse(["fit", *rest]))


def test_a_damaged_file_ends_the_fit_by_its_name_or_is_left_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (folder / "2.csv").read_text()
    (folder / "2.csv").write_text(whole + "1,2,3,oops\n")
    output = tmp_path / "model.json"
    assert cli.main(["fit", str(folder), "--drop", "id", "-o", str(output)]) == 2
    said = capsys.readouterr().err
    assert "2.csv" in said
    assert "'oops' at row 17" in said
    assert not output.exists()
    left_out = fit(folder, "--drop", "id", "--skip-failed", output=output)
    assert left_out["n"] == 45
    assert (left_out["read"]["parts"], left_out["read"]["parts_left_out"]) == (3, 1)
    (failed,) = left_out["read"]["first_left_out"]
    assert failed["part"].startswith("2.csv")
    assert "'oops' at row 17" in failed["reason"]
    assert "1 parts are left out, the first: 2.csv" in capsys.readouterr().err
    (folder / "2.csv").write_text(whole)
    assert fit(folder, "--drop", "id", output=output)["n"] == 60


def test_a_job_is_kept_where_the_caller_says_and_goes_on_there(
    folder: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    first = fit(folder, "--job", kept, output=tmp_path / "first.json")
    files = {file: file.stat().st_mtime_ns for file in (kept / "pieces").rglob("0-*")}
    assert len(files) >= 4
    assert fit(folder, "--job", kept, output=tmp_path / "second.json") == first
    assert files == {file: file.stat().st_mtime_ns for file in (kept / "pieces").rglob("0-*")}


def test_other_formats_of_the_answer_are_written_too(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "components.csv"
    assert cli.main(["fit", str(folder), "--drop", "id", "-o", str(output)]) == 0
    assert output.read_text().startswith("component,explained_variance,")


def without_metadata(svg: Path) -> bytes:
    return re.sub(rb"<metadata>.*?</metadata>", b"", svg.read_bytes())


@pytest.mark.parametrize("repeats", [1, 60])
def test_the_picture_of_a_folder_is_that_of_one_table(
    repeats: int, folder: Path, tmp_path: Path
) -> None:
    whole = write_whole(tmp_path / "whole.csv")
    head, *rows = whole.read_text().splitlines()
    noise = np.random.default_rng(6).normal(size=(repeats * len(rows), 3)).tolist()
    lines = [f"{at}," + ",".join(map(repr, row)) for at, row in enumerate(noise)]
    whole.write_text("\n".join([head, *lines]) + "\n")
    for number, file in enumerate(sorted(folder.iterdir())):
        part = lines[number * len(lines) // 4 : (number + 1) * len(lines) // 4]
        file.write_text("\n".join([head, *part]) + "\n")
    options = ["--drop", "id", "--standardize"]
    style = ["--title", "Noise", "--width", "800", "--label", "3"]
    plotted = tmp_path / "plotted.svg"
    assert cli.main(["plot", str(whole), *options, *style, "-o", str(plotted)]) == 0
    pictures = {without_metadata(plotted)}
    for name, table in (("parts", folder), ("whole", whole)):
        picture = tmp_path / f"{name}.svg"
        output = tmp_path / f"{name}.json"
        answer = fit(table, *options, "--picture", picture, *style, output=output)
        assert answer["n"] == len(lines)
        pictures.add(without_metadata(picture))
    assert len(pictures) == 1
    assert (b"cells all" in pictures.pop()) == (repeats > 1)


@pytest.mark.parametrize("in_parts_", [False, True])
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--picture", "x.png"], "pca fit writes its picture as SVG, got x.png"),
        (["--picture", "x.svg", "--k", "1"], "a picture needs a fit of at least 2 components"),
        (["--picture", "x.svg", "--k", "2", "--rotation", "varimax"], "which are not rotated"),
        (["--picture", "x.svg", "--kind", "scree"], "--kind: input should be 'scores' or 'biplot'"),
        (["--picture", "none/x.svg"], "none/x.svg cannot be written: No such file"),
    ],
)
def test_a_picture_that_cannot_be_had_is_refused(
    options: list[str],
    says: str,
    in_parts_: bool,  # noqa: FBT001 - a parameter
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    table = folder if in_parts_ else write_whole(tmp_path / "whole.csv")
    assert cli.main(["fit", str(table), *options, "-o", "model.json"]) == 2
    assert says in capsys.readouterr().err
    assert not Path("model.json").exists()


@pytest.mark.parametrize("option", ["--group", "--color", "--shape"])
def test_the_picture_of_parts_shows_no_column_by_its_marks(
    option: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = ["--picture", str(tmp_path / "x.svg")]
    assert cli.main(["fit", str(folder), option, "id", *picture]) == 2
    said = capsys.readouterr().err
    assert f"got {option} 'id' and a picture; say --drop id, or leave" in said


def test_options_of_a_picture_go_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["fit", "table.csv", "--title", "Noise"])
    assert "--title goes with --picture" in capsys.readouterr().err


def test_ctrl_c_ends_the_job_and_says_how_to_go_on(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "large.npy"
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 26, 4)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + (1 << 31))
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    os.set_blocking(terminal, False)
    command = [sys.executable, "-m", "meshlens.pca.cli", "fit", str(path), "--workers", "2"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=end)
    try:
        eventually(lambda: len([*cache.rglob("0-*")]) > 1, "two parts are done", within=60)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 128 + signal.SIGINT
    finally:
        running.kill()
        os.close(end)
    said = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    assert "moments" in said
    assert re.search(r"[1-9][\d,]* rows", said)
    assert f"the same command goes on with what is done, which is kept in {cache}" in said
    assert [*cache.rglob("trials/*/*")] == []


def test_files_of_the_web_are_fitted_like_those_of_a_folder(
    folder: Path, tmp_path: Path, cache: Path
) -> None:
    local = fit(folder, "--drop", "id", output=tmp_path / "local.json")
    files = {f"/table/{file.name}": file.read_bytes() for file in folder.iterdir()}
    with serving_ranges(files) as site:
        named = [site.address(path) for path in files]
        assert fit(*named, "--drop", "id", output=tmp_path / "remote.json") == local
        assert fit(named[0], "--drop", "id", output=tmp_path / "one.json")["n"] == 15
    assert [*cache.iterdir()] == []


def test_files_of_the_web_are_not_read_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fit", "https://host/a.csv", "--whole"]) == 2
    assert "a table in parts must be in files" in capsys.readouterr().err
    assert cli.main(["fit", "https://host/a.csv?sig=swordfish"]) == 2
    said = capsys.readouterr().err
    assert "a query or a fragment" in said
    assert "swordfish" not in said
