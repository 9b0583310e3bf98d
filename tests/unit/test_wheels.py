"""The wheels: what is in them, and that they work beside the distribution called pca."""

import email
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from documents import block

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = {
    "meshlens-daprkit": "libs/daprkit",
    "meshlens-pca": "services/pca",
    "meshlens-classify": "services/classify",
    "meshlens-jobs": "services/jobs",
    "meshlens": "libs/meshlens",
}
# Another project's distribution, whose import package is called pca too; it has no command.
OTHER = "pca==2.10.2"
POINTS = b"2,1,3,1.5,4,3,5,3.5,6,4\n"


def run(*command: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program outside the sources and of no other environment."""
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "APP_PORT"}}
    return subprocess.run(
        [str(part) for part in command],
        cwd="/",
        env=env,
        input=stdin,
        capture_output=True,
        check=False,
    )


def uv(*arguments: str | Path) -> bytes:
    """Run uv: the one that runs this, else an installed one."""
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        pytest.skip("uv is missing: run the tests by make")
    done = run(program, "--directory", ROOT, *arguments)
    if b"Failed to fetch" in done.stderr or b"error sending request" in done.stderr:
        pytest.skip(f"no package registry can be reached:\n{done.stderr.decode()}")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    built = {}
    uv("build", "--all-packages", "--out-dir", folder)
    for name in DISTRIBUTIONS:
        (built[name],) = folder.glob(f"{name.replace('-', '_')}-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with all the wheels and the other pca, of versions that are locked."""
    folder = tmp_path_factory.mktemp("environment")
    versions = folder / "versions.txt"
    export = ("export", "--frozen", "--all-packages", "--no-emit-workspace", "--no-hashes")
    versions.write_bytes(uv(*export))
    uv("venv", folder / "env")
    python = folder / "env/bin/python"
    install = ("pip", "install", "--python", python, "--constraint", versions)
    uv(*install, "--only-binary", ":all:", *with_services(wheels), OTHER)
    return folder / "env"


@pytest.fixture(scope="module")
def small(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the commands alone: no extra is installed."""
    folder = tmp_path_factory.mktemp("small")
    versions = folder / "versions.txt"
    export = ("export", "--frozen", "--all-packages", "--no-emit-workspace", "--no-hashes")
    versions.write_bytes(uv(*export))
    uv("venv", folder / "env")
    install = ("pip", "install", "--python", folder / "env/bin/python", "--constraint", versions)
    uv(*install, "--only-binary", ":all:", *wheels.values())
    return folder / "env"


def with_services(wheels: dict[str, Path]) -> list[str]:
    """The wheels as requirements, those of the services with what serving needs."""
    services = {"meshlens-pca", "meshlens-classify", "meshlens-jobs"}
    return [
        f"{name}{'[serve]' if name in services else ''} @ {path.as_uri()}"
        for name, path in wheels.items()
    ]


def tracked(folder: Path, pattern: Sequence[str] = ("*",)) -> set[str]:
    """The files below a folder that belong to the project."""
    listing = ("git", "-C", folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = run(*listing, "--", *pattern).stdout.decode().split("\0")
    return {name for name in names if name and (folder / name).is_file()}


@pytest.mark.parametrize(("name", "source"), DISTRIBUTIONS.items())
def test_a_wheel_holds_the_package_with_its_data_and_nothing_else(
    wheels: dict[str, Path], name: str, source: str
) -> None:
    with zipfile.ZipFile(wheels[name]) as wheel:
        files = {file for file in wheel.namelist() if not file.endswith("/")}
    described = {file for file in files if re.match(r"meshlens(_\w+)?-[\d.]+\.dist-info/", file)}
    assert files - described == tracked(ROOT / source / "src")
    assert "meshlens/__init__.py" not in files, "the namespace belongs to none of them"
    kept = {
        "meshlens-daprkit": "daprkit/pages/base.css",
        "meshlens-pca": "pca/web/page.html",
        "meshlens-classify": "classify/models/objects/1/objects.tflite",
        "meshlens-jobs": "jobs/server.py",
        "meshlens": "command/components/redis/pubsub.yaml",
    }
    assert f"meshlens/{kept[name]}" in files
    assert f"meshlens/{kept[name].split('/')[0]}/py.typed" in files


def test_the_mesh_of_the_wheel_is_that_of_the_repository(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["meshlens"]) as wheel:
        packed = {
            file.removeprefix("meshlens/command/"): wheel.read(file)
            for file in wheel.namelist()
            if file.endswith(".yaml")
        }
    originals = [
        path for folder in ("dapr", "components") for path in (ROOT / folder).rglob("*.yaml")
    ]
    assert packed == {str(path.relative_to(ROOT)): path.read_bytes() for path in originals}


def test_both_packages_called_pca_can_be_imported(environment: Path) -> None:
    program = "import pca, meshlens.pca; print(pca.__file__, pca.pca, meshlens.pca.__file__)"
    done = run(environment / "bin/python", "-c", program)
    assert done.returncode == 0, done.stderr.decode()
    assert b"site-packages/pca/__init__.py <class 'pca.pca.pca'>" in done.stdout
    assert b"site-packages/meshlens/pca/__init__.py" in done.stdout


@pytest.mark.parametrize("command", ["pca", "classify", "classify-models", "meshlens"])
def test_the_commands_are_ours(environment: Path, command: str) -> None:
    done = run(environment / "bin" / command, "--help")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(f"usage: {command} ".encode())


def test_the_one_command_has_those_of_the_services(environment: Path) -> None:
    meshlens = environment / "bin/meshlens"
    done = run(meshlens, "pca", stdin=POINTS)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"<svg ")
    assert run(meshlens, "models", "list").returncode == 0
    assert b"usage: meshlens classify " in run(meshlens, "classify", "--help").stdout
    assert run(meshlens, "up", "--help").returncode == 0


def test_the_one_command_alone_says_what_it_needs(wheels: dict[str, Path], tmp_path: Path) -> None:
    uv("venv", tmp_path / "env")
    uv("pip", "install", "--python", tmp_path / "env/bin/python", wheels["meshlens"])
    meshlens = tmp_path / "env/bin/meshlens"
    assert run(meshlens, "--version").stdout == b"meshlens 0.1.0\n"
    for command, needs in (("pca", b"meshlens-pca"), ("up", b"meshlens-pca and meshlens-classify")):
        done = run(meshlens, command)
        assert done.returncode == 2
        assert done.stderr.startswith(b"meshlens: %s needs %s, " % (command.encode(), needs))
        assert done.stderr.count(b"\n") == 1


def test_points_become_a_picture(environment: Path) -> None:
    done = run(environment / "bin/python", "-m", "meshlens.pca", stdin=POINTS)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"<svg ")


def test_a_picture_gets_a_label(environment: Path) -> None:
    coffee = ROOT / "services/classify/samples/coffee.jpg"
    done = run(environment / "bin/classify", "--json", coffee)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["labels"][0]["label"] == "espresso"


def test_the_services_are_wired(environment: Path) -> None:
    program = "import meshlens.pca.server, meshlens.classify.server, meshlens.jobs.server"
    done = run(environment / "bin/python", "-c", program)
    assert done.returncode == 0, done.stderr.decode()


def test_twine_finds_no_fault_in_any_distribution(wheels: dict[str, Path]) -> None:
    (folder,) = {wheel.parent for wheel in wheels.values()}
    files = [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]
    assert len(files) == 2 * len(DISTRIBUTIONS)
    done = run(sys.executable, "-m", "twine", "check", "--strict", *files)
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_wheel_says_whose_and_what_it_is(wheels: dict[str, Path], name: str) -> None:
    with zipfile.ZipFile(wheels[name]) as wheel:
        (path,) = (each for each in wheel.namelist() if each.endswith(".dist-info/METADATA"))
        text = wheel.read(path)
        metadata = email.message_from_bytes(text)
        licenses = {
            file: wheel.read(f"{path.rpartition('/')[0]}/licenses/{file}")
            for file in metadata.get_all("License-File", [])
        }
    assert metadata["License-Expression"] == "Apache-2.0"
    assert licenses["LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert any(b"WordNet" in each for each in licenses.values()) == (name == "meshlens-classify")
    assert metadata["Author"]
    assert metadata["Keywords"]
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    readme = ROOT / DISTRIBUTIONS[name] / "README.md"
    assert text.partition(b"\n\n")[2].decode().strip() == readme.read_text().strip()


def test_the_commands_need_nothing_of_the_mesh(small: Path) -> None:
    listed = json.loads(uv("pip", "list", "--format=json", "--python", small / "bin/python"))
    names = {each["name"] for each in listed}
    assert {*DISTRIBUTIONS} <= names
    assert not {
        name for name in names if re.match("grpcio|dapr|opentelemetry|aiohttp|structlog", name)
    }
    assert run(small / "bin/pca", stdin=POINTS).stdout.startswith(b"<svg ")
    seven = ROOT / "services/classify/samples/digit-7.png"
    done = run(small / "bin/classify", "--model", "digits", seven)
    assert done.stdout == b"It is very likely a 7.\n", done.stderr.decode()
    assert run(small / "bin/classify-models", "list").returncode == 0


@pytest.mark.parametrize("service", ["pca", "classify", "jobs"])
def test_serving_without_its_extra_says_which_in_a_line(small: Path, service: str) -> None:
    done = run("env", "APP_PORT=0", small / "bin/python", "-m", f"meshlens.{service}")
    assert done.returncode == 2
    assert done.stderr.startswith(f"serving needs meshlens-{service}[serve], ".encode())
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("document", "commands"),
    [
        ("README.md", {"pca", "classify", "classify-models", "meshlens"}),
        ("services/pca/README.md", {"pca"}),
        ("services/classify/README.md", {"classify", "classify-models"}),
    ],
)
def test_the_install_lines_of_each_document_work(
    document: str, commands: set[str], tmp_path: Path
) -> None:
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        pytest.skip("uv is missing: run the tests by make")
    venv.create(tmp_path / "env", with_pip=True)
    folders = (tmp_path / "env/bin", Path(program).parent, "/usr/bin", "/bin")
    tools = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    done = subprocess.run(
        ["/bin/bash", "-euc", block(document, "uv tool install")],
        cwd=ROOT,
        env={**os.environ, **tools, "PATH": os.pathsep.join(map(str, folders))},
        capture_output=True,
        text=True,
        check=False,
    )
    if "error sending request" in done.stderr or "Failed to fetch" in done.stderr:
        pytest.skip(f"no package registry can be reached:\n{done.stderr}")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "bin").iterdir()} == commands
    for command in commands:
        assert run(tmp_path / "bin" / command, "--help").returncode == 0
