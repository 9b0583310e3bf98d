"""What sidecars load, written with absolute paths, so that they find each other from any folder.

The originals ship with this package: dapr/ and components/ of the repository. The copies are in
.dapr/mesh of the mesh's folder, and a sidecar of any other app may load them, too.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import yaml

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.sidecars import LOOPBACK_FLAGS

# Where the originals keep what sidecars share, relative to their working directory.
_SHARED = ".dapr/"
_HEADER = "# Written from the file {name} that ships with Meshlens, at each start of the mesh.\n"


@dataclass(frozen=True, slots=True)
class Resources:
    """The files of one mesh.

    Attributes:
        runtime: folder for DAPR_RUNTIME_PATH.
        config: for `dapr run --config`.
        components: for `dapr run --resources-path`.
    """

    runtime: Path
    config: Path
    components: Path


def read_shipped(*path: str) -> dict[str, Any]:
    """Return the content of a YAML file that ships with this package."""
    content: dict[str, Any] = yaml.safe_load(_shipped().joinpath(*path).read_text())
    return content


def locate_resources(folder: Path, profile: str) -> Resources:
    """Return where the files of a mesh are, or will be."""
    own = folder / ".dapr" / "mesh"
    return Resources(own, own / "config.yaml", own / profile)


def write_resources(
    folder: Path,
    profile: str,
    apps: Sequence[str],
    daprd: Path,
    env: Mapping[str, str],
    *,
    listeners: Mapping[str, int] = MappingProxyType({}),
) -> Resources:
    """Write what the sidecars of a mesh load, and return where it is.

    Every app that joins gets events; the state store is for the apps in its scopes.

    Args:
        folder: of the mesh, absolute.
        profile: the components to take: embedded or redis.
        apps: further apps that may use the state store, besides those in its scopes.
        daprd: the sidecar's program.
        env: has the values that components take from the environment, which an app that joins
            does not share.
        listeners: the port at which a service answers HTTP itself, by its app.

    Raises:
        MeshError: a file that `env` names cannot be read.
    """
    resources = locate_resources(folder, profile)
    own, components = resources.runtime, resources.components
    components.mkdir(parents=True, exist_ok=True)
    own.chmod(0o700)  # the password of Redis may be in it
    config = read_shipped("dapr", "config.yaml")
    resolution = config["spec"]["nameResolution"]["configuration"]
    resolution["connectionString"] = _locate(folder, resolution["connectionString"])
    _write(resources.config, config)
    _write(components / "resiliency.yaml", read_shipped("dapr", "resiliency.yaml"))
    for shipped in _shipped().joinpath("components", profile).iterdir():
        component = read_shipped("components", profile, shipped.name)
        for entry in component["spec"]["metadata"]:
            if entry["name"] == "connectionString":
                entry["value"] = _locate(folder, entry["value"])
            if "envRef" in entry:
                entry["value"] = env.get(entry.pop("envRef"), "")
        if component["spec"]["type"].startswith("pubsub."):
            del component["scopes"]
        else:
            component["scopes"] = [*component["scopes"], *apps]
        _write(components / shipped.name, component)
    for path in _shipped().joinpath("components", "http").iterdir():
        app = path.name.removesuffix("-rest.yaml")
        written = components / path.name
        if app in listeners:
            _write(written, place_endpoint(path.name, listeners[app], env))
        else:
            written.unlink(missing_ok=True)
    wrap_daprd(daprd, own)
    return resources


def place_endpoint(name: str, port: int, env: Mapping[str, str]) -> dict[str, Any]:
    """Return an HTTPEndpoint with the port of this run, and what the service's listener expects.

    Args:
        name: of the file in components/http.
        port: at which the service answers HTTP itself.
        env: of the service. Its token is sent, and its certificate is trusted as it is, whoever
            issued it.

    Raises:
        MeshError: the certificate cannot be read.
    """
    endpoint = read_shipped("components", "http", name)
    spec = endpoint["spec"]
    spec["baseUrl"] = f"http://127.0.0.1:{port}"
    if token := env.get("APP_API_TOKEN"):
        spec["headers"] = [{"name": "dapr-api-token", "value": token}]
    if certificate := env.get("HTTP_CERTIFICATE"):
        spec["baseUrl"] = f"https://127.0.0.1:{port}"
        spec["clientTLS"] = {"rootCA": {"value": _read_certificate(Path(certificate))}}
    return endpoint


def place_jobstore(folder: Path) -> dict[str, Any]:
    """Return the component for the state of workflows, with its file in the folder of a mesh."""
    component = read_shipped("components", "jobs", "jobstore.yaml")
    for entry in component["spec"]["metadata"]:
        if entry["name"] == "connectionString":
            entry["value"] = _locate(folder, entry["value"])
    return component


def _read_certificate(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MeshError(
            f"HTTP_CERTIFICATE must name a PEM file for the sidecars to trust, got {path}: {error}"
        ) from error


def wrap_daprd(daprd: Path, runtime: Path) -> None:
    """Make `runtime` a folder for DAPR_RUNTIME_PATH whose daprd listens on loopback only.

    `dapr run` has no option for the flags, and a run file no key. The address by which other
    sidecars find it is then loopback too, and is not looked for, which fails without a network.
    """
    wrapper = runtime / ".dapr" / "bin" / "daprd"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    command = shlex.join([str(daprd), *LOOPBACK_FLAGS])
    script = f'#!/bin/sh\nexport DAPR_HOST_IP=127.0.0.1\nexec {command} "$@"\n'
    # Replaced as a whole: a sidecar that is being started must not read half of it.
    part = wrapper.with_name("daprd.part")
    part.write_text(script, encoding="utf-8")
    part.chmod(0o755)
    part.replace(wrapper)


def _shipped() -> Traversable:
    return files("meshlens.command")


def _locate(folder: Path, connection: str) -> str:
    """Return a connection string of SQLite with an absolute path."""
    if not connection.startswith(_SHARED):
        return connection
    return f"file:{quote(str(folder / connection))}"


def _write(path: Path, content: dict[str, Any]) -> None:
    text = yaml.safe_dump(content, sort_keys=False)
    path.write_text(_HEADER.format(name=path.name) + text, encoding="utf-8")
