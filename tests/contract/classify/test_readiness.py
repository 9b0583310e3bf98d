"""All that shows whether classify can be called shows one state, whatever happens to its models."""

import asyncio
import os
import sys
from pathlib import Path

import grpc
import httpx
import pytest
from processes import Process, eventually, free_ports, is_listening
from readiness.changes import Changes, make_folder
from readiness.runs import SEEDS, observe_run
from readiness.views import GrpcDoor, HttpDoor

PATIENCE = 60


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_views_of_a_process_never_contradict_each_other(tmp_path: Path, seed: int) -> None:
    folder = make_folder(tmp_path / "models")
    ports = free_ports()
    app, listener = next(ports), next(ports)
    env = {
        "APP_PORT": str(app),
        "DEFAULT_MODEL": "digits",
        "DRAIN_SECONDS": "600",
        "EVENTS": "off",
        "HTTP_PORT": str(listener),
        "MODELS": str(folder),
        "WATCH_SECONDS": "0.2",
    }
    command = [sys.executable, "-m", "meshlens.classify"]
    process = Process("classify", command, folder=tmp_path, env=os.environ | env)

    async def observe() -> None:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{app}") as channel,
            httpx.AsyncClient() as client,
        ):
            door = GrpcDoor("app", channel)
            http = HttpDoor("listener", client, f"http://127.0.0.1:{listener}")
            await observe_run(
                seed,
                lambda chance: Changes(chance, folder, door, process.pid),
                [door],
                [http],
                http,
                process.terminate,
            )

    try:
        eventually(lambda: is_listening(app), "it listens", within=PATIENCE)
        asyncio.run(observe())
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
