"""The server with models: what grpc.health.v1 says while they load, and when it leaves."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import eventually
from unit.classify.fake_engine import FakeEngine
from unit.classify.models import build_model

from meshlens.classify.engines.engine import Engine
from meshlens.classify.server import build_server
from meshlens.classify.serving.repository import Repository
from meshlens.classify.settings import Settings
from meshlens.classify.storage.cache import ModelCache
from meshlens.classify.storage.source import read_model
from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import EventMode
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.transports.health import LIVE

PATIENCE = 30


class Blobs:
    """A store that keeps nothing."""

    def put(self, data: bytes) -> str:
        return str(len(data))

    def get(self, name: str) -> bytes | None:
        return None if name else b""

    def delete(self, name: str) -> None:
        """Forget what was never kept."""


class Engines:
    """Makes fake engines while the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.made = 0

    def __call__(self, *_: object) -> Engine:
        assert self.gate.wait(PATIENCE)
        self.made += 1
        return FakeEngine(np.array([[0.4, 0.6]], np.float32))


@contextmanager
def serving(folder: Path, engines: Engines) -> Iterator[tuple[Server, int]]:
    settings = Settings.model_validate(
        {"models": folder, "app_port": 0, "events": EventMode.OFF, "watch_seconds": 0.1}
    )
    sidecar = Sidecar(settings)
    repository = Repository(folder, engines, default="a")
    cache = ModelCache(Blobs(), read_model, seconds=PATIENCE)
    server = build_server(settings, sidecar, repository, cache)
    port = server.start()
    try:
        yield server, port
    finally:
        server.drain()
        server.stop()
        sidecar.close()


def test_the_port_answers_before_the_models_are_loaded_and_says_which_are(tmp_path: Path) -> None:
    model = build_model(None)
    for name in ("a", "b"):
        (tmp_path / f"{name}.tflite").write_bytes(model)
    engines = Engines()
    with (
        serving(tmp_path, engines) as (server, port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)

        def serves(name: str) -> bool:
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

        assert serves(LIVE)
        assert not serves("")
        engines.gate.set()
        for name in ("", "a", "b"):
            eventually(lambda name=name: serves(name), f"{name or 'the service'} serves")  # type: ignore[misc] # mypy cannot infer a lambda with a default
        (tmp_path / "c.tflite").write_bytes(model)
        eventually(lambda: engines.made == 3, "what came into the folder is loaded")
        server.drain()
        assert not serves("")
        assert not serves("a")
