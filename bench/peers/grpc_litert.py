"""A plain server of grpc.aio with a model of LiteRT: grpc_litert.py FILE GRPC_PORT.

What people write who need a model behind gRPC and nothing else: the request is the picture, the
answer the scores. It needs grpcio, ai-edge-litert and pillow, which classify has, too.
"""

import asyncio
import sys

import grpc
from litert_model import LiteRtModel

SERVICE, METHOD = "Pictures", "See"


async def serve(path: str, port: int) -> None:
    """Serve until the process is ended."""
    model = LiteRtModel(path)
    loop = asyncio.get_running_loop()

    def see(picture: bytes) -> bytes:
        return model.see(picture).tobytes()

    async def answer(picture: bytes, _: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return await loop.run_in_executor(model.workers, see, picture)

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        METHOD: grpc.unary_unary_rpc_method_handler(answer)
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
