"""Objects behind bindings, through a real sidecar: of S3's protocol, and local files."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from client_programs import CLIENTS, programs_of
from dapr.proto import api_v1
from dapr_run import dapr_runtime
from processes import Process, eventually, free_ports
from pydantic import ByteSize

from meshlens.batch.errors import InputChanged
from meshlens.command.mesh.sidecars import LOOPBACK_FLAGS
from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.settings import MIB
from meshlens.daprkit.sidecar import bindings
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.bindings.bucket import Bucket
from meshlens.jobs.settings import Settings

BUCKET, FILES = "bucket", "files"
# As the operator may have it for other apps: jobs reads objects as they are.
COMPONENTS = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: bucket
spec:
  type: bindings.aws.s3
  version: v1
  metadata:
    - {{name: direction, value: output}}
    - {{name: bucket, value: bucket}}
    - {{name: region, value: us-east-1}}
    - {{name: endpoint, value: "http://127.0.0.1:{port}"}}
    - {{name: forcePathStyle, value: "true"}}
    - {{name: encodeBase64, value: "true"}}
    - {{name: accessKey, value: "{id}"}}
    - {{name: secretKey, value: "{secret}"}}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: files
spec:
  type: bindings.localstorage
  version: v1
  metadata:
    - {{name: rootPath, value: "{folder}"}}
"""
OBJECTS = {
    "2026/a.jpg": b"\xff\xd8 no base64 \0",
    "2026/a b&c.jpg": b"two",
    "2026/deep/er/ä.jpg": b"three",
    "2026-old/d.jpg": b"four",
    "e.jpg": b"",
}


@dataclass(frozen=True)
class Stores:
    """A sidecar with both bindings.

    Attributes:
        sidecar: it.
        settings: of who reads through it.
        folder: of the local files.
    """

    sidecar: Sidecar
    settings: Settings
    folder: Path

    def open(self, binding: str) -> Bucket:
        return Bucket(self.sidecar, self.settings, binding, pause=lambda _: None)

    def put(self, binding: str, name: str, data: bytes) -> None:
        if binding == FILES:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)
        else:
            self._invoke("create", name, data)

    def delete(self, binding: str, name: str) -> None:
        if binding == FILES:
            (self.folder / name).unlink()
        else:
            self._invoke("delete", name)

    def _invoke(self, operation: str, name: str, data: bytes = b"") -> None:
        self.sidecar.stub.InvokeBinding(
            api_v1.InvokeBindingRequest(
                name=BUCKET, operation=operation, metadata={"key": name}, data=data
            ),
            wait_for_ready=True,
            timeout=20,
        )


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("bindings")
    ports = free_ports()
    at = next(ports)
    program = [str(programs_of("s3_bucket") / "python"), str(CLIENTS / "s3_bucket.py")]
    server = Process("s3", [*program, "127.0.0.1", str(at), BUCKET], folder=folder, env=os.environ)

    def key() -> Mapping[str, str]:
        line = next((line for line in server.log().splitlines() if line.startswith("{")), "{}")
        known: Mapping[str, str] = json.loads(line)
        return known

    try:
        known = eventually(key, "the bucket is there", within=40)
        (folder / "components").mkdir()
        text = COMPONENTS.format(port=at, folder=folder / FILES, **known)
        (folder / "components" / "bindings.yaml").write_text(text)
        with run_sidecar(folder, ports) as stores:
            for binding in (BUCKET, FILES):
                for name, data in OBJECTS.items():
                    stores.put(binding, name, data)
            yield stores
    finally:
        server.kill()


@contextmanager
def run_sidecar(folder: Path, ports: Iterator[int]) -> Iterator[Stores]:
    grpc = next(ports)
    flags = {
        "--app-id": "jobs",
        "--dapr-http-port": next(ports),
        "--dapr-grpc-port": grpc,
        "--dapr-internal-grpc-port": next(ports),
        "--dapr-listen-addresses": "127.0.0.1",
        "--metrics-port": next(ports),
        "--max-body-size": "2Mi",
        "--resources-path": folder / "components",
    }
    command = [
        str(dapr_runtime("daprd") / ".dapr" / "bin" / "daprd"),
        *(str(part) for flag in flags.items() for part in flag),
        *LOOPBACK_FLAGS,
    ]
    daprd = Process(
        "daprd", command, folder=folder, env={**os.environ, "DAPR_HOST_IP": "127.0.0.1"}
    )
    settings = Settings(dapr_grpc_port=grpc, max_body=ByteSize(MIB))
    sidecar = Sidecar(settings)
    try:
        yield Stores(sidecar, settings, folder / FILES)
    finally:
        sidecar.close()
        daprd.kill()


@pytest.fixture(params=[BUCKET, FILES])
def binding(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("page", [1000, 1])
def test_objects_are_listed_and_read_as_they_are(
    stores: Stores, binding: str, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bindings, "_PAGE", page)
    bucket = stores.open(binding)
    for prefix in ("", "2026/", "2026/deep/", "2026-old/d"):
        listed = {one.name: one for one in bucket.list(prefix)}
        wanted = {name: data for name, data in OBJECTS.items() if name.startswith(prefix)}
        assert sorted(listed) == sorted(wanted)
        assert {name: bucket.read(one) for name, one in listed.items()} == wanted
        sizes = {name: None if binding == FILES else len(data) for name, data in wanted.items()}
        assert {name: one.size for name, one in listed.items()} == sizes


def test_an_object_that_goes_or_changes_is_not_read(stores: Stores, binding: str) -> None:
    stores.put(binding, "changing/one", b"before")
    bucket = stores.open(binding)
    listed = bucket.find("changing/one")
    assert listed
    assert bucket.read(listed) == b"before"
    if binding == BUCKET:
        stores.put(binding, "changing/one", b"behind")
        with pytest.raises(InputChanged, match="another size or tag"):
            bucket.read(listed)
    stores.put(binding, "changing/other", b"")
    stores.delete(binding, "changing/one")
    with pytest.raises(InputChanged, match="no object of that name"):
        bucket.read(listed)
    stores.delete(binding, "changing/other")


def test_an_object_that_is_too_large_is_refused_with_what_to_do(
    stores: Stores, binding: str
) -> None:
    stores.put(binding, "large/one", bytes(2 * MIB - 4096) if binding == BUCKET else bytes(4 * MIB))
    bucket = stores.open(binding)
    listed = bucket.find("large/one")
    assert listed
    with pytest.raises(InputUnavailable, match="MAX_BODY and --max-body-size"):
        bucket.read(listed)
    stores.delete(binding, "large/one")


def test_a_folder_that_is_not_there_is_said(stores: Stores, binding: str) -> None:
    bucket = stores.open(binding)
    if binding == BUCKET:
        assert bucket.list("nowhere/") == []
        return
    with pytest.raises(InputUnavailable, match="must give the folder 'nowhere' by its operation"):
        bucket.list("nowhere/")
