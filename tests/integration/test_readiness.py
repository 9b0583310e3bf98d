"""The views of classify's state agree through its sidecars as they do at its own ports."""

import asyncio
from pathlib import Path

import grpc
import httpx
import pytest
from mesh import Mesh, Profile
from readiness.changes import Changes, make_folder
from readiness.runs import SEEDS, observe_run
from readiness.views import GrpcDoor, HttpDoor

PATIENCE = 60


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
def test_views_through_sidecars_never_contradict_each_other(tmp_path: Path, seed: int) -> None:
    folder = make_folder(tmp_path / "models")
    env = {"DEFAULT_MODEL": "digits", "DRAIN_SECONDS": "600", "WATCH_SECONDS": "0.2"}
    work = tmp_path / "mesh"
    work.mkdir()
    with Mesh(Profile.EMBEDDED, work, models=folder, env={"classify": env}, listens=True) as mesh:
        process = mesh.process("classify")

        async def observe() -> None:
            async with (
                grpc.aio.insecure_channel(f"127.0.0.1:{mesh.app_port('classify')}") as app,
                grpc.aio.insecure_channel(f"127.0.0.1:{mesh.grpc_port('pca')}") as sidecar,
                httpx.AsyncClient() as client,
            ):
                direct = GrpcDoor("app", app)
                proxied = GrpcDoor("proxy", sidecar, (("dapr-app-id", "classify"),))
                listener = HttpDoor(
                    "listener", client, f"http://127.0.0.1:{mesh.listener_port('classify')}"
                )
                invoked = HttpDoor(
                    "invoke", client, f"{mesh.http('pca')}/v1.0/invoke/classify/method"
                )
                await observe_run(
                    seed,
                    lambda chance: Changes(chance, folder, direct, process.pid),
                    [direct, proxied],
                    [listener, invoked],
                    listener,
                    process.terminate,
                )

        asyncio.run(observe())
        process.terminate()
        assert process.wait(PATIENCE) == 0
