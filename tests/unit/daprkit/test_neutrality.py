"""daprkit serves any project: nothing in it names this one."""

import re
from pathlib import Path

import pytest

from meshlens.daprkit import messages

FOLDER = Path(messages.__file__).parent
FILES = sorted(path for path in FOLDER.rglob("*") if path.suffix in {".py", ".js", ".css", ".html"})
# Packages of the same library.
IMPORTED = re.compile(r"\bmeshlens\.(daprkit|faults|timing)\b")
PROJECT = re.compile(r"meshlens|\bpca\b|classify", re.IGNORECASE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_daprkit_names_neither_the_project_nor_its_services(path: Path) -> None:
    assert PROJECT.findall(IMPORTED.sub("", path.read_text())) == []
