"""`make demo`: start the mesh, send it points and a photo, show what comes back, stop it.

Each request goes to the other service's sidecar, so that it crosses two; a subscriber shows the
event that the service published.
"""

import json
import os
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dapr_run import ROOT
from mesh import Mesh, Profile
from subscriber import Event, Subscriber

from meshlens.command.mesh.errors import MeshError

POINTS = ROOT / "examples" / "points" / "iris.csv"
PICTURE = ROOT / "services" / "classify" / "samples" / "coffee.jpg"
PLOT = ROOT / "out" / "iris.svg"

_CALL_SECONDS = 30.0


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


def post(url: str, body: bytes, headers: dict[str, str]) -> bytes:
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


def describe(event: Event) -> str:
    """Return an event on one line."""
    facts = event.data
    size, digest = facts["input"]["size"], facts["input"]["sha256"][:12]
    return (
        f"{facts['service']}/{facts['method']} {facts['outcome']} in"
        f" {facts['elapsed_seconds'] * 1000:.0f} ms, input of {size} bytes, sha256 {digest}..."
    )


def present(step: Steps, mesh: Mesh) -> None:
    """Send points and a photo through the running mesh, and show answers and events."""
    pca, classify = mesh.sidecars["pca"], mesh.sidecars["classify"]
    api_token = os.environ.get("DAPR_API_TOKEN", "")
    with ExitStack() as subscriptions:
        with step("subscribing to the results"):
            results = subscriptions.enter_context(Subscriber(pca.grpc, api_token=api_token))

        points = POINTS.read_bytes()
        with step(f"{POINTS.name}, through the sidecar of classify, to pca") as result:
            headers = {"content-type": "text/csv", "dapr-api-token": api_token}
            svg = post(classify.url("pca", "plot"), points, headers)
            PLOT.parent.mkdir(exist_ok=True)
            PLOT.write_bytes(svg)
            size = f"{points.count(b',') // 2 + 1} points, {len(svg) / 1000:.0f} kB"
            result.append(f"{PLOT.relative_to(ROOT)}, {size}")
            result.append(f"event: {describe(results.next())}")

        with step(f"{PICTURE.name}, through the sidecar of pca, to classify") as result:
            headers = {
                "content-type": "image/jpeg",
                "accept": "application/json",
                "dapr-api-token": api_token,
            }
            url = pca.url("classify", "classify")
            answer = json.loads(post(url, PICTURE.read_bytes(), headers))
            result.append(answer["verdict"]["sentence"])
            result.append(f"event: {describe(results.next())}")


def main() -> int:
    """Run the demonstration; return 0 when every step did what it should."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped as cleanly as by Ctrl-C
    began = time.monotonic()
    step = Steps()
    try:
        with tempfile.TemporaryDirectory(prefix="meshlens-demo-") as folder:
            mesh = Mesh(
                Profile.EMBEDDED,
                Path(folder),
                models=Path(models) if (models := os.environ.get("MODELS")) else None,
                api_token=os.environ.get("DAPR_API_TOKEN", ""),
                app_token=os.environ.get("APP_API_TOKEN", ""),
            )
            with step("starting pca and classify, each with its sidecar"):
                mesh.start()
            try:
                present(step, mesh)
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
    print(f"\nAll of it took {time.monotonic() - began:.0f} s. Look at {PLOT.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
