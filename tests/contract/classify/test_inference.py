"""The gRPC services of V2 on the app's own port."""

import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from contract.classify.test_server import Blobs
from numpy.typing import NDArray
from processes import eventually
from unit.classify.fake_engine import FakeEngine
from unit.classify.models import build_model

from meshlens.classify.engines.engine import OpenEngine
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.models import shipped_models
from meshlens.classify.server import build_server
from meshlens.classify.serving.repository import Repository
from meshlens.classify.settings import Settings
from meshlens.classify.storage.cache import ModelCache
from meshlens.classify.storage.source import read_model
from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import EventMode
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.protocols.wire import inference_pb2 as pb

PATIENCE = 30
SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
SEVEN = (SAMPLES / "digit-7.png").read_bytes()
INFERENCE, REPOSITORY = (
    "inference.GRPCInferenceService",
    "inference.model_repository.ModelRepositoryService",
)
NUMBERS = np.linspace(0, 1, 1024, dtype=np.float32).reshape(1, 32, 32, 1)
TOKEN = "swordfish"
OPEN: OpenEngine = partial(open_engine, workers=2)


class GatedEngine(FakeEngine):
    """Computes while its gate is open, and counts how often it is told to."""

    def __init__(self) -> None:
        super().__init__(np.array([[0.4, 0.6]], np.float32))
        self.gate, self.runs = threading.Event(), 0
        self.gate.set()

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        self.runs += 1
        assert self.gate.wait(PATIENCE)
        return super().run(tensors)


@contextmanager
def serving(
    folder: Path, make: OpenEngine = OPEN, *, default: str = "digits", **changes: object
) -> Iterator[tuple[Server, grpc.Channel, Repository]]:
    settings = Settings.model_validate(
        {
            "models": folder,
            "app_port": 0,
            "admin": "true",
            "events": EventMode.OFF,
            "watch_seconds": 0,
        }
        | changes
    )
    sidecar = Sidecar(settings)
    repository = Repository(folder, make, default=default)
    cache = ModelCache(Blobs(), read_model, seconds=PATIENCE)
    server = build_server(settings, sidecar, repository, cache)
    port = server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            eventually(lambda: repository.ready, "the model answers")
            yield server, channel, repository
    finally:
        server.drain()
        server.stop()
        sidecar.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(shipped_models() / "digits", folder / "digits")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[Server, grpc.Channel, Repository]]:
    with serving(folder) as it:
        yield it


@pytest.fixture
def channel(served: tuple[Server, grpc.Channel, Repository]) -> grpc.Channel:
    return served[1]


