"""Objects behind bindings, through a real sidecar: of S3's protocol, and local files."""

import os
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from client_programs import programs_of
from dapr.proto import api_v1
from dapr_run import dapr_runtime
from local_binding import local_binding
from processes import Process, eventually, free_ports, is_listening
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
BUCKETS = """
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
    - {{name: accessKey, value: nobody}}
    - {{name: secretKey, value: nothing}}
"""
# A server of S3 that asks for no key: those of the bindings' requests it would not check rightly.
SERVE = """
import signal, sys
from moto.server import ThreadedMotoServer
ThreadedMotoServer("127.0.0.1", int(sys.argv[1]), verbose=False).start()
signal.sigwait({signal.SIGTERM})
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
        bucket: address of the bucket.
    """

    sidecar: Sidecar
    settings: Settings
    folder: Path
    bucket: str

    def open(self, binding: str) -> Bucket:
        return Bucket(self.sidecar, self.settings, binding, pause=lambda _: None)

    def put(self, binding: str, objects: Mapping[str, bytes]) -> None:
        for name, data in objects.items():
            if binding == BUCKET:
                put(f"{self.bucket}/{quote(name)}", data)
            else:
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).write_bytes(data)

    def delete(self, binding: str, name: str) -> None:
        if binding == BUCKET:
            self.sidecar.stub.InvokeBinding(
                api_v1.InvokeBindingRequest(
                    name=BUCKET, operation="delete", metadata={"key": name}
                ),
                timeout=5,
            )
        else:
            (self.folder / name).unlink()


def put(address: str, data: bytes = b"") -> None:
    kind = {"content-type": "application/octet-stream"}
    request = urllib.request.Request(address, data, kind, method="PUT")  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - as above
        answer.read()


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("bindings")
    ports = free_ports()
    at = next(ports)
    program = [str(programs_of("s3_bucket") / "python"), "-c", SERVE, str(at)]
    server = Process("s3", program, folder=folder, env=os.environ)
    address = f"http://127.0.0.1:{at}/{BUCKET}"
    try:
        eventually(lambda: is_listening(at), "the server listens", within=40)
        put(address)
        (folder / "components").mkdir()
        texts = {BUCKET: BUCKETS.format(port=at), FILES: local_binding(FILES, folder / FILES)}
        for name, text in texts.items():
            (folder / "components" / f"{name}.yaml").write_text(text)
        with run_sidecar(folder, ports) as (sidecar, settings):
            stores = Stores(sidecar, settings, folder / FILES, address)
            for binding in (BUCKET, FILES):
                stores.put(binding, OBJECTS)
            yield stores
    finally:
        server.kill()


@contextmanager
def run_sidecar(folder: Path, ports: Iterator[int]) -> Iterator[tuple[Sidecar, Settings]]:
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
        yield sidecar, settings
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
    stores.put(binding, {"changing/one": b"before", "changing/other": b""})
    bucket = stores.open(binding)
    listed = bucket.find("changing/one")
    assert listed
    assert bucket.read(listed) == b"before"
    if binding == BUCKET:
        stores.delete(binding, "changing/one")  # the server lets nobody write over an object
        stores.put(binding, {"changing/one": b"behind"})
        with pytest.raises(InputChanged, match="another size or tag"):
            bucket.read(listed)
    stores.delete(binding, "changing/one")
    with pytest.raises(InputChanged, match="no object of that name"):
        bucket.read(listed)
    stores.delete(binding, "changing/other")


def test_an_object_that_is_too_large_is_refused_with_what_to_do(
    stores: Stores, binding: str
) -> None:
    stores.put(binding, {"large/one": bytes(4 * MIB)})
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
