"""Pictures as events: a camera publishes without waiting, and the result of every frame arrives."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from dapr.proto import api_service_v1, api_v1
from mesh import ROOT, Mesh

from meshlens.command.subscriber import Subscriber

SAMPLES = ROOT / "services" / "classify" / "samples"
CAMERA = ROOT / "examples" / "python" / "camera.py"


@pytest.fixture(scope="module")
def results(each_mesh: Mesh) -> Iterator[Subscriber]:
    with Subscriber(each_mesh.grpc_port("classify")) as subscriber:
        yield subscriber


@pytest.fixture(scope="module")
def dead_letters(each_mesh: Mesh) -> Iterator[Subscriber]:
    with Subscriber(each_mesh.grpc_port("classify"), topic="images-dead") as subscriber:
        yield subscriber


def film(mesh: Mesh, folder: Path, *options: str) -> dict[str, str]:
    """Run the camera; return the file name of each frame by the id of its event."""
    camera = subprocess.run(
        [sys.executable, CAMERA, "--fps", "50", *options, folder],
        env={**os.environ, "DAPR_GRPC_PORT": str(mesh.grpc_port("classify"))},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return dict(line.split() for line in camera.stdout.splitlines())


def test_every_frame_of_a_camera_has_its_result(
    each_mesh: Mesh, results: Subscriber, tmp_path: Path
) -> None:
    digits = sorted(SAMPLES.glob("digit-*.png"))
    for digit in digits:
        shutil.copy(digit, tmp_path)
    frames = film(each_mesh, tmp_path, "--loops", "5", "--model", "digits")
    assert len(frames) == 5 * len(digits)
    seen: dict[str, str] = {}
    while seen.keys() < frames.keys():
        data = results.next(lambda event: event.data.get("cause") in frames).data
        assert data["cause"] not in seen, "one result for each frame"
        assert (data["method"], data["outcome"], data["model"]) == ("images", "OK", "digits")
        seen[data["cause"]] = data["result"]["labels"][0]["label"]
    for identity, name in frames.items():
        assert f"digit-{seen[identity]}" in name


@pytest.mark.parametrize(
    ("data", "metadata", "outcome"),
    [
        (b"no picture", {}, "INVALID_ARGUMENT"),
        (b"", {}, "INVALID_ARGUMENT"),
        (b"no picture", {"model": "no-such"}, "NOT_FOUND"),
    ],
)
def test_a_poisoned_frame_is_one_failed_result_and_one_dead_letter(
    each_mesh: Mesh,
    results: Subscriber,
    dead_letters: Subscriber,
    data: bytes,
    metadata: dict[str, str],
    outcome: str,
) -> None:
    identity = str(uuid.uuid4())
    with grpc.insecure_channel(f"127.0.0.1:{each_mesh.grpc_port('classify')}") as channel:
        api_service_v1.DaprStub(channel).PublishEvent(
            api_v1.PublishEventRequest(
                pubsub_name="pubsub",
                topic="images",
                data=data,
                data_content_type="application/octet-stream",
                metadata={"cloudevent.id": identity, **metadata},
            )
        )
    result = results.next(lambda event: event.data.get("cause") == identity)
    assert result.data["outcome"] == outcome
    assert dead_letters.next().id == identity
    film(each_mesh, SAMPLES)
    after = results.next()
    assert after.data["cause"] != identity, "the frame was not delivered again"
