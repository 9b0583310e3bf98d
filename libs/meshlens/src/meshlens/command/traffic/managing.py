"""Requests that are not for comparing: they change a server, or answer what it has counted."""

import re

from meshlens.command.traffic.exchange import Door, Request

_CALLS = {
    "HandleReloadConfigRequest",
    "LogSettings",
    "ModelStatistics",
    "RepositoryModelLoad",
    "RepositoryModelUnload",
    "TraceSetting",
}
_SHARED_MEMORY = "SharedMemory"
_PATHS = re.compile(
    r"/v2/(.*/)?(stats|load|unload|trace/setting|logging|(system|cuda)sharedmemory/.*)"
    r"|/models/[^/]+/versions/[^/]+/(load|unload)|/metrics",
    re.IGNORECASE,
)


def manages(request: Request) -> bool:
    """Return whether a request changes its server, or asks what that has counted."""
    if request.door is Door.GRPC:
        name = request.path.rpartition("/")[2]
        return name in _CALLS or _SHARED_MEMORY in name
    return bool(_PATHS.fullmatch(request.path.partition("?")[0]))