def call(
    channel: grpc.Channel,
    name: str,
    request: Any,  # noqa: ANN401 - any message
    *,
    service: str = INFERENCE,
    metadata: tuple[tuple[str, str], ...] = (),
    seconds: float = PATIENCE,
) -> Any:  # noqa: ANN401 - the message of that call
    answer = getattr(pb, f"{name}Response")
    method: Callable[..., Any] = channel.unary_unary(
        f"/{service}/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    return method(request, timeout=seconds, metadata=metadata)


def request_for(model: str = "digits", **changes: Any) -> pb.ModelInferRequest:  # noqa: ANN401 - fields
    request = pb.ModelInferRequest(
        model_name=model, raw_input_contents=[NUMBERS.tobytes()], **changes
    )
    request.inputs.add(name="picture", datatype="FP32", shape=NUMBERS.shape)
    return request


def refusal_of(make: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as fault:
        make()
    return fault.value.code(), fault.value.details() or ""


def is_refused(channel: grpc.Channel) -> bool:
    try:
        call(channel, "ServerLive", pb.ServerLiveRequest())
    except grpc.RpcError as refused:
        return refused.code() is grpc.StatusCode.UNAVAILABLE
    return False


class Stream:
    """A stream of ModelStreamInfer, one message at a time."""

    def __init__(self, channel: grpc.Channel, *metadata: tuple[str, str]) -> None:
        self.sent: queue.Queue[pb.ModelInferRequest | None] = queue.Queue()
        method: Any = channel.stream_stream(
            f"/{INFERENCE}/ModelStreamInfer",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=pb.ModelStreamInferResponse.FromString,
        )
        self.answers: Any = method(iter(self.sent.get, None), metadata=metadata)

    def ask(self, request: pb.ModelInferRequest) -> pb.ModelStreamInferResponse:
        self.sent.put(request)
        answer: pb.ModelStreamInferResponse = next(self.answers)
        return answer

    def end(self) -> list[pb.ModelStreamInferResponse]:
        self.sent.put(None)
        return list(self.answers)


def test_the_server_and_its_models_are_described(channel: grpc.Channel) -> None:
    assert call(channel, "ServerLive", pb.ServerLiveRequest()).live
    assert call(channel, "ServerReady", pb.ServerReadyRequest()).ready
    server = call(channel, "ServerMetadata", pb.ServerMetadataRequest())
    assert server.name == "meshlens-classify"
    assert "classification" in server.extensions
    ready = partial(call, channel, "ModelReady")
    assert ready(pb.ModelReadyRequest(name="digits")).ready
    assert ready(pb.ModelReadyRequest(name="digits", version="1")).ready
    assert not ready(pb.ModelReadyRequest(name="digits", version="2")).ready
    assert not ready(pb.ModelReadyRequest(name="nobody")).ready
    metadata = call(channel, "ModelMetadata", pb.ModelMetadataRequest(name="digits"))
    assert metadata.platform == "tensorflow_tflite"
    assert [tuple(tensor.shape) for tensor in metadata.inputs] == [(1, 32, 32, 1)]
    config = call(channel, "ModelConfig", pb.ModelConfigRequest(name="digits")).config
    assert config.input[0].data_type == pb.TYPE_FP32
    assert (config.platform, config.max_batch_size) == ("tensorflow_tflite", 0)
    unknown = pb.ModelMetadataRequest(name="nobody")
    assert refusal_of(lambda: call(channel, "ModelMetadata", unknown)) == (
        grpc.StatusCode.NOT_FOUND,
        "Request for unknown model: 'nobody' is not found",
    )


def test_outputs_are_bit_for_bit_those_of_the_engine(
    served: tuple[Server, grpc.Channel, Repository],
) -> None:
    _, channel, repository = served
    answer = call(channel, "ModelInfer", request_for(id="mine"))
    with repository.lease("digits") as servable:
        assert servable.loaded is not None
        (signature,) = servable.loaded.engine.signatures.values()
        (given,) = signature.outputs
        alone = signature.run({"picture": NUMBERS})[given.name]
    assert list(answer.raw_output_contents) == [alone.tobytes()]
    assert (answer.id, answer.model_version, answer.outputs[0].name) == ("mine", "1", given.name)


def test_a_picture_is_sent_as_its_file(channel: grpc.Channel) -> None:
    request = pb.ModelInferRequest(model_name="digits")
    sent = request.inputs.add(name="picture", datatype="BYTES", shape=[1])
    sent.contents.bytes_contents.append(SEVEN)
    request.outputs.add(name="Identity").parameters["classification"].int64_param = 1
    answer = call(channel, "ModelInfer", request)
    assert answer.raw_output_contents[0][4:] == b"1.000000:7:7"
    sent.contents.bytes_contents[0] = b"no picture"
    code, _ = refusal_of(lambda: call(channel, "ModelInfer", request))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_models_are_loaded_and_unloaded_in_both_spellings_and_services(
    channel: grpc.Channel,
) -> None:
    tritons = pb.RepositoryModelUnloadRequest(model_name="digits")
    tritons.parameters["unload_dependents"].bool_param = True
    assert call(channel, "RepositoryModelUnload", tritons).isUnloaded
    index = call(channel, "RepositoryIndex", pb.RepositoryIndexRequest())
    assert [(it.name, it.state) for it in index.models] == [("digits", "UNAVAILABLE")]
    assert refusal_of(lambda: call(channel, "ModelInfer", request_for())) == (
        grpc.StatusCode.NOT_FOUND,
        "Request for unknown model: 'digits' has no available versions",
    )
    kserves = pb.RepositoryModelLoadRequest(repository_name="digits")
    loaded = call(channel, "RepositoryModelLoad", kserves)
    assert (loaded.model_name, loaded.isLoaded) == ("digits", True)
    index = call(channel, "RepositoryIndex", pb.RepositoryIndexRequest(), service=REPOSITORY)
    assert [it.state for it in index.models] == ["READY"]


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (
            pb.RepositoryModelLoadRequest(model_name="nobody"),
            grpc.StatusCode.NOT_FOUND,
            "Request for unknown model: 'nobody' is not found",
        ),
        (
            pb.RepositoryModelLoadRequest(repository_name="mine", model_name="digits"),
            grpc.StatusCode.UNIMPLEMENTED,
            "'repository_name' specification is not supported",
        ),
        (
            pb.RepositoryModelLoadRequest(
                model_name="digits",
                parameters={"config": pb.ModelRepositoryParameter(string_param="{}")},
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            (
                "expected no load parameters, got 'config'; a model is loaded as its folder and its"
                " card say"
            ),
        ),
        (
            pb.RepositoryModelLoadRequest(
                model_name="digits",
                parameters={"file:1/model.pb": pb.ModelRepositoryParameter(bytes_param=b"x")},
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            (
                "expected no load parameters, got 'file:1/model.pb'; a model is loaded as its"
                " folder and its card say"
            ),
        ),
    ],
)
def test_a_load_brings_nothing_of_its_own(
    channel: grpc.Channel,
    request_: pb.RepositoryModelLoadRequest,
    code: grpc.StatusCode,
    words: str,
) -> None:
    refusal = refusal_of(lambda: call(channel, "RepositoryModelLoad", request_))
    assert refusal == (code, words)


def test_what_is_no_message_is_the_callers_fault(channel: grpc.Channel) -> None:
    for name in ("ModelInfer", "ModelReady", "RepositoryIndex"):
        method: Callable[..., bytes] = channel.unary_unary(f"/{INFERENCE}/{name}")
        code, words = refusal_of(lambda method=method: method(b"\xff\xff"))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "got bytes that are none" in words


def test_expired_and_cancelled_calls_reach_no_model(tmp_path: Path) -> None:
    (tmp_path / "digits.tflite").write_bytes(build_model(None))
    engine = GatedEngine()
    with serving(tmp_path, lambda *_: engine, workers=1) as (_, channel, _):
        engine.gate.clear()
        before = engine.runs
        request = pb.ModelInferRequest(model_name="digits", raw_input_contents=[bytes(18)])
        request.inputs.add(name="picture", datatype="UINT8", shape=[1, 2, 3, 3])
        method: Any = channel.unary_unary(f"/{INFERENCE}/ModelInfer")
        running: Any = method.future(request.SerializeToString())
        eventually(lambda: engine.runs > before, "the first call is being computed")
        code, _ = refusal_of(lambda: call(channel, "ModelInfer", request, seconds=0.2))
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        cancelled: Any = method.future(request.SerializeToString())
        streaming = Stream(channel)
        streaming.sent.put(request)
        for late in (cancelled, streaming.answers):
            late.cancel()
        streaming.sent.put(None)
        # What comes after them on the connection is answered after the server has seen them.
        assert call(channel, "ServerLive", pb.ServerLiveRequest()).live
        engine.gate.set()
        assert running.result(PATIENCE)
        # One worker takes calls in their order: what was before this one would have run.
        assert call(channel, "ModelInfer", request).raw_output_contents
        assert engine.runs == before + 2
        (known,) = call(channel, "ModelStatistics", pb.ModelStatisticsRequest()).model_stats
        assert known.execution_count == 2


def test_each_message_of_a_stream_is_answered_and_an_error_ends_it_not(
    channel: grpc.Channel,
) -> None:
    stream = Stream(channel)
    whole = call(channel, "ModelInfer", request_for()).raw_output_contents
    first = stream.ask(request_for(id="1"))
    assert (first.infer_response.id, first.error_message) == ("1", "")
    assert first.infer_response.raw_output_contents == whole
    wrong = stream.ask(request_for("nobody", id="2"))
    assert wrong.error_message == "Request for unknown model: 'nobody' is not found"
    assert wrong.infer_response.id == "2"
    assert not wrong.infer_response.raw_output_contents
    assert stream.ask(request_for(id="3")).infer_response.raw_output_contents == whole
    assert stream.end() == []


def test_a_stream_may_end_with_the_status_of_its_first_error(channel: grpc.Channel) -> None:
    stream = Stream(channel, ("triton_grpc_error", "true"))
    assert refusal_of(lambda: stream.ask(request_for("nobody"))) == (
        grpc.StatusCode.NOT_FOUND,
        "Request for unknown model: 'nobody' is not found",
    )
    stream.sent.put(None)


def test_a_stream_without_the_token_is_refused_before_its_first_message(folder: Path) -> None:
    with serving(folder, app_api_token=TOKEN) as (_, channel, _):
        refused = Stream(channel)
        code, _ = refusal_of(lambda: next(refused.answers))
        assert code is grpc.StatusCode.UNAUTHENTICATED
        taken = Stream(channel, ("dapr-api-token", TOKEN))
        assert not taken.ask(request_for()).error_message
        taken.end()
        code, _ = refusal_of(lambda: call(channel, "ServerLive", pb.ServerLiveRequest()))
        assert code is grpc.StatusCode.UNAUTHENTICATED


def test_streams_that_are_idle_do_not_delay_the_end(folder: Path) -> None:
    ended = threading.Event()
    with serving(folder, stop_grace=PATIENCE) as (server, channel, _):
        stream = Stream(channel)
        stream.ask(request_for())
        server.drain()

        def stop() -> None:
            server.stop()
            ended.set()

        stopping = threading.Thread(target=stop)
        stopping.start()
        code, _ = refusal_of(lambda: next(stream.answers))
        assert code is grpc.StatusCode.CANCELLED
        stopping.join(PATIENCE / 2)
        assert ended.is_set()


def test_a_message_at_the_end_is_answered_and_then_its_stream_ends(tmp_path: Path) -> None:
    (tmp_path / "digits.tflite").write_bytes(build_model(None))
    engine = GatedEngine()
    with (
        serving(tmp_path, lambda *_: engine, stop_grace=PATIENCE) as (server, channel, _),
        ThreadPoolExecutor(1) as pool,
    ):
        engine.gate.clear()
        before = engine.runs
        stream = Stream(channel)
        request = pb.ModelInferRequest(model_name="digits", raw_input_contents=[bytes(18)])
        request.inputs.add(name="picture", datatype="UINT8", shape=[1, 2, 3, 3])
        answer = pool.submit(stream.ask, request)
        eventually(lambda: engine.runs > before, "the message is being computed")
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        eventually(lambda: is_refused(channel), "the connection takes no other call")
        assert not answer.done()
        engine.gate.set()
        assert not answer.result(PATIENCE).error_message
        code, _ = refusal_of(lambda: next(stream.answers))
        assert code is grpc.StatusCode.CANCELLED
        stopping.join(PATIENCE)


def test_a_message_of_a_stream_counts_as_a_body_until_it_is_answered(tmp_path: Path) -> None:
    (tmp_path / "digits.tflite").write_bytes(build_model(None))
    engine = GatedEngine()
    with (
        serving(tmp_path, lambda *_: engine, max_body=4096, body_memory=4096) as (_, channel, _),
        ThreadPoolExecutor(1) as pool,
    ):
        large = pb.ModelInferRequest(model_name="digits", raw_input_contents=[bytes(18)])
        large.inputs.add(name="picture", datatype="UINT8", shape=[1, 2, 3, 3])
        large.parameters["padding"].string_param = "x" * 3000
        first, second = Stream(channel), Stream(channel)
        engine.gate.clear()
        before = engine.runs
        answer = pool.submit(first.ask, large)
        eventually(lambda: engine.runs > before, "the message is being computed")
        code, words = refusal_of(lambda: call(channel, "ModelInfer", large))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "the bodies on their way must have at most 4096 bytes together" in words
        # There is no room for the next of a stream either, which ends it.
        assert refusal_of(lambda: second.ask(large)) == (code, words)
        second.sent.put(None)
        engine.gate.set()
        assert not answer.result(PATIENCE).error_message
        assert not first.ask(large).error_message

        def has_room() -> bool:
            try:
                return bool(call(channel, "ModelInfer", large).outputs)
            except grpc.RpcError:
                return False

        eventually(has_room, "an idle stream takes no room")
        first.end()


def test_there_are_only_so_many_streams(channel: grpc.Channel) -> None:
    streams = [Stream(channel) for _ in range(32)]
    for stream in streams:
        stream.ask(request_for())
    code, _ = refusal_of(lambda: Stream(channel).ask(request_for()))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    # The others go on, and so do calls.
    assert not streams[0].ask(request_for()).error_message
    for stream in streams:
        stream.end()
    assert call(channel, "ServerLive", pb.ServerLiveRequest()).live


def test_a_caller_that_leaves_frees_its_stream(channel: grpc.Channel) -> None:
    for _ in range(40):
        stream = Stream(channel)
        stream.ask(request_for())
        stream.answers.cancel()
        stream.sent.put(None)
    eventually(
        lambda: not Stream(channel).ask(request_for()).error_message, "a place for a stream is free"
    )
