# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["kserve==0.21.0"]
# ///
"""Calls a fit of pca as a model, by kserve's clients for both encodings, and prints JSON.

uv run --script fits_kserve.py GRPC_ADDRESS HTTP_ADDRESS < {"model": ID, "values": [[...], ...]}
"""

import asyncio
import json
import sys
from typing import Any

import grpc
import httpx
import numpy as np
from kserve import (
    InferenceGRPCClient,
    InferenceRESTClient,
    InferInput,
    InferRequest,
    InferResponse,
    RESTConfig,
)

PCA = (("dapr-app-id", "pca"),)


async def call(grpc_address: str, http_address: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Make the calls."""
    model, values = wanted["model"], np.array(wanted["values"])
    proxied = InferenceGRPCClient(grpc_address)
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    base = f"http://{http_address}/v1.0/invoke/pca/method"

    def request(name: str) -> InferRequest:
        sent = InferInput("observations", list(values.shape), "FP64")
        sent.set_data_from_numpy(values)
        return InferRequest(name, [sent])

    def read(answer: InferResponse) -> dict[str, str]:
        return {output.name: output.as_numpy().tobytes().hex() for output in answer.outputs}

    async def fail_by_grpc() -> list[str]:
        try:
            await proxied.infer(request("0" * 64), headers=PCA)
        except grpc.aio.AioRpcError as error:
            return [error.code().name, error.details() or ""]
        return []

    async def fail_by_rest() -> int:
        try:
            await rest.infer(base, request("0" * 64), model_name="0" * 64)
        except httpx.HTTPStatusError as error:
            return error.response.status_code
        return 0

    seen = {
        "ready": [
            await proxied.is_server_ready(headers=PCA),
            await proxied.is_model_ready(model, headers=PCA),
            await rest.is_server_ready(base),
            await rest.is_model_ready(base, model),
        ],
        "grpc": read(await proxied.infer(request(model), headers=PCA)),
        "rest": read(await rest.infer(base, request(model), model_name=model)),
        "unknown": [await fail_by_grpc(), await fail_by_rest()],
    }
    await proxied.close()
    await rest.close()
    return seen


def main() -> None:
    """Print what the calls gave."""
    _, grpc_address, http_address = sys.argv
    json.dump(asyncio.run(call(grpc_address, http_address, json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
