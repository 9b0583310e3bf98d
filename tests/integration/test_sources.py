"""Models with a dapr:// address in their cards: in a state store or behind a binding."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dapr.proto import api_v1, common_v1
from local_binding import local_binding
from mesh import ROOT, Mesh, Profile

from meshlens.classify.models import shipped_models
from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.sidecar.addresses import Inputs
from meshlens.daprkit.sidecar.blobs import BlobStore
from meshlens.daprkit.sidecar.channel import Sidecar

SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
MODEL = (shipped_models() / "digits/1/digits.tflite").read_bytes()
# What follows the end of a model belongs to nobody: it makes each model one of its own digest.
MODELS = {name: MODEL + name.encode() for name in ("value", "chunks", "file", "nowhere")}
SHA256 = {name: hashlib.sha256(data).hexdigest() for name, data in MODELS.items()}
CARDS = {
    "value": "dapr://state/further/models/digits.tflite",
    "chunks": f"dapr://state/further/{SHA256['chunks']}",
    "file": "dapr://binding/files/models/digits.tflite",
    "nowhere": "dapr://binding/no-such-binding/digits.tflite",
}
STATE = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: further
spec:
  type: state.in-memory
  version: v1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Mesh]:
    for name in ("models", "files", "components", "mesh"):
        (folder / name).mkdir()
    shutil.copytree(shipped_models() / "digits", folder / "models/digits")
    for name, uri in CARDS.items():
        (folder / f"models/{name}.yaml").write_text(
            f"model: {{type: tflite}}\nsource: {{uri: '{uri}', sha256: {SHA256[name]}}}"
        )
    (folder / "components/further.yaml").write_text(STATE)
    files = local_binding("files", folder / "files")
    (folder / "components/files.yaml").write_text(files)
    with Mesh(
        Profile.EMBEDDED,
        folder / "mesh",
        models=folder / "models",
        env={"classify": {"DEFAULT_MODEL": "digits"}},
        sidecar_flags=("--resources-path", str(folder / "components")),
    ) as mesh:
        yield mesh


@pytest.fixture(scope="module")
def sidecar(running: Mesh) -> Iterator[Sidecar]:
    sidecar = Sidecar(ServerSettings(dapr_grpc_port=running.grpc_port("classify")))
    yield sidecar
    sidecar.close()


def save(sidecar: Sidecar, key: str, value: bytes) -> None:
    items = [common_v1.StateItem(key=key, value=value)]
    sidecar.stub.SaveState(api_v1.SaveStateRequest(store_name="further", states=items))


def put_value(sidecar: Sidecar, _: Path) -> None:
    save(sidecar, "models/digits.tflite", MODELS["value"])


def put_chunks(sidecar: Sidecar, _: Path) -> None:
    BlobStore(sidecar, store="further", timeout=10, chunk=10_000).put(MODELS["chunks"])


def put_file(_: Sidecar, folder: Path) -> None:
    (folder / "files/models").mkdir()
    (folder / "files/models/digits.tflite").write_bytes(MODELS["file"])


def load(mesh: Mesh, model: str) -> dict[str, Any]:
    answer = mesh.call("pca", "classify", f"models/{model}/versions/1/load")
    assert answer.status == 200, answer.text
    described: dict[str, Any] = json.loads(answer.body)
    return described


@pytest.mark.parametrize(
    ("model", "put", "missing"),
    [
        ("value", put_value, "keyPrefix"),
        ("chunks", put_chunks, "keyPrefix"),
        ("file", put_file, "binding 'files' must give 'models/digits.tflite'"),
    ],
)
def test_a_model_comes_from_where_its_card_says(
    running: Mesh,
    sidecar: Sidecar,
    folder: Path,
    model: str,
    put: Callable[[Sidecar, Path], None],
    missing: str,
) -> None:
    before = load(running, model)
    assert before["state"] == "END"
    assert missing in before["error"]
    put(sidecar, folder)
    assert load(running, model)["state"] == "AVAILABLE"
    answer = running.call("pca", "classify", f"classify?model={model}", SEVEN)
    assert json.loads(answer.body)["labels"][0]["label"] == "7"


def test_a_model_of_other_bytes_than_its_card_says_is_refused(
    running: Mesh, sidecar: Sidecar
) -> None:
    load(running, "value")
    running.call("pca", "classify", "models/value/versions/1/unload")
    # Or it would come from the store under its sha256.
    BlobStore(sidecar, store="statestore", timeout=10).delete(SHA256["value"])
    save(sidecar, "models/digits.tflite", MODEL)
    described = load(running, "value")
    assert described["state"] == "END"
    assert f"must have sha256 {SHA256['value']}" in described["error"]


def test_a_component_that_is_not_there_is_named(running: Mesh) -> None:
    described = load(running, "nowhere")
    assert described["state"] == "END"
    assert "no-such-binding" in described["error"]
    answer = running.call("pca", "classify", "classify?model=nowhere", SEVEN)
    assert answer.status == 400


@pytest.mark.parametrize("kind", ["state", "chunks"])
def test_what_is_larger_than_the_limit_or_too_slow_is_refused(sidecar: Sidecar, kind: str) -> None:
    if kind == "chunks":
        key = BlobStore(sidecar, store="further", timeout=10, chunk=100).put(bytes(1000))
    else:
        key = "zeros"
        save(sidecar, key, bytes(1000))
    address = f"dapr://state/further/{key}"
    assert Inputs(sidecar, timeout=5, seconds=60, limit=1000).read(address) == bytes(1000)
    with pytest.raises(InputUnavailable, match="at most 999 bytes"):
        Inputs(sidecar, timeout=5, seconds=60, limit=999).read(address)
    with pytest.raises(InputUnavailable, match="within 0 s"):
        Inputs(sidecar, timeout=5, seconds=0, limit=1000).read(address)


@pytest.mark.parametrize("address", ["", "dapr://state/x", "dapr://secrets/x/y", "dapr://state//y"])
def test_an_address_that_is_none_is_refused(sidecar: Sidecar, address: str) -> None:
    with pytest.raises(InputUnavailable, match="expected dapr://state/<store>/<key>"):
        Inputs(sidecar, timeout=5, seconds=5, limit=10).read(address)
