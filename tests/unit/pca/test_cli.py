"""The command in a shell: points in, picture or numbers out."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from meshlens.daprkit.application.lanes import Lane
from meshlens.pca.arguments import METHODS
from meshlens.pca.service import Service

pytestmark = pytest.mark.slow

POINTS = b"2,1,3,1.5,4,3,5,3.5,6,4\n"
NAMED = b"who,x,y\nann,1,2\nbob,3,5\ncy,4,4\n"


def run(*arguments: str, points: bytes = POINTS) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "meshlens.pca.cli", *arguments],
        input=points,
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_points_become_a_picture() -> None:
    done = run("--title", "Leaves", "--width", "500")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"<svg ")
    assert b"<title>Leaves</title>" in done.stdout
    assert b'viewBox="0 0 500 480"' in done.stdout


def test_points_become_numbers() -> None:
    done = run("--json", "--k", "1", "--standardize")
    assert done.returncode == 0
    model = json.loads(done.stdout)
    assert len(model["id"]) == 64
    assert (model["n"], model["p"], len(model["components"])) == (5, 2, 1)


def test_json_is_read_when_the_caller_says_so() -> None:
    done = run("--json", "--content-type", "application/json", points=b"[[1,2,3],[3,4,7],[0,1,1]]")
    assert json.loads(done.stdout)["p"] == 3


def test_a_file_is_read_as_its_name_says(tmp_path: Path) -> None:
    table = tmp_path / "points.json"
    table.write_text("[[1,2,3],[3,4,7],[0,1,1]]")
    assert json.loads(run("--json", str(table), points=b"").stdout)["p"] == 3
    np.save(tmp_path / "points.npy", np.eye(4))
    assert json.loads(run("--json", str(tmp_path / "points.npy"), points=b"").stdout)["p"] == 4
    missing = run(str(tmp_path / "none.csv"))
    assert (missing.returncode, missing.stdout) == (2, b"")
    assert b"none.csv cannot be read: No such file" in missing.stderr


def test_every_method_of_the_service_is_one_of_the_command(service: Service) -> None:
    work = {route.path for route in service.routes() if route.lane is Lane.WORK}
    offered = {path for path in work if not path.startswith("v2/")}
    assert offered <= {*METHODS}
    top = run("--help").stdout.decode()
    for method in METHODS:
        assert f"pca {method} " in top
        assert METHODS[method].help in run(method, "--help").stdout.decode()


def test_choices_and_the_version_are_shown() -> None:
    shown = " ".join(run("plot", "--help").stdout.decode().split())
    assert "--ellipse {none,normal,t,confidence}" in shown
    assert "--missing {refuse,drop,mean,iterative}" in shown
    assert "--header {true,false}" in shown
    assert run("--version").stdout.decode().strip() == version("meshlens-pca")


def test_scores_come_as_a_table_or_as_json() -> None:
    rows = run("scores", "--k", "1", points=NAMED).stdout.decode().splitlines()
    assert rows[0] == "name,PC1"
    assert [row.split(",")[0] for row in rows[1:]] == ["ann", "bob", "cy"]
    answer = json.loads(run("scores", "--json", points=NAMED).stdout)
    assert (answer["labels"], len(answer["scores"])) == (["ann", "bob", "cy"], 3)


def test_loadings_come_as_a_table_of_the_variables() -> None:
    rows = run("loadings", points=NAMED).stdout.decode().splitlines()
    assert rows[0] == "variable,PC1,PC2"
    model = json.loads(run("fit", points=NAMED).stdout)
    numbers = [[float(cell) for cell in row.split(",")[1:]] for row in rows[1:]]
    np.testing.assert_array_equal(np.transpose(numbers), model["loadings"])
    assert [row.split(",")[0] for row in rows[1:]] == model["names"]


def test_a_model_in_a_file_transforms_new_observations_and_back(tmp_path: Path) -> None:
    model, scores = tmp_path / "model.json", tmp_path / "scores.csv"
    assert run("fit", "-o", str(model), points=NAMED).returncode == 0
    done = run("transform", "--fit", str(model), "-o", str(scores), points=b"y,x\n2,1\n5,4\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    points = run("inverse", "--fit", str(model), "--json", str(scores)).stdout
    np.testing.assert_allclose(json.loads(points)["points"], [[1, 2], [4, 5]], atol=1e-12)
    drawn = run("plot", "--fit", str(model), points=b"1,2\n4,5\n")
    assert b"2 new observations" in drawn.stdout


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("transform",), ["--fit", "required"]),
        (("transform", "--fit", "{model}", "--k", "1"), ["k as well"]),
        (("inverse", "--fit", "{points}"), ["--fit must be a model", "pca fit"]),
        (("scores", "-o", "scores.svg"), ["scores.svg", ".csv, .json, .npy"]),
        (("plot", "-o", "plot.csv"), ["plot.csv", ".svg"]),
        (("fit", "--use", "x,z"), ["--use 'z'", "'x', 'y', 'who'"]),
    ],
)
def test_what_a_method_cannot_do_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], names: list[str]
) -> None:
    files = {"model": tmp_path / "model.json", "points": tmp_path / "points.csv"}
    run("fit", "-o", str(files["model"]), points=NAMED)
    files["points"].write_bytes(NAMED)
    done = run(*(argument.format(**files) for argument in arguments), points=NAMED)
    assert (done.returncode, done.stdout) == (2, b"")
    for name in names:
        assert name in done.stderr.decode()


def test_a_remedy_names_options_as_the_command_has_them() -> None:
    said = run(points=b"x,y\n1,2\n3,\n4,1\n").stderr.decode()
    assert "--missing drop" in said
    assert "missing=" not in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--scaling", "much"], "pca: --scaling: input should be 'none', "),
        (["--k", "9"], "pca: --k goes with --kind scree, got --k 9 with --kind scores; "),
    ],
)
def test_a_wrong_option_is_named_alone_and_as_it_was_typed(arguments: list[str], says: str) -> None:
    said = run(*arguments).stderr.decode()
    assert said.startswith(says)
    assert "divisor" not in said, "the other options do not help"


def test_an_incomplete_line_is_no_matter_of_curl() -> None:
    said = run(points=b"1,2,3\n").stderr.decode()
    assert "write one row a line" in said
    assert "curl" not in said


def test_a_file_may_have_the_name_of_a_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit").write_bytes(POINTS)
    assert run("./fit", points=b"").stdout.startswith(b"<svg ")


def test_the_module_is_the_command_unless_a_port_is_named() -> None:
    command = [sys.executable, "-m", "meshlens.pca", "--title", "Leaves"]
    env = {name: value for name, value in os.environ.items() if name != "APP_PORT"}
    done = subprocess.run(command, input=POINTS, capture_output=True, check=True, env=env)
    assert b"<title>Leaves</title>" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "points", "names"),
    [
        ((), b"1,2,three,4", [b"'three'", b"value 3"]),
        ((), b"", [b"empty"]),
        ((), b"1,2", [b"at least 2 observations"]),
        (("--k", "1"), POINTS, [b"--k 1", b"--kind scree"]),
        (("--json", "--k", "9"), POINTS, [b"between 1 and 2"]),
        (("--width", "wide"), POINTS, [b"width", b"'wide'"]),
        (("--colour", "red"), POINTS, [b"--colour"]),
    ],
)
def test_bad_input_ends_with_2_and_says_why(
    arguments: tuple[str, ...], points: bytes, names: list[bytes]
) -> None:
    done = run(*arguments, points=points)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr
    for name in names:
        assert name in done.stderr


def test_a_reader_that_leaves_is_no_crash() -> None:
    points = b"\n".join(b"%d,%d" % (i, i * i) for i in range(5000))
    with subprocess.Popen(
        [sys.executable, "-m", "meshlens.pca.cli"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(points)
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1


def test_the_command_needs_nothing_of_the_mesh() -> None:
    code = (
        "import sys, meshlens.pca.cli;"
        "print([m for m in ('meshlens.daprkit', 'dapr', 'grpc') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_arrow_is_not_imported_for_small_tables() -> None:
    code = (
        "import sys, meshlens.pca.cli; from meshlens.pca.tables.table import decode_table;"
        " decode_table(b'x,y,k\\n1,2,a\\n3,4,b'); decode_table(b'[[1,2]]', 'application/json');"
        " print([m for m in ('pyarrow', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
