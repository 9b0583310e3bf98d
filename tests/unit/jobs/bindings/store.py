"""A sidecar with one binding, as a store of its own kind answers it, which tests can change."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from dapr.proto import api_service_v1, api_v1
from pydantic import ByteSize

from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.object_lists import AZURE, GOOGLE, LOCAL, S3
from meshlens.jobs.bindings.bucket import Bucket
from meshlens.jobs.settings import Settings

KINDS = (LOCAL, S3, AZURE, GOOGLE)
NAME = "shelf"
ROOT = "/srv/data/shelf"
MAX_BODY = ByteSize(100_000)
# Of buckets: more objects take several calls of the list.
PAGE = 2


@dataclass
class Store(api_service_v1.DaprServicer):
    """A binding.

    Attributes:
        kind: its type.
        objects: by name.
        tags: of objects whose tag is not the digest of their content.
        broken: names that cannot be read.
        calls: what was asked: operation and name, prefix or folder.
        before_get: called with the name of an object before it is read.
    """

    kind: str = S3
    objects: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    before_get: Callable[[str], None] = lambda _: None

    def GetMetadata(  # noqa: N802 - Dapr's name
        self, request: api_v1.GetMetadataRequest, context: grpc.ServicerContext
    ) -> api_v1.GetMetadataResponse:
        """Say which components there are."""
        del request, context
        return api_v1.GetMetadataResponse(
            registered_components=[
                api_v1.RegisteredComponents(name=NAME, type=self.kind),
                api_v1.RegisteredComponents(name="pubsub", type="pubsub.redis"),
            ]
        )

    def InvokeBinding(  # noqa: N802 - Dapr's name
        self, request: api_v1.InvokeBindingRequest, context: grpc.ServicerContext
    ) -> api_v1.InvokeBindingResponse:
        """Answer `get` and `list`."""
        if request.operation == "get":
            name = request.metadata["fileName" if self.kind == LOCAL else "key"]
            self.calls.append(("get", name))
            self.before_get(name)
            if name in self.broken or name not in self.objects:
                context.abort(grpc.StatusCode.INTERNAL, "object not found")
            return api_v1.InvokeBindingResponse(data=self.objects[name])
        if self.kind == LOCAL:
            return self._list_folder(request.metadata["fileName"], context)
        wanted = json.loads(request.data)
        self.calls.append(("list", wanted["prefix"]))
        return api_v1.InvokeBindingResponse(data=json.dumps(self._list(wanted)).encode())

    def _list_folder(
        self, folder: str, context: grpc.ServicerContext
    ) -> api_v1.InvokeBindingResponse:
        folder = folder.strip("/")
        self.calls.append(("list", folder))
        prefix = f"{folder}/" if folder else ""
        found = [f"{ROOT}/{name}" for name in sorted(self.objects) if name.startswith(prefix)]
        if folder and not found:
            context.abort(grpc.StatusCode.INTERNAL, "no such file or directory")
        return api_v1.InvokeBindingResponse(data=json.dumps(found or None).encode())

    def _list(self, wanted: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever a list is
        names = sorted(name for name in self.objects if name.startswith(wanted["prefix"]))
        match self.kind:
            case "bindings.aws.s3":
                names = [name for name in names if name > wanted["marker"]]
                page = names[: min(PAGE, wanted["maxResults"])]
                contents = [
                    {"Key": name, "Size": len(self.objects[name]), "ETag": f'"{self._tag(name)}"'}
                    for name in page
                ]
                return {"Contents": contents or None, "IsTruncated": len(page) < len(names)}
            case "bindings.azure.blobstorage":
                return [
                    {
                        "Name": name,
                        "Properties": {
                            "ContentLength": len(self.objects[name]),
                            "ContentMD5": self._md5(name),
                            "ETag": f"0x{self._tag(name)}",
                        },
                    }
                    for name in names
                ]
            case _:
                return [
                    {
                        "Name": name,
                        "Size": len(self.objects[name]),
                        "MD5": self._md5(name),
                        "Generation": self._tag(name),
                    }
                    for name in names
                ]

    def _tag(self, name: str) -> str:
        digest = hashlib.md5(self.objects[name], usedforsecurity=False).hexdigest()
        return self.tags.get(name, digest)

    def _md5(self, name: str) -> str | None:
        if name in self.tags:
            return None
        return base64.b64encode(bytes.fromhex(self._tag(name))).decode()


@contextmanager
def serve(store: Store) -> Iterator[tuple[Bucket, Settings]]:
    """Let a sidecar with a store answer; yield what reads from it, and settings that name it."""
    server = grpc.server(ThreadPoolExecutor(4))
    api_service_v1.add_DaprServicer_to_server(store, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    settings = Settings(dapr_grpc_port=port, max_body=MAX_BODY)
    sidecar = Sidecar(settings)
    try:
        yield Bucket(sidecar, settings, NAME, pause=lambda _: None), settings
    finally:
        sidecar.close()
        server.stop(None).wait()
