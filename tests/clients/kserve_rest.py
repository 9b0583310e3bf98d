# /// script
# requires-python = ">=3.11"
# dependencies = ["kserve==0.21.0"]
# ///
"""Calls a server by the Open Inference Protocol with KServe's REST client, as its users do.

It reads a JSON object from standard input: `base`, `headers` (may be empty), `model`, `input`,
`output`, `tensor` (float32, nested lists). It prints a JSON object of what the client's calls
return or raise.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferOutput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


async def find_error(call: Awaitable[object]) -> list[Any]:
    """Return the status and the text of the error that a call ends with."""
    try:
        await call
    except httpx.HTTPStatusError as error:
        return [error.response.status_code, str(error)]
    raise AssertionError("the call was answered")


async def main() -> None:
    """Make every call once."""
    wanted: dict[str, Any] = json.load(sys.stdin)
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    base, headers, model = wanted["base"], wanted["headers"], wanted["model"]
    tensor = np.array(wanted["tensor"], np.float32)

    async def infer(array: np.ndarray[Any, Any], *, binary: bool, to: str = model) -> list[Any]:
        given = InferInput(wanted["input"], list(array.shape), "FP32")
        given.set_data_from_numpy(array, binary_data=binary)
        output = RequestedOutput(wanted["output"], {"binary_data": binary})
        request = InferRequest(to, [given], request_outputs=[output])
        answer = await client.infer(base, request, model_name=to, headers=headers)
        outputs: list[InferOutput] = answer.outputs
        values: list[Any] = outputs[0].as_numpy().tolist()
        return values

    found = {
        "live": await client.is_server_live(base, headers=headers),
        "ready": await client.is_server_ready(base, headers=headers),
        "model_ready": await client.is_model_ready(base, model, headers=headers),
        "json": await infer(tensor, binary=False),
        "binary": await infer(tensor, binary=True),
        "unknown": await find_error(infer(tensor, binary=True, to="no-such")),
        "shape": await find_error(infer(tensor[:, :3], binary=True)),
    }
    await client.close()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
