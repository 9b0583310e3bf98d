"""What `dapr run -f` reads: dapr.yaml with the folder, the ports and the limit of this run."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from meshlens.command.mesh.errors import MeshError
from meshlens.command.mesh.ports import BASE, free_ports
from meshlens.command.mesh.redis import check_redis
from meshlens.command.mesh.resources import Resources, read_shipped
from meshlens.daprkit.settings import Bytes

_PORT_KEYS = {
    "appPort": "{app} itself",
    "daprHTTPPort": "HTTP of the sidecar of {app}",
    "daprGRPCPort": "gRPC of the sidecar of {app}",
    "daprInternalGRPCPort": "the sidecar of {app} for other sidecars",
    "metricsPort": "metrics of the sidecar of {app}",
}
# Settings of the services that the run file has for them, unless the environment has others.
_USUAL = ("SHOW_EVENTS", "ADMIN", "OUTBOX_STAYS")
_METRICS, _HTTP = "METRICS_PORT", "HTTP_PORT"
# From a sidecar's HTTP port to its service's.
_HTTP_STEP = 60

# What the run file says of all apps, but of the services alone: others may speak HTTP, and have no
# health check.
_OF_SERVICES = (
    "appProtocol",
    "enableAppHealthCheck",
    "appHealthProbeInterval",
    "appHealthThreshold",
)


def compose_run_file(
    folder: Path, resources: Resources, base: int | None, *, listens: bool = False
) -> dict[str, Any]:
    """Return the content of the run file, with absolute paths only.

    Args:
        folder: working directory of the services, where the CLI writes its logs, too.
        resources: what the sidecars load.
        base: what the ports are counted from; None for any free ones.
        listens: whether the services answer HTTP themselves, too.

    Raises:
        MeshError: MAX_BODY is no number of bytes.
    """
    content = read_shipped("dapr", "dapr.yaml")
    common = content["common"]
    common["configFilePath"] = str(resources.config)
    common["resourcesPaths"] = [str(resources.components)]
    # Its lines would bury what people look for; when a sidecar fails, its errors are shown.
    common["daprdLogDestination"] = "file"
    if limit := os.environ.get("MAX_BODY"):
        common["maxBodySize"] = str(2 * _read_bytes(limit))
    ports = free_ports()
    of_services = {key: common.pop(key) for key in _OF_SERVICES}
    for app in content["apps"]:
        app.update(of_services)
        # `python` in dapr.yaml is the interpreter that runs this; in an app that joins, its own.
        app["command"] = [sys.executable, *app["command"][1:]]
        app["appDirPath"] = str(folder)
        places: list[tuple[dict[str, Any], str]] = [(app, key) for key in _PORT_KEYS]
        for place, key in [*places, (app["env"], _METRICS)]:
            place[key] = next(ports) if base is None else place[key] + base - BASE
        if listens:
            usual = app["daprHTTPPort"] + _HTTP_STEP
            app["env"][_HTTP] = next(ports) if base is None else usual
        app["env"] |= {name: os.environ[name] for name in _USUAL if name in os.environ}
    return content


def compose_environment(profile: str) -> dict[str, str]:
    """Return the environment of the CLI, which its sidecars and services inherit.

    Raises:
        MeshError: no Redis answers, and the profile needs one.
    """
    env = {"GOGC": "400", "REDIS_HOST": "localhost:6379"} | dict(os.environ)
    if models := env.get("MODELS"):
        env["MODELS"] = str(Path(models).absolute())  # services work in another folder
    if profile == "redis":
        check_redis(env["REDIS_HOST"], env.get("REDIS_PASSWORD", ""))
    return env


def list_listeners(content: Mapping[str, Any]) -> dict[str, int]:
    """Return the port at which each service answers HTTP itself, by its app."""
    return {
        app["appID"]: app["env"][_HTTP] for app in content["apps"] if _HTTP in app.get("env", {})
    }


def list_ports(content: Mapping[str, Any]) -> dict[int, str]:
    """Return what each port of a run file is for."""
    return dict(_list_ports(content))


def _list_ports(content: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for app in content["apps"]:
        name = app["appID"]
        for key, use in _PORT_KEYS.items():
            if key in app:
                yield app[key], use.format(app=name)
        if _METRICS in app.get("env", {}):
            yield app["env"][_METRICS], f"metrics of {name}"
    for name, port in list_listeners(content).items():
        yield port, f"HTTP of {name} itself"


def _read_bytes(quantity: str) -> int:
    """Return the bytes of a quantity such as 16777216 or 16Mi, as the services read it."""
    try:
        return int(TypeAdapter(Bytes).validate_python(quantity))
    except ValidationError as error:
        raise MeshError(
            f"MAX_BODY must be bytes, or a number with a unit (16Mi), got {quantity!r}"
        ) from error
