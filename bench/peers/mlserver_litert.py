# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["mlserver==1.7.1", "ai-edge-litert==2.3.0", "pillow==13.0.0"]
# ///
"""MLServer with a model of LiteRT: mlserver_litert.py NAME FILE HTTP_PORT GRPC_PORT METRICS_PORT.

It computes in threads of its own process: tensors that go to worker processes are copied to them.
"""

import asyncio
import sys

from litert_model import LiteRtModel
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse


class LiteRt(MLModel):  # type: ignore[misc] # mlserver is not installed where types are checked
    """A model of LiteRT for MLServer: it takes pixels, or a picture (in JSON by base64)."""

    async def load(self) -> bool:
        """Open the file."""
        self._model = LiteRtModel(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Compute in a thread."""
        (sent,) = payload.inputs
        loop, model = asyncio.get_running_loop(), self._model
        if sent.datatype == "BYTES":
            (picture,) = Base64Codec.decode_input(sent)
            scores = await loop.run_in_executor(model.workers, model.see, picture)
        else:
            numbers = NumpyCodec.decode_input(sent)
            scores = await loop.run_in_executor(model.workers, model.run, numbers)
        output = NumpyCodec.encode_output(self._model.output, scores)
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=[output])


def main() -> None:
    """Serve until the process is ended."""
    name, path, http_port, grpc_port, metrics_port = sys.argv[1:]
    settings = Settings(
        host="127.0.0.1",
        http_port=int(http_port),
        grpc_port=int(grpc_port),
        metrics_port=int(metrics_port),
        parallel_workers=0,
        debug=False,
    )
    model = ModelSettings(
        name=name, implementation=LiteRt, parameters=ModelParameters(uri=path, version="1")
    )
    asyncio.run(MLServer(settings).start([model]))


if __name__ == "__main__":
    main()
