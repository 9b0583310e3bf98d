"""A start of a service imports nothing that only some requests need."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# Of commands, and of a listener, an exporter and documents that most services are never asked for.
FOR_SOME = {
    "cairosvg",
    "httpx",
    "meshlens.daprkit.reference.document",
    "openpyxl",
    "opentelemetry.sdk",
    "pyarrow",
    "tqdm",
    "uvicorn",
}
FOR_SOME_OF = {
    "pca": FOR_SOME | {"numpy.ma", "numpy.random", "threadpoolctl"},
    "classify": FOR_SOME | {"cryptography", "pillow_heif", "tensorflow"},
}
# Of these modules nothing makes objects.
DESCRIBED = (
    "meshlens.classify.answers",
    "meshlens.protocols.inference.rest.schemas",
    "meshlens.protocols.tfserving.rest.schemas",
)


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return done.stdout.decode().split()


@pytest.mark.parametrize("service", ["pca", "classify"])
def test_a_start_imports_nothing_that_only_some_requests_need(service: str) -> None:
    loaded = set(run(f"import sys, meshlens.{service}.server; print(*sys.modules)"))
    assert f"meshlens.{service}.methods" in loaded
    assert not FOR_SOME_OF[service] & loaded


def test_a_picture_of_points_needs_no_more_of_numpy() -> None:
    program = (
        "import sys; from meshlens.pca import methods, options;"
        " methods.plot(b'1,2,3,4,5,6.5', 'text/csv', options.PlotOptions());"
        " print(*sys.modules)"
    )
    loaded = set(run(program))
    assert "svgwrite" in loaded
    assert not {"numpy.ma", "numpy.random"} & loaded


@pytest.mark.parametrize("module", DESCRIBED)
def test_a_start_builds_no_schema_of_what_only_the_reference_describes(module: str) -> None:
    program = (
        f"import meshlens.classify.server, {module} as module;"
        " print(*(it.__pydantic_complete__ for it in vars(module).values()"
        f" if getattr(it, '__module__', '') == '{module}' and isinstance(it, type)))"
    )
    assert set(run(program)) == {"False"}
