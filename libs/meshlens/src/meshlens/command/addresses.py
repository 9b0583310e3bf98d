"""What people need to know of a mesh that is up: its pages, a call, and how an app joins it."""

import os
import shlex
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from meshlens.command.mesh.run import MeshRun

_TIMEOUT = 5.0


def describe(run: MeshRun) -> str:
    """Return the addresses of the pages, then of the services, then how an app joins."""
    lines = ["", "The mesh is up; Ctrl-C stops it.", *_pages(run)]
    lines += ["", "Call it, through any sidecar:", *_calls(run)]
    lines += _listeners(run)
    lines += _jobs(run)
    lines += [
        "",
        "Let an app of yours join, from any folder (--app-port PORT if it listens itself):",
        f"  {join_line(run)}",
        "It calls pca and classify through its own sidecar, at $DAPR_HTTP_PORT or $DAPR_GRPC_PORT.",
        "The result of each call is an event on the topic results of pubsub, for your app, too.",
        f"State is scoped to {', '.join(run.scopes)}; --app yours (make run APPS=yours) adds it.",
        "",
        f"Sidecars: {', '.join(_sidecars(run))}",
    ]
    return "\n".join(lines)


def join_line(run: MeshRun) -> str:
    """Return the command that starts an app with a sidecar in this mesh, from any folder."""
    resources, dapr = run.resources, run.programs.dapr
    installed = shutil.which("dapr")
    found = installed is not None and Path(installed).resolve() == dapr.resolve()
    parts = [
        "dapr" if found else shlex.quote(str(dapr)),
        "run --app-id yours",
        f"--runtime-path {shlex.quote(str(resources.runtime))}",
        f"--config {shlex.quote(str(resources.config))}",
        f"--resources-path {shlex.quote(str(resources.components))}",
        f"--max-body-size {run.limit}",
        # Without these two the sidecar looks for both for ever, and logs each failure.
        "--placement-host-address= --scheduler-host-address=",
        "-- python app.py",
    ]
    return " ".join(parts)


def _pages(run: MeshRun) -> Iterator[str]:
    pca, classify = run.sidecars["pca"], run.sidecars["classify"]
    if os.environ.get("DAPR_API_TOKEN"):
        yield "  no pages: a browser does not send the dapr-api-token that the sidecars expect"
        return
    if _answers(pca.url("pca", "home")):
        yield f"  start     {pca.url('pca', 'home')}"
    yield f"  pca       {pca.url('pca', 'ui')}"
    yield f"  classify  {classify.url('classify', 'ui')}"


def _calls(run: MeshRun) -> Iterator[str]:
    pca, classify = run.sidecars["pca"], run.sidecars["classify"]
    token = '-H "dapr-api-token: $DAPR_API_TOKEN" ' if os.environ.get("DAPR_API_TOKEN") else ""
    points, picture = (_sample(name) for name in ("iris.csv", "coffee.jpg"))
    yield f"  curl {token}--data-binary @{points} {classify.url('pca', 'plot')} > iris.svg"
    yield (
        f"  curl {token}-H 'content-type: image/jpeg' --data-binary @{picture}"
        f" {pca.url('classify', 'classify')}"
    )


def _listeners(run: MeshRun) -> Iterator[str]:
    if run.listeners:
        yield ""
        yield "With exact bodies of errors, by other names or at the services' own ports:"
    for app, port in run.listeners.items():
        address = run.sidecars[app].url(f"{app}-rest", "").rstrip("/")
        yield f"  {app}-rest  {address}  http://127.0.0.1:{port}"


def _jobs(run: MeshRun) -> Iterator[str]:
    if run.jobs:
        address = f"http://127.0.0.1:{run.jobs.sidecar.http}"
        yield ""
        yield "Batch jobs, which survive what is killed (docs/jobs.md):"
        yield f"  meshlens jobs --sidecar {address} list"


def _sample(name: str) -> str:
    path = Path(str(files("meshlens.command") / "samples" / name))
    return shlex.quote(str(path.resolve()))


def _sidecars(run: MeshRun) -> Iterator[str]:
    for app, sidecar in run.sidecars.items():
        yield f"{app} http://127.0.0.1:{sidecar.http} (HTTP), 127.0.0.1:{sidecar.grpc} (gRPC)"


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT):  # noqa: S310 - our own sidecar
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return False
