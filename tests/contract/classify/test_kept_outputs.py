"""Outputs that are kept for V2 and TensorFlow Serving: only ever those of an equal request."""

from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from contract.classify.doors import DOORS, ask_by_tfserving, ask_by_v2, predict
from contract.classify.test_inference import SEVEN, call, request_for, serving
from contract.classify.test_rollout_doors import report, write
from processes import eventually
from prometheus_client import generate_latest
from unit.classify.graphs import build_scaled

from meshlens.classify.models import shipped_models
from meshlens.daprkit.server import Server
from meshlens.protocols.tfserving.rpc.tensors import write_tensor
from meshlens.protocols.wire import inference_pb2 as pb
from meshlens.protocols.wire import tfserving_pb2 as wire

pytestmark = pytest.mark.slow

HALVES = {"1": 50, "2": 50}
ROOM = 2**20
OTHERS = [name for name in DOORS if name != "invoke"]


def look_up(server: Server) -> Counter[str]:
    shown = generate_latest(server.metrics.registry).decode().splitlines()
    return Counter(
        {
            what: int(float(line.split()[-1]))
            for what in ("hits", "misses")
            for line in shown
            if line.startswith(f'meshlens_cache_{what}_total{{cache="answer_cache"}}')
        }
    )


def test_outputs_are_computed_once_whichever_door_asks(tmp_path: Path) -> None:
    write(tmp_path, {"weights": {"1": 100}}, build_scaled(3.0))
    with serving(tmp_path, default="m", answer_cache=ROOM) as (server, channel, _):
        for door in OTHERS:
            # The version of the answers by REST is told by the factor.
            assert DOORS[door](channel, 2.0)[1] == 6
        assert look_up(server) == Counter(hits=len(OTHERS) - 1, misses=1)
        assert ask_by_v2(channel, 2.5)[1] == 7.5
        assert look_up(server)["misses"] == 2


def test_statistics_count_as_computed_what_was_not_kept(tmp_path: Path) -> None:
    write(tmp_path, {"weights": {"1": 100}}, build_scaled(3.0))
    with serving(tmp_path, default="m", answer_cache=ROOM) as (_, channel, _):
        for x in (1.0, 2.0, 1.0, 1.0):
            assert ask_by_v2(channel, x)[1] == 3 * x
        asked = pb.ModelStatisticsRequest(name="m")
        (known,) = call(channel, "ModelStatistics", asked).model_stats
    stats = known.inference_stats
    assert (stats.success.count, stats.queue.count) == (4, 4)
    assert (stats.cache_hit.count, stats.cache_miss.count) == (2, 2)
    assert (known.execution_count, known.inference_count) == (2, 2)
    computed = (stats.compute_input, stats.compute_infer, stats.compute_output)
    assert [it.count for it in computed] == [2, 2, 2]
    assert min(it.ns for it in (stats.cache_hit, stats.cache_miss, *computed)) > 0
    parts = (*computed, stats.queue, stats.cache_hit, stats.cache_miss)
    assert sum(it.ns for it in parts) <= stats.success.ns


def test_each_version_has_outputs_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"weights": HALVES}, build_scaled(1.0), build_scaled(2.0))
    with serving(tmp_path, default="m", answer_cache=ROOM) as (server, channel, _):
        for door in OTHERS * 10:
            version, y = DOORS[door](channel, 3.0)
            assert y == 3 * int(version)
        assert look_up(server) == Counter(hits=10 * len(OTHERS) - 2, misses=2)


def test_another_content_of_a_version_has_none_of_the_one_before(tmp_path: Path) -> None:
    write(tmp_path, {"weights": {"1": 100}}, build_scaled(1.0))
    with serving(tmp_path, default="m", watch_seconds=0.1, answer_cache=ROOM) as (
        server,
        channel,
        _,
    ):
        assert ask_by_v2(channel, 3.0) == ("1", 3)
        (tmp_path / "m" / "1" / "model.tflite").write_bytes(build_scaled(5.0))
        eventually(lambda: ask_by_v2(channel, 3.0) == ("1", 15), "the new content answers")
        assert ask_by_tfserving(channel, 3.0) == ("1", 15)
        assert look_up(server)["misses"] == 2


def test_a_shadow_sees_what_is_computed(tmp_path: Path) -> None:
    shadow = {"version": "2", "percent": 100}
    models = build_scaled(1.0), build_scaled(2.0)
    write(tmp_path, {"weights": {"1": 100}, "shadow": shadow}, *models)
    with serving(tmp_path, default="m", answer_cache=ROOM) as (_, channel, _):
        for x in (1.0, 1.0, 2.0):
            assert ask_by_v2(channel, x)[1] == x
        eventually(lambda: report(channel)["compared"] == 2, "what was computed is compared")
        assert report(channel)["offered"] == 2


def test_pictures_and_numbers_have_the_bits_that_are_computed(tmp_path: Path) -> None:
    (tmp_path / "digits").symlink_to(shipped_models() / "digits")
    with (
        serving(tmp_path) as (_, plain, _),
        serving(tmp_path, answer_cache=ROOM) as (server, keeping, _),
    ):
        for ask in (infer_numbers, infer_picture, predict_picture):
            computed = ask(plain)
            assert [ask(keeping), ask(keeping)] == [computed, computed]
        # A picture is kept as the tensor that it becomes, by whichever door it comes.
        assert look_up(server) == Counter(hits=4, misses=2)


def infer_numbers(channel: grpc.Channel) -> Any:  # noqa: ANN401 - any message
    return call(channel, "ModelInfer", request_for())


def infer_picture(channel: grpc.Channel) -> Any:  # noqa: ANN401 - any message
    request = pb.ModelInferRequest(model_name="digits")
    request.inputs.add(name="picture", datatype="BYTES", shape=[1])
    request.inputs[0].contents.bytes_contents.append(SEVEN)
    return call(channel, "ModelInfer", request)


def predict_picture(channel: grpc.Channel) -> Any:  # noqa: ANN401 - any message
    request = wire.PredictRequest(model_spec=wire.ModelSpec(name="digits"))
    strings = np.empty(1, object)
    strings[:] = [SEVEN]
    write_tensor(strings, request.inputs["picture"])
    return predict(channel, request)
