# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["kserve==0.21.0"]
# ///
"""Calls classify by kserve's gRPC client, as it is, and prints what it got, as JSON.

uv run --script kserve_grpc.py ADDRESS [APP_ID] < PICTURE
"""

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

MODEL = "digits"


async def call(address: str, headers: tuple[tuple[str, str], ...], picture: bytes) -> Any:  # noqa: ANN401 - JSON
    """Make the calls."""
    client = InferenceGRPCClient(address)
    numbers = np.linspace(0, 1, 1024, dtype=np.float32).reshape(1, 32, 32, 1)

    def request(name: str, values: Any, datatype: str) -> InferRequest:  # noqa: ANN401 - an array
        sent = InferInput("picture", list(values.shape), datatype)
        sent.set_data_from_numpy(values)
        return InferRequest(name, [sent])

    async def infer(name: str, values: Any, datatype: str) -> str:  # noqa: ANN401 - an array
        answer = await client.infer(request(name, values, datatype), headers=headers)
        return str(answer.outputs[0].as_numpy().tobytes().hex())

    async def fail(answer: Awaitable[object]) -> list[str]:
        try:
            await answer
        except grpc.aio.AioRpcError as error:
            return [type(error).__name__, error.code().name, error.details() or ""]
        return []

    seen = {
        "live": await client.is_server_live(headers=headers),
        "ready": await client.is_server_ready(headers=headers),
        "model_ready": await client.is_model_ready(MODEL, headers=headers),
        "input": numbers.tobytes().hex(),
        "output": await infer(MODEL, numbers, "FP32"),
        "picture": await infer(MODEL, np.array([picture], object), "BYTES"),
        "wrong_shape": await fail(infer(MODEL, numbers[:, :2], "FP32")),
        "unknown_model": await fail(infer("nobody", numbers, "FP32")),
    }
    await client.close()
    return seen


def main() -> None:
    """Print what the calls gave."""
    address, *app_ids = sys.argv[1:]
    headers = tuple(("dapr-app-id", app_id) for app_id in app_ids)
    json.dump(asyncio.run(call(address, headers, sys.stdin.buffer.read())), sys.stdout)


if __name__ == "__main__":
    main()
