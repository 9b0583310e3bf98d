"""Publishes the pictures of a folder at a frame rate, like a camera, for classify to answer.

It does not wait for answers. Each frame is an event on the topic `images`; classify answers it with
an event on `results` whose `cause` is the id printed here.

    camera.py [--fps 5] [--model NAME] [--loops 1] FOLDER
"""

import argparse
import os
import sys
import time
import uuid
from pathlib import Path

import grpc
from dapr.proto import api_service_v1, api_v1
from tqdm import tqdm

# A frame and the protobuf around it.
_MAX_MESSAGE = 32 * 1024 * 1024
_PICTURES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tiff", ".webp"}


def publish(sidecar: api_service_v1.DaprStub, frame: Path, camera: str, model: str) -> str:
    """Publish one frame and return the id of its event."""
    identity = str(uuid.uuid4())
    sidecar.PublishEvent(
        api_v1.PublishEventRequest(
            pubsub_name="pubsub",
            topic="images",
            data=frame.read_bytes(),
            data_content_type="application/octet-stream",
            metadata={
                "cloudevent.id": identity,
                "cloudevent.source": camera,
                **({"model": model} if model else {}),
            },
        ),
        timeout=10,
    )
    return identity


def main() -> None:
    """Replay the folder and print the id of each frame."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of pictures")
    parser.add_argument("--fps", type=float, default=5.0, help="frames per second (default: 5)")
    parser.add_argument("--loops", type=int, default=1, help="times to replay it (default: 1)")
    parser.add_argument("--model", default="", help="name of the model to answer")
    arguments = parser.parse_args()
    frames = sorted(path for path in arguments.folder.iterdir() if path.suffix.lower() in _PICTURES)
    if not frames:
        sys.exit(f"expected pictures in {arguments.folder}, got none; name a folder that has some")
    address = f"127.0.0.1:{os.environ.get('DAPR_GRPC_PORT', '3512')}"
    options = [("grpc.max_send_message_length", _MAX_MESSAGE)]
    with grpc.insecure_channel(address, options) as channel:
        sidecar = api_service_v1.DaprStub(channel)
        due = time.monotonic()
        for frame in tqdm(frames * arguments.loops, unit="frame", disable=None):
            time.sleep(max(0.0, due - time.monotonic()))
            due += 1 / arguments.fps
            try:
                identity = publish(sidecar, frame, arguments.folder.name, arguments.model)
            except grpc.RpcError as error:  # without a mesh: UNAVAILABLE, and the address
                sys.exit(f"{error.code().name}: {error.details()}")
            print(identity, frame.name)


if __name__ == "__main__":
    main()
