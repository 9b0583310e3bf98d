"""A model gives the same bits by every protocol as by its engine in process, in both formats."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from client_programs import MakeCall, open_client
from curl_calls import curl_by
from installed import need_module
from mesh import Mesh, Profile
from ways import Way, address_of

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.models import shipped_models
from meshlens.classify.serving.repository import Repository

pytestmark = pytest.mark.timeout(600)  # the first run of a client installs it

DIGITS, CHOPSTICK = "digits.tflite", "chopstick, a SavedModel"
# What a chopstick of 10 cm is: the float32 that TensorFlow's own session gives, in 12 digits.
TEN = ["3.98174306027e-11", "1", "1.83699980923e-18"]


@dataclass(frozen=True)
class Model:
    """A model, and what is sent to it."""

    name: str
    input: str
    output: str
    tensor: Sequence[Any]


MODELS = {
    DIGITS: Model(
        *("digits", "picture", "Identity"),
        np.random.default_rng(7).uniform(0, 255, (1, 32, 32, 1)).astype(np.float32).tolist(),
    ),
    CHOPSTICK: Model("chopstick", "chopstick_length", "classes_prob", [[10.0]]),
}
# Which program calls, by which way, and whether tensors are binary.
PROTOCOLS = {
    "V2 gRPC by tritonclient": ("triton_grpc", Way.PROXY, True),
    "V2 gRPC by kserve": ("kserve_grpc", Way.PROXY, True),
    "V2 REST, binary, by tritonclient": ("triton_rest", Way.PREFIX, True),
    "V2 REST, JSON, by tritonclient": ("triton_rest", Way.PREFIX, False),
    "V2 REST, binary, by kserve": ("kserve_rest", Way.PREFIX, True),
    "V2 REST, JSON, by kserve": ("kserve_rest", Way.PREFIX, False),
    "V2 REST, JSON, by curl": ("curl inference", Way.PREFIX, False),
    "TensorFlow Serving's gRPC": ("tfserving_grpc", Way.PROXY, True),
    "TensorFlow Serving's REST": ("curl serving", Way.PREFIX, False),
    "predict": ("", Way.PREFIX, False),
}


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models; without TensorFlow, or a SavedModel with known results, only the digits."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(shipped_models() / "digits", folder / "digits")
    try:
        need_module("tensorflow", "uv sync --group train")
        shared: Path = request.getfixturevalue("shared")
    except pytest.skip.Exception:
        return folder
    shutil.copytree(shared / "models/chopstick", folder / "chopstick")
    return folder


@pytest.fixture(scope="module")
def running(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    env = {"classify": {"DEFAULT_MODEL": "digits"}}
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), models=folder, env=env) as mesh:
        yield mesh


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest, folder: Path) -> Model:
    model = MODELS[request.param]
    if not (folder / model.name).exists():
        pytest.skip("needs TensorFlow and a SavedModel that is not part of the project")
    return model


@pytest.fixture(scope="module")
def in_process(folder: Path, model: Model) -> bytes:
    """What the engine gives without any protocol."""
    repository = Repository(folder, partial(open_engine, workers=1), default=model.name)
    repository.load(model.name)
    with repository.lease() as servable:
        assert servable.loaded is not None
        signature = next(iter(servable.loaded.model.engine.signatures.values()))
        output = signature.run({model.input: np.array(model.tensor, np.float32)})[model.output]
    repository.unload(model.name, "1")
    return output.tobytes()


@pytest.fixture(scope="module")
def programs(running: Mesh) -> Iterator[Mapping[str, MakeCall]]:
    """What makes calls, by its name."""

    def predict(line: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        body = json.dumps({"inputs": {line["input"]: line["tensor"]}}).encode()
        answer = running.call("pca", "classify", f"models/{line['model']}/predict", body)
        values = json.loads(answer.body)["outputs"][line["output"]]
        return {"output": np.array(values, np.float32).tobytes().hex()}

    with ExitStack() as stack:
        names = {name for name, _, _ in PROTOCOLS.values()} - {"", "curl inference", "curl serving"}
        opened = {name: stack.enter_context(open_client(name)) for name in names}
        by_curl = {f"curl {protocol}": curl_by(protocol) for protocol in ("inference", "serving")}
        yield {"": predict, **by_curl, **opened}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_gives_the_same_bits_as_in_process(
    running: Mesh,
    programs: Mapping[str, MakeCall],
    model: Model,
    in_process: bytes,
    protocol: str,
) -> None:
    name, way, binary = PROTOCOLS[protocol]
    seen = programs[name](
        {
            **address_of(running, way).of_call,
            "model": model.name,
            "input": model.input,
            "output": model.output,
            "tensor": model.tensor,
            "binary": binary,
        }
    )
    assert seen == {"output": in_process.hex()}
    if model is MODELS[CHOPSTICK]:
        values = np.frombuffer(bytes.fromhex(seen["output"]), np.float32)
        assert [f"{value:.12g}" for value in values] == TEN
