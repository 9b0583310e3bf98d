# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["kserve==0.21.0"]
# ///
"""Calls classify by kserve's gRPC client, as it is, and prints what it got, as JSON.

uv run --script kserve_grpc.py ADDRESS [APP_ID] < PICTURE
uv run --script kserve_grpc.py --calls < CALLS
"""

import asyncio
import json
import sys
from typing import Any

import numpy as np
from calls import make_calls
from kserve import InferenceGRPCClient, InferInput, InferRequest

MODEL = "digits"


async def infer_once(call: dict[str, Any], tensor: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Make one call of `calls`."""
    given = InferInput(call["input"], list(tensor.shape), "FP32")
    given.set_data_from_numpy(tensor)
    client = InferenceGRPCClient(call["url"])
    try:
        answer = await client.infer(
            InferRequest(call["model"], [given]), headers=tuple(call["headers"].items())
        )
    finally:
        await client.close()
    values: np.ndarray[Any, Any] = next(
        each for each in answer.outputs if each.name == call["output"]
    ).as_numpy()
    return values


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

    seen = {
        "live": await client.is_server_live(headers=headers),
        "ready": await client.is_server_ready(headers=headers),
        "model_ready": await client.is_model_ready(MODEL, headers=headers),
        "input": numbers.tobytes().hex(),
        "output": await infer(MODEL, numbers, "FP32"),
        "picture": await infer(MODEL, np.array([picture], object), "BYTES"),
    }
    await client.close()
    return seen


def main() -> None:
    """Print what the calls gave."""
    if sys.argv[1:] == ["--calls"]:
        make_calls(
            lambda call, tensor: asyncio.run(infer_once(call, tensor)),
            lambda error: (error.code().name, error.details()),
        )
        return
    address, *app_ids = sys.argv[1:]
    headers = tuple(("dapr-app-id", app_id) for app_id in app_ids)
    json.dump(asyncio.run(call(address, headers, sys.stdin.buffer.read())), sys.stdout)


if __name__ == "__main__":
    main()
