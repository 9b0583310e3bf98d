"""`meshlens demo`: start the mesh, send it points and a photo, show what comes back, stop it.

Each request goes to the other service's sidecar, so that it crosses two; a subscriber shows the
event that the service published.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.programs import find_programs
from meshlens.command.mesh.run import MeshRun
from meshlens.command.mesh.sidecars import Sidecar
from meshlens.command.subscriber import Event, Subscriber

_CALL_SECONDS = 30.0


class RunnableMesh(Protocol):
    """Both services, each with its sidecar, however they are started."""

    @property
    def sidecars(self) -> Mapping[str, Sidecar]:
        """Where each sidecar listens, by its app."""

    def start(self) -> None:
        """Start them and return when every service answers through every sidecar."""

    def close(self) -> None:
        """End them all."""


class DemoError(Exception):
    """A step did not do what it should; the message says which and how."""


class Steps:
    """Says what is going on, and how long each step took."""

    @contextmanager
    def __call__(self, doing: str) -> Iterator[list[str]]:
        """Print what a step does, and what it puts into the list when it is done."""
        began = time.monotonic()
        print(f"  {doing} ... ", end="", flush=True)
        results: list[str] = []
        try:
            yield results
        except BaseException:
            print("failed")
            raise
        print(f"{results[0] if results else 'done'} ({time.monotonic() - began:.1f} s)", flush=True)
        for result in results[1:]:
            print(f"      {result}", flush=True)


def main(arguments: Sequence[str], *, prog: str) -> int:
    """Run the demonstration by the Dapr CLI; return what `demonstrate` does."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Start the mesh, send it points and a photo, show the answers, stop it.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("iris.svg"),
        help="file for the plot (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        programs = find_programs()
    except MeshError as error:
        print(error, file=sys.stderr)
        return 1

    with ExitStack() as opened:

        def make_mesh(folder: Path) -> RunnableMesh:
            log = opened.enter_context((folder / "dapr.log").open("wb"))
            return MeshRun(folder, programs, base=None, output=log)

        return demonstrate(make_mesh, options.output)


def demonstrate(make_mesh: Callable[[Path], RunnableMesh], plot: Path) -> int:
    """Show what the mesh does; return 0 when every step did what it should.

    Args:
        make_mesh: makes a mesh, not started, that keeps its files in a folder.
        plot: the file to write.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped as cleanly as by Ctrl-C
    began = time.monotonic()
    step = Steps()
    try:
        with tempfile.TemporaryDirectory(prefix="meshlens-demo-") as folder:
            mesh = make_mesh(Path(folder))
            with step("starting pca and classify, each with its sidecar"):
                mesh.start()
            try:
                _present(step, mesh.sidecars, plot)
            finally:
                # From here on a second Ctrl-C would leave processes behind.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                with step("stopping the mesh"):
                    mesh.close()
    except (DemoError, MeshError, TimeoutError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    print(f"\nAll of it took {time.monotonic() - began:.0f} s. Look at {plot}.")
    return 0


def _present(step: Steps, sidecars: Mapping[str, Sidecar], plot: Path) -> None:
    """Send points and a photo through a running mesh, and show answers and events."""
    pca, classify = sidecars["pca"], sidecars["classify"]
    api_token = os.environ.get("DAPR_API_TOKEN", "")
    with Subscriber(pca.grpc, api_token=api_token) as results:
        points = _sample("iris.csv")
        with step("iris.csv, through the sidecar of classify, to pca") as result:
            headers = {"content-type": "text/csv", "dapr-api-token": api_token}
            svg = _post(classify.url("pca", "plot"), points, headers)
            plot.parent.mkdir(exist_ok=True)
            plot.write_bytes(svg)
            size = f"{points.count(b',') // 2 + 1} points, {len(svg) / 1000:.0f} kB"
            result.append(f"{plot}, {size}")
            result.append(f"event: {_describe(results.next())}")

        with step("coffee.jpg, through the sidecar of pca, to classify") as result:
            headers = {
                "content-type": "image/jpeg",
                "accept": "application/json",
                "dapr-api-token": api_token,
            }
            url = pca.url("classify", "classify")
            answer = json.loads(_post(url, _sample("coffee.jpg"), headers))
            result.append(answer["verdict"]["sentence"])
            result.append(f"event: {_describe(results.next())}")


def _sample(name: str) -> bytes:
    return files("meshlens.command").joinpath("samples", name).read_bytes()


def _post(url: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the answer of a POST.

    Raises:
        DemoError: the answer is an error.
    """
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the sidecar's own address
    try:
        with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as answer:  # noqa: S310 - as above
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        raise DemoError(f"{url} answered {error.code}: {error.read().decode()}") from error
    except OSError as error:
        raise DemoError(f"{url} cannot be reached: {error}") from error


def _describe(event: Event) -> str:
    """Return an event on one line."""
    facts = event.data
    size, digest = facts["input"]["size"], facts["input"]["sha256"][:12]
    return (
        f"{facts['service']}/{facts['method']} {facts['outcome']} in"
        f" {facts['elapsed_seconds'] * 1000:.0f} ms, input of {size} bytes, sha256 {digest}..."
    )
