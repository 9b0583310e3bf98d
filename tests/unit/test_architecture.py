"""What `make imports` refuses: each breach is planted alone in a copy of the sources."""

import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "libs/daprkit/src",
    "libs/meshlens/src",
    "services/pca/src",
    "services/classify/src",
    "services/jobs/src",
)
CONTRACTS = (".importlinter", "tools/import_contracts.py")
# What imports, what it may not import, and the contract that says so.
BREACHES = [
    # The mesh stays outside the domain and the commands.
    ("pca.numbers.diagnostics", "meshlens.daprkit.sidecar.blobs", "outside"),
    ("pca.answers.encoding", "meshlens.daprkit.sidecar.blobs", "outside"),
    ("classify.cli", "meshlens.daprkit.sidecar.blobs", "outside"),
    ("classify.storage.catalogue.download", "meshlens.daprkit.sidecar.blobs", "outside"),
    # Third parties have their places.
    ("pca.numbers.decomposition", "pyarrow", "outside"),
    ("pca.numbers.decomposition", "pydantic", "outside"),
    ("pca.numbers.solvers", "scipy", "outside"),
    ("pca.tables.delimited.text", "svgwrite", "outside"),
    ("classify.tasks.images.encoding", "tensorflow", "outside"),
    ("classify.tasks.detection.detector", "tensorflow", "outside"),
    ("classify.formats.tflite", "ai_edge_litert", "outside"),
    # Inside a service imports go down.
    ("pca.numbers.decomposition", "meshlens.pca.drawing.svg.marks", "floors"),
    ("pca.numbers.decomposition", "meshlens.pca.drawing.kinds", "floors"),
    ("pca.numbers.moments", "meshlens.pca.drawing.layout.legend", "floors"),
    ("pca.tables.columns", "meshlens.pca.drawing.layout.figure", "floors"),
    ("pca.drawing.layout.ticks", "meshlens.pca.tables.table", "layout"),
    ("pca.drawing.svg.marks", "meshlens.pca.drawing.layout.figure", "floors"),
    ("classify.tasks.images.pixels", "meshlens.classify.serving.repository", "floors"),
    ("classify.formats.tflite", "meshlens.classify.service", "floors"),
    ("classify.formats.labels", "meshlens.classify.formats.tflite_metadata", "floors"),
    ("classify.formats.card", "meshlens.classify.formats.tflite", "floors"),
    # No package reaches back into one that needs it.
    ("classify.storage.source", "meshlens.classify.storage.folder", "circles"),
    # daprkit knows no service.
    ("daprkit.signals", "meshlens.daprkit.server", "floors"),
    ("daprkit.application.routing", "meshlens.daprkit.server", "floors"),
    ("daprkit.server", "meshlens.pca.service", "floors"),
    # The command finds the services without knowing them, and its help imports nothing.
    ("command.commands", "meshlens.pca.cli", "outside"),
    ("command.dispatch", "yaml", "outside"),
    # Services know daprkit, not each other.
    ("pca.service", "meshlens.classify.service", "floors"),
    ("classify.service", "meshlens.jobs.service", "floors"),
    ("jobs.archive", "meshlens.jobs.control", "floors"),
    ("jobs.control", "meshlens.classify.batch.job", "outside"),
]


class Copy:
    """The sources and the contracts, where a test may spoil them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for source in SOURCES:
            python = shutil.ignore_patterns("*.pyc", "*.js", "*.css", "*.html", "samples")
            shutil.copytree(ROOT / source, folder / source, ignore=python)
        for file in CONTRACTS:
            (folder / file).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / file, folder / file)

    def file(self, module: str) -> Path:
        """The file of a module; it need not be there."""
        name = module.split(".", maxsplit=1)[0].replace("command", "meshlens")
        (source,) = (each for each in SOURCES if f"/{name}/" in each)
        path = self.folder / source / "meshlens" / module.replace(".", "/")
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def lint(self) -> subprocess.CompletedProcess[str]:
        """Run what `make imports` runs, where the packages are the copy's alone."""
        paths = [str(self.folder / source) for source in SOURCES]
        paths.append(sysconfig.get_path("purelib"))  # without what its .pth files add
        program = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
        return subprocess.run(
            [sys.executable, "-S", "-c", program],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


def name_of(contract: str) -> str:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    return contracts[f"importlinter:contract:{contract}"]["name"]


def test_the_sources_as_they_are_keep_every_contract(copy: Copy) -> None:
    done = copy.lint()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("importer", "imported", "contract"), BREACHES)
def test_an_import_of_what_a_module_may_not_know_is_refused(
    copy: Copy, importer: str, imported: str, contract: str
) -> None:
    file = copy.file(importer)
    source = file.read_text()
    try:
        file.write_text(f"{source}\nimport {imported}\n")
        done = copy.lint()
    finally:
        file.write_text(source)
    assert done.returncode != 0
    assert f"{name_of(contract)} BROKEN" in done.stdout
    assert f".{importer.rpartition('.')[2]}" in done.stdout


@pytest.mark.parametrize("module", ["pca.cache", "pca.drawing.hull", "classify.formats.onnx"])
def test_a_new_module_needs_a_place(copy: Copy, module: str) -> None:
    file = copy.file(module)
    try:
        file.write_text('"""A module that is on no list."""\n')
        done = copy.lint()
    finally:
        file.unlink()
    assert done.returncode != 0
    assert "The following modules are not listed as layers" in done.stdout
    assert f"- meshlens.{module}" in done.stdout


def test_a_permission_that_nobody_uses_is_to_be_removed(copy: Copy) -> None:
    file = copy.folder / ".importlinter"
    contracts = file.read_text()
    try:
        file.write_text(f"{contracts}    meshlens.pca.numbers: scipy\n")
        done = copy.lint()
    finally:
        file.write_text(contracts)
    assert done.returncode != 0
    assert "meshlens.pca.numbers does not import scipy: remove the permission" in done.stdout
