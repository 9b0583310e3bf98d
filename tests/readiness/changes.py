"""What happens to models at random: loads, unloads, files that come, go and are damaged, deaths."""

import asyncio
import json
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import psutil
from readiness.views import PATIENCE, PAUSE, VERSIONS, GrpcDoor
from unit.classify.graphs import build_binary

from meshlens.classify.models import shipped_models
from meshlens.protocols.wire import inference_pb2 as v2

DAMAGED = b"half a model"
# How many changes of files the next change overtakes.
_HURRIED = 0.3


def make_folder(folder: Path) -> Path:
    """Two models: one in the service's process, one in a process of its own."""
    (folder / "digits").mkdir(parents=True)
    shutil.copytree(shipped_models() / "digits/1", folder / "digits/1")
    _put(folder, "rest", "1", build_binary("FLOOR_MOD"))
    return folder


def _put(folder: Path, model: str, version: str, data: bytes) -> None:
    """Add a version as one step, like a slow copy that is renamed once it is complete."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        new = Path(made) / version
        new.mkdir()
        (new / f"{model}.tflite").write_bytes(data)
        if model == "rest":
            (new / "card.yaml").write_text(json.dumps({"task": "tensor"}))
        (folder / model).mkdir(exist_ok=True)
        new.rename(folder / model / version)


class Changes:
    """Changes a service and its folder at random.

    Args:
        chance: decides.
        folder: of the models.
        door: to the service.
        pid: of its process.
    """

    def __init__(self, chance: random.Random, folder: Path, door: GrpcDoor, pid: int) -> None:
        self._chance = chance
        self._folder = folder
        self._door = door
        self._pid = pid
        self._kinds: list[Callable[[], Awaitable[str]]] = [
            self._load,
            self._load,
            self._unload,
            self._add,
            self._add_damaged,
            self._delete,
            self._replace,
            self._kill,
            self._kill,
            self._come_or_go,
            self._come_or_go,
        ]
        # Like cards from a deck, so that each comes up as often.
        self._next: list[Callable[[], Awaitable[str]]] = []

    async def make_one(self) -> str:
        """Make one change, and return what it was."""
        if not self._next:
            self._next = [*self._kinds]
            self._chance.shuffle(self._next)
        return await self._next.pop()()

    async def _load(self) -> str:
        model = self._choose_model()
        return await self._manage("RepositoryModelLoad", v2.RepositoryModelLoadRequest, model)

    async def _unload(self) -> str:
        model = self._choose_model()
        return await self._manage("RepositoryModelUnload", v2.RepositoryModelUnloadRequest, model)

    async def _manage(self, call: str, kind: type, model: str) -> str:
        answers = v2.RepositoryModelLoadResponse, v2.RepositoryModelUnloadResponse
        try:
            await self._door.call(
                f"/inference.GRPCInferenceService/{call}",
                kind(model_name=model),
                answers[call.endswith("Unload")],
            )
        except grpc.aio.AioRpcError as error:
            return f"{call} {model}: {error.code().name} {error.details()}"
        return f"{call} {model}"

    async def _add(self) -> str:
        data = (shipped_models() / "digits/1/digits.tflite").read_bytes()
        return await self._add_version(data, "add")

    async def _add_damaged(self) -> str:
        return await self._add_version(DAMAGED, "add damaged")

    async def _add_version(self, data: bytes, what: str) -> str:
        missing = [it for it in VERSIONS if not (self._folder / "digits" / it).exists()]
        if not missing:
            return f"{what}: all are there"
        version = self._chance.choice(missing)
        _put(self._folder, "digits", version, data)
        return f"{what} digits {version}" + await self._notice("digits", version, there=True)

    async def _delete(self) -> str:
        there = [it for it in VERSIONS[1:] if (self._folder / "digits" / it).exists()]
        if not there:
            return "delete: only version 1 is there"
        version = self._chance.choice(there)
        shutil.rmtree(self._folder / "digits" / version)
        # It may serve on: it goes when another version answers.
        return f"delete digits {version}"

    async def _replace(self) -> str:
        file = self._folder / "digits/1/digits.tflite"
        whole = (shipped_models() / "digits/1/digits.tflite").read_bytes()
        data = self._chance.choice([whole, whole + b"more", DAMAGED])
        file.write_bytes(data)
        return f"replace digits 1 by {len(data)} bytes"

    async def _kill(self) -> str:
        """Kill the process of a model, which no call notices."""
        killed = []
        for child in psutil.Process(self._pid).children():
            child.kill()
            killed.append(child.pid)
        return f"kill {killed}"

    async def _come_or_go(self) -> str:
        if (self._folder / "rest").exists():
            shutil.rmtree(self._folder / "rest")
            return "delete rest" + await self._notice("rest", "1", there=False)
        _put(self._folder, "rest", "1", build_binary("FLOOR_MOD"))
        return "add rest" + await self._notice("rest", "1", there=True)

    async def _notice(self, model: str, version: str, *, there: bool) -> str:
        """Wait until the service has noticed it, or do not: the next change then comes first."""
        if self._chance.random() < _HURRIED:
            return ""
        deadline = time.monotonic() + PATIENCE
        while there is not await self._is_listed(model, version):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{model} {version} must come or go")
            await asyncio.sleep(PAUSE)
        return ", noticed"

    async def _is_listed(self, model: str, version: str) -> bool:
        index = await self._door.call(
            "/inference.GRPCInferenceService/RepositoryIndex",
            v2.RepositoryIndexRequest(),
            v2.RepositoryIndexResponse,
        )
        return (model, version) in {(it.name, it.version) for it in index.models}

    def _choose_model(self) -> str:
        return self._chance.choice(["digits", "rest"])
