"""A server whose rollout has a shadow: the report, the metrics, and the event as it leaves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from contract.classify.test_server import Blobs
from contract.daprkit.broker import Broker, serving_broker
from dapr.proto import appcallback_service_v1, common_v1
from google.protobuf import any_pb2
from processes import eventually
from prometheus_client import generate_latest
from unit.classify.graphs import build_scaled

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.server import build_server
from meshlens.classify.serving.repository import Repository
from meshlens.classify.settings import Settings
from meshlens.classify.storage.cache import ModelCache
from meshlens.classify.storage.source import read_model
from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import EventMode
from meshlens.daprkit.sidecar.channel import Sidecar

pytestmark = pytest.mark.slow

CARD = "{model: {path: model.tflite}, task: tensor}"


@contextmanager
def serving(folder: Path, broker: Broker) -> Iterator[tuple[Server, grpc.Channel]]:
    settings = Settings.model_validate(
        {
            "models": folder,
            "app_port": 0,
            "events": EventMode.CONFIRMED,
            "dapr_grpc_port": broker.port,
        }
    )
    sidecar = Sidecar(settings)
    repository = Repository(folder, partial(open_engine, workers=2), default="m")
    cache = ModelCache(Blobs(), read_model, seconds=30)
    server = build_server(settings, sidecar, repository, cache)
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
        try:
            yield server, channel
        finally:
            server.drain()
            server.stop()
            sidecar.close()


def call(channel: grpc.Channel, method: str, body: object = None) -> Any:  # noqa: ANN401 - whatever JSON holds
    verb = common_v1.HTTPExtension.GET if body is None else common_v1.HTTPExtension.POST
    message = common_v1.InvokeRequest(
        method=method,
        data=any_pb2.Any(value=b"" if body is None else json.dumps(body).encode()),
        content_type="application/json",
        http_extension=common_v1.HTTPExtension(verb=verb),
    )
    stub = appcallback_service_v1.AppCallbackStub(channel)
    return json.loads(stub.OnInvoke(message, timeout=30, wait_for_ready=True).data.value)


def test_what_a_shadow_answers_is_reported_shown_and_published(tmp_path: Path) -> None:
    for version, factor in (("1", 1.0), ("2", 2.0)):
        (tmp_path / "m" / version).mkdir(parents=True)
        (tmp_path / "m" / version / "model.tflite").write_bytes(build_scaled(factor))
        (tmp_path / "m" / version / "card.yaml").write_text(CARD)
    shadow = "shadow: {version: 2, percent: 100}"
    (tmp_path / "rollouts.yaml").write_text(f"m: {{weights: {{1: 100}}, {shadow}}}")
    with serving_broker() as broker, serving(tmp_path, broker) as (server, channel):
        eventually(lambda: server.ready, "the versions are loaded", within=60)
        for x in (0, 1, 2):
            answer = call(channel, "models/m/predict", {"inputs": {"x": [x]}})
            assert (answer["version"], answer["outputs"]["y"]) == ("1", [x])

        def report() -> dict[str, Any]:
            (found,) = call(channel, "models/m/shadow")["reports"]
            return dict(found)

        eventually(lambda: report()["compared"] == 3, "all are compared", within=60)
        assert report()["agreed"] == 1
        shown = generate_latest(server.metrics.registry).decode()
        assert 'meshlens_shadow_inputs_total{model="m",outcome="differed"} 2.0' in shown
        server.drain()
        kind = "meshlens.agreement.v1"
        broker.await_that(lambda: any(it["type"] == kind for it in broker.accepted))
        (event,) = [it for it in broker.accepted if it["type"] == kind]
        assert event["subject"] == "models/m/shadow"
        assert (event["data"]["compared"], event["data"]["agreed"]) == (3, 1)
