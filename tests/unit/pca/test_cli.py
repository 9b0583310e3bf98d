"""The command in a shell: points in, picture or numbers out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from meshlens.daprkit.application.lanes import Lane
from meshlens.pca.service import Service

pytestmark = pytest.mark.slow

POINTS = b"2,1,3,1.5,4,3,5,3.5,6,4\n"


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


def test_a_method_for_a_file_is_answered_by_where_to_read_on(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    methods = [route.path for route in service.routes() if route.lane is Lane.WORK]
    assert "plot" in methods
    for method in methods:
        done = run(method, points=b"")
        assert (done.returncode, done.stdout) == (2, b"")
        assert f"got {method}, a method of the service; name a file" in done.stderr.decode()
        assert b"pca --help" in done.stderr
    (tmp_path / "plot").write_bytes(POINTS)
    assert run("plot", points=b"").stdout.startswith(b"<svg ")


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
        (("--k", "1"), POINTS, [b"k=1", b"kind=scree"]),
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
