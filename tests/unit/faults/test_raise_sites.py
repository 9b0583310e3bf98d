"""Every place that raises a fault says all of it as data."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import meshlens.classify.errors
import meshlens.classify.model_files.errors
import meshlens.daprkit.errors
import meshlens.jobs.errors
import meshlens.pca.errors
import meshlens.remote.errors
from meshlens.faults import Fault

ROOT = Path(__file__).resolve().parents[3]
# What nobody reads: the caller is gone.
ALONE = {"CallerGone"}
OF_OPTIONS = {"InvalidOption"}


def subclasses(kind: type[Fault]) -> Iterator[type[Fault]]:
    yield kind
    for subclass in kind.__subclasses__():
        yield from subclasses(subclass)


# Those that take their facts instead say the parts in errors.py.
PLAIN = {kind.__name__ for kind in subclasses(Fault) if "__init__" not in vars(kind)} - ALONE


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    """The places that make a fault, by its class."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in PLAIN:
                yield name, node


def says_again(call: ast.Call) -> bool:
    """Whether the text is that of another fault, which has said all."""
    return bool(call.args) and not isinstance(call.args[0], ast.Constant | ast.JoinedStr)


def incomplete(folder: Path, parts: Sequence[str]) -> Sequence[str]:
    return [
        f"{file.relative_to(ROOT)}:{call.lineno} {name} says no {part}"
        for file in sorted(folder.rglob("*.py"))
        for name, call in calls(file)
        for part in (*parts, *(["option"] if name in OF_OPTIONS else []))
        if part not in {keyword.arg for keyword in call.keywords} and not says_again(call)
    ]


CLASSIFY = "services/classify/src/meshlens/classify"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "parts"),
    [
        ("services/pca/src", ["got", "remedy"]),
        ("libs/daprkit/src", ["got", "remedy"]),
        ("services/jobs/src", ["got", "remedy"]),
        (f"{CLASSIFY}/requests", ["got", "remedy"]),
        (f"{CLASSIFY}/model_files", ["got", "remedy"]),
        # What libraries say of a damaged file is all that can be said of it.
        (f"{CLASSIFY}/formats", ["remedy"]),
        (f"{CLASSIFY}/tasks", ["remedy"]),
        (f"{CLASSIFY}/serving", ["remedy"]),
        (f"{CLASSIFY}/storage", ["remedy"]),
        (f"{CLASSIFY}/engines", ["remedy"]),
    ],
)
def test_a_fault_is_raised_with_all_its_parts(package: str, parts: Sequence[str]) -> None:
    assert incomplete(ROOT / package, parts) == []


def test_the_faults_of_all_packages_are_looked_at() -> None:
    modules = (
        meshlens.pca.errors,
        meshlens.daprkit.errors,
        meshlens.classify.errors,
        meshlens.classify.model_files.errors,
        meshlens.jobs.errors,
        meshlens.remote.errors,
    )
    own = {
        name
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Fault) and "__init__" not in vars(kind)
    }
    assert own - {"Fault"} - ALONE <= PLAIN
