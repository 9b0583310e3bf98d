"""What the services of a mesh have published."""

import json
from typing import Any

import redis
from mesh import Mesh, Profile


def published(mesh: Mesh) -> list[dict[str, Any]]:
    """Return the events of results at the broker, in its order."""
    with (
        redis.Redis(port=mesh.redis_port)
        if mesh.profile is Profile.REDIS
        else redis.Redis(unix_socket_path=mesh.redis_address)
    ) as broker:
        entries = broker.xrange("results")
    return [json.loads(fields[b"data"]) for _, fields in entries]
