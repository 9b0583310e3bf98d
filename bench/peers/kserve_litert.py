# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["kserve==0.21.0", "ai-edge-litert==2.3.0", "pillow==13.0.0"]
# ///
"""KServe's server with a model of LiteRT: kserve_litert.py NAME FILE HTTP_PORT GRPC_PORT.

It computes in threads: a plain `predict` would hold up the server's event loop.
"""

import asyncio
import base64
import sys
import uuid

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.utils.numpy_codec import from_np_dtype
from litert_model import LiteRtModel


class LiteRt(Model):  # type: ignore[misc] # kserve is not installed where types are checked
    """A model of LiteRT for KServe: it takes pixels, or a picture (by REST in base64)."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self._model = LiteRtModel(path)
        self.ready = True

    async def predict(
        self,
        payload: InferRequest,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> InferResponse:
        """Compute in a thread."""
        del headers, response_headers
        (sent,) = payload.inputs
        loop, model = asyncio.get_running_loop(), self._model
        if sent.datatype == "BYTES":
            picture = sent.as_numpy().item()
            if isinstance(picture, str):  # in JSON, where it takes no bytes but those of UTF-8
                picture = base64.b64decode(picture)
            scores = await loop.run_in_executor(model.workers, model.see, picture)
        else:
            scores = await loop.run_in_executor(model.workers, model.run, sent.as_numpy())
        output = InferOutput(self._model.output, list(scores.shape), from_np_dtype(scores.dtype))
        output.set_data_from_numpy(scores, binary_data=True)
        return InferResponse(payload.id or str(uuid.uuid4()), self.name, [output])


def main() -> None:
    """Serve until the process is ended."""
    name, path, http_port, grpc_port = sys.argv[1:]
    server = ModelServer(
        http_port=int(http_port), grpc_port=int(grpc_port), workers=1, enable_docs_url=False
    )
    server.start([LiteRt(name, path)])


if __name__ == "__main__":
    main()
