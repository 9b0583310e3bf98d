"""The cluster shared by all tests in this folder, its logs on failure, and the timings."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.images import Images
from cluster.lifetime import CACHE, WORK, Figures, alone, running_cluster
from cluster.node import Node
from cluster.programs import need_cluster, objection, programs
from cluster.project import PROD, Project

_HERE = Path(__file__).parent
_FIGURES = pytest.StashKey[Figures]()
# A rollout under load takes minutes; starting the cluster has its own limits.
_SECONDS = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(_SECONDS, func_only=True))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build missing programs before capture starts, so that their progress is visible."""
    here = any(_HERE in item.path.parents for item in session.items)
    if here and not session.config.option.collectonly and not objection():
        programs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Append the state of the cluster to the report of a failed test."""
    report: pytest.TestReport = yield  # type: ignore[assignment] # a wrapper receives the report
    if report.failed and isinstance(item, pytest.Function):
        running = item.funcargs.get("node")
        if isinstance(running, Node):
            report.sections.extend(running.report().items())
    return report  # type: ignore[return-value] # a wrapper hands the report on


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    figures = config.stash.get(_FIGURES, None)
    if figures is None:
        return
    terminalreporter.section("the cluster")
    for line in figures.lines:
        terminalreporter.line(line)
    terminalreporter.line("No CNI plugin here enforces NetworkPolicies: they are only applied.")
    terminalreporter.line(f"All logs: {WORK / 'log'}")


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    return pytestconfig.stash.setdefault(_FIGURES, Figures())


@pytest.fixture(scope="session")
def images(figures: Figures) -> Iterator[Images]:
    need_cluster()
    with alone():
        images = Images(CACHE)
        yield images
    for name, size in images.sizes.items():
        figures.add(f"{size / 1e6:6.0f} MB {name}")


@pytest.fixture(scope="session")
def project(node: Node, images: Images) -> Project:
    """The project, of which nothing is deployed yet."""
    return Project(node, images)


@pytest.fixture(scope="session")
def prod(project: Project, figures: Figures) -> Project:
    """The project deployed by prod, with a Redis, a volume of models, and pods that call it."""
    project.offer_volume()
    project.start_redis()
    project.apply(PROD)
    project.start_callers()
    figures.lap("the project Ready")
    return project


@pytest.fixture(scope="session")
def node(images: Images, figures: Figures) -> Iterator[Node]:
    """A Ready node with Dapr's control plane and no project in it."""
    with running_cluster(images, figures) as running:
        yield running
