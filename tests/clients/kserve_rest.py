# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["kserve==0.21.0"]
# ///
"""Calls a server by the Open Inference Protocol with KServe's REST client, as its users do.

It reads a JSON object from standard input: `base`, `headers` (may be empty), `model`, `input`,
`output`, `tensor` (float32, nested lists). It prints a JSON object of what the client's calls
return. With the argument --calls it makes those of standard input instead (`calls`).
"""

import asyncio
import json
import sys
from typing import Any

import numpy as np
from calls import make_calls
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


async def infer_once(
    client: InferenceRESTClient, call: dict[str, Any], tensor: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Make one call of `calls`."""
    given = InferInput(call["input"], list(tensor.shape), "FP32")
    given.set_data_from_numpy(tensor, binary_data=call["binary"])
    output = RequestedOutput(call["output"], {"binary_data": call["binary"]})
    request = InferRequest(call["model"], [given], request_outputs=[output])
    answer = await client.infer(
        call["base"], request, model_name=call["model"], headers=call["headers"]
    )
    values: np.ndarray[Any, Any] = answer.outputs[0].as_numpy()
    return values


async def main() -> None:
    """Make every call once."""
    wanted: dict[str, Any] = json.load(sys.stdin)
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    base, headers, model = wanted["base"], wanted["headers"], wanted["model"]
    tensor = np.array(wanted["tensor"], np.float32)

    async def infer(*, binary: bool) -> list[Any]:
        values: list[Any] = (
            await infer_once(client, {**wanted, "binary": binary}, tensor)
        ).tolist()
        return values

    found = {
        "live": await client.is_server_live(base, headers=headers),
        "ready": await client.is_server_ready(base, headers=headers),
        "model_ready": await client.is_model_ready(base, model, headers=headers),
        "json": await infer(binary=False),
        "binary": await infer(binary=True),
    }
    await client.close()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1:] == ["--calls"]:
        # It belongs to one loop, and making it costs more than a call.
        kept = InferenceRESTClient(RESTConfig(protocol="v2"))
        with asyncio.Runner() as runner:
            make_calls(
                lambda call, tensor: runner.run(infer_once(kept, call, tensor)),
                lambda error: (error.response.status_code, str(error)),
            )
            runner.run(kept.close())
    else:
        asyncio.run(main())
