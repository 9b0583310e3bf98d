"""A server that does not know its rollouts is not ready, and says so when it is."""

from pathlib import Path

import pytest
from contract.classify.test_shadow import CARD, serving
from contract.daprkit.broker import serving_broker
from grpc_health.v1 import health_pb2, health_pb2_grpc
from unit.classify.graphs import build_scaled

pytestmark = pytest.mark.slow

SERVING = health_pb2.HealthCheckResponse.SERVING


def test_who_watches_hears_of_a_server_that_knows_its_rollouts(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.tflite").write_bytes(build_scaled(2.0))
    (tmp_path / "m" / "1" / "card.yaml").write_text(CARD)
    rollouts = tmp_path / "rollouts.yaml"
    rollouts.write_text("m: {weights: {1: 99}}")
    with serving_broker() as broker, serving(tmp_path, broker) as (_, channel):
        health = health_pb2_grpc.HealthStub(channel)
        # The model answers, but who knows which version of it is meant.
        for named in health.Watch(health_pb2.HealthCheckRequest(service="m"), timeout=30):
            if named.status == SERVING:
                break
        watched = health.Watch(health_pb2.HealthCheckRequest(), timeout=30)
        assert next(watched).status != SERVING
        rollouts.write_text("m: {weights: {1: 100}}")
        assert next(watched).status == SERVING
