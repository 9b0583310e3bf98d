"""What each call of the protocol does, and Triton's words for what it refuses."""

import numpy as np
import pytest
from unit.protocols.fake_models import FakeFunction, FakeModel, FakeModels, identity, tensor

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.status import Refused, Status
from meshlens.faults import Fault
from meshlens.protocols.inference.datatypes import find_dtype
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.inference.statistics import Statistics
from meshlens.protocols.inference.tensors import InferRequest, InputTensor, RequestedOutput
from meshlens.protocols.models import Models, State

UNKNOWN_ID = "[request id: <id_unknown>] "
ONES = np.ones(2, np.float32)
X = InputTensor("x", "FP32", (2,), ONES.tobytes())
PAIR = FakeModel(
    "pair",
    {"serving_default": FakeFunction([tensor("a"), tensor("b")], [tensor("a2"), tensor("b2")])},
)
WIDE = FakeModel(
    "wide",
    {
        "serving_default": FakeFunction(
            [tensor("x", dtype=np.float64)], [tensor("y", dtype=np.float64)], widens=True
        )
    },
)
LOOK = FakeModel(
    "look",
    {
        "serving_default": FakeFunction(
            [tensor("image", (-1, 3))],
            [tensor("scores", (-1, 3))],
            picture="image",
            names={"scores": ("apple", "pear", "plum")},
        )
    },
)


@pytest.fixture
def models() -> FakeModels:
    return FakeModels(
        identity("numbers"),
        identity("square", (2, 2)),
        identity("any", None),
        identity("flags", (-1,), np.bool_),
        identity("texts", (-1,), object),
        identity("halves", (-1,), np.float16),
        identity("complex", (-1,), np.complex64),
        PAIR,
        LOOK,
        labels={"stable": "1", "lost": "9"},
    )


@pytest.fixture
def server(models: FakeModels) -> InferenceServer:
    protocol: Models = models
    return InferenceServer(protocol, name="toy", version="1.2", ready=lambda: True)


def refusal_of(server: InferenceServer, request: InferRequest) -> tuple[Status, str]:
    with pytest.raises(Refused) as caught:
        server.infer(request)
    return caught.value.status, str(caught.value)


def text(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def test_outputs_are_what_the_model_computes(server: InferenceServer) -> None:
    answer = server.infer(InferRequest("numbers", inputs=[X], id="mine"))
    (output,) = answer.outputs
    assert (answer.model, answer.version, answer.id) == ("numbers", "1", "mine")
    assert (output.name, output.datatype, output.shape) == ("y", "FP32", (2,))
    assert output.array.tobytes() == ONES.tobytes()
    assert answer.result == {"shapes": {"y": [2]}}


@pytest.mark.parametrize("version", ["", "1", "stable"])
def test_a_version_is_a_number_a_label_or_the_servers_choice(
    server: InferenceServer, version: str
) -> None:
    assert server.infer(InferRequest("numbers", version, [X])).version == "1"


# Model, version, inputs, outputs -> the status and the text of Triton.
REFUSALS = [
    ("nobody", "", [X], [], Status.NOT_FOUND, "Request for unknown model: 'nobody' is not found"),
    ("", "", [X], [], Status.NOT_FOUND, "Request for unknown model: '' is not found"),
    (
        "numbers",
        "7",
        [X],
        [],
        Status.NOT_FOUND,
        "Request for unknown model: 'numbers' version 7 is not found",
    ),
    (
        "numbers",
        "lost",
        [X],
        [],
        Status.NOT_FOUND,
        "Request for unknown model: 'numbers' version lost is not found",
    ),
    (
        "numbers",
        "newest",
        [X],
        [],
        Status.INVALID_ARGUMENT,
        (
            "failed to get model version from specified version string 'newest' (details: stol),"
            " version should be an integral value > 0"
        ),
    ),
    (
        "pair",
        "",
        [InputTensor("a", "FP32", (2,), ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "expected 2 inputs but got 1 inputs for model 'pair'. Got inputs ['a'], but"
        " missing required inputs ['b']. Please provide all required inputs.",
    ),
    (
        "numbers",
        "",
        [],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "expected 1 inputs but got 0 inputs for model 'numbers'. Got inputs [], but"
        " missing required inputs ['x']. Please provide all required inputs.",
    ),
    (
        "numbers",
        "",
        [X, X],
        [],
        Status.INVALID_ARGUMENT,
        "input 'x' already exists in request",
    ),
    (
        "numbers",
        "",
        [InputTensor("z", "FP32", (2,), ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        "unexpected inference input 'z' for model 'numbers'",
    ),
    (
        "numbers",
        "",
        [X],
        [RequestedOutput("z")],
        Status.INVALID_ARGUMENT,
        "unexpected inference output 'z' for model 'numbers'",
    ),
    (
        "numbers",
        "",
        [X],
        [RequestedOutput("y"), RequestedOutput("y", 3)],
        Status.INVALID_ARGUMENT,
        "output 'y' for model 'numbers' is requested in two forms",
    ),
    (
        "numbers",
        "",
        [InputTensor("x", "INT32", (2,), ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "inference input 'x' data-type is 'INT32', but model 'numbers' expects 'FP32'",
    ),
    (
        "numbers",
        "",
        [InputTensor("x", "FLOAT", (2,), ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID
        + "inference input 'x' data-type is '<invalid>', but model 'numbers' expects 'FP32'",
    ),
    (
        "numbers",
        "",
        [InputTensor("x", "BYTES", (1,), text(b"abc"))],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "inference input 'x' data-type is 'BYTES', but model 'numbers' expects 'FP32'",
    ),
    (
        "square",
        "",
        [InputTensor("x", "FP32", (2, 3), ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "unexpected shape for input 'x' for model 'square'. Expected [2,2], got"
        " [2,3]. ",
    ),
    (
        "numbers",
        "",
        [InputTensor("x", "FP32", (-1,), ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "All input dimensions should be specified for input 'x' for model 'numbers',"
        " got [-1]",
    ),
    (
        "any",
        "",
        [InputTensor("x", "FP32", (1,) * 33, ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "unexpected shape for input 'x' for model 'any'. Expected [-1], got"
        f" [{','.join('1' * 33)}]. ",
    ),
    (
        "numbers",
        "",
        [InputTensor("x", "FP32", (3,), ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "input byte size mismatch for input 'x' for model 'numbers'. Expected 12,"
        " got 8",
    ),
    (
        "any",
        "",
        [InputTensor("x", "FP32", (2**62, 2**62, 2**62), ONES.tobytes())],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "input byte size mismatch for input 'x' for model 'any'. Expected"
        f" {4 * 2**186}, got 8",
    ),
    (
        "flags",
        "",
        [InputTensor("x", "BOOL", (2,), b"\x01\x02")],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "input 'x' for model 'flags' must hold 0 or 1 in each byte of type BOOL,"
        " got 2",
    ),
    (
        "texts",
        "",
        [InputTensor("x", "BYTES", (3,), text(b"a", b"b"))],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "expected 3 string elements for inference input 'x' for model 'texts', got 2",
    ),
    (
        "texts",
        "",
        [InputTensor("x", "BYTES", (1,), text(b"abc")[:-1])],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "incomplete string data for inference input 'x' for model 'texts', expecting"
        " string of length 3 but only 2 bytes available",
    ),
    (
        "texts",
        "",
        [InputTensor("x", "BYTES", (1,), b"\x01\x00")],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "incomplete string length indicator for inference input 'x' for model"
        " 'texts', expecting 4 bytes but only 2 bytes available",
    ),
    (
        "texts",
        "",
        [InputTensor("x", "BYTES", (1,), bytes(4_000_004))],
        [],
        Status.RESOURCE_EXHAUSTED,
        (
            "expected at most 1000000 string elements for inference input 'x' for model 'texts',"
            " got more; send fewer at once"
        ),
    ),
    (
        "numbers",
        "",
        [InputTensor("x", "FP32", (2,), b"", {"shared_memory_region": "r"})],
        [],
        Status.NOT_FOUND,
        "Unable to find shared memory region: 'r'",
    ),
    (
        "numbers",
        "",
        [X],
        [RequestedOutput("y", parameters={"shared_memory_region": "r"})],
        Status.NOT_FOUND,
        "Unable to find shared memory region: 'r'",
    ),
    (
        "halves",
        "",
        [InputTensor("x", "FP16", (1,), b"\x00\x3c")],
        [RequestedOutput("y", 1)],
        Status.INVALID_ARGUMENT,
        "class result not available for output due to unsupported type 'FP16'",
    ),
    (
        "complex",
        "",
        [InputTensor("x", "COMPLEX64", (1,), bytes(8))],
        [],
        Status.INVALID_ARGUMENT,
        "output 'y' has the type COMPLEX64, which has no name in V2",
    ),
    (
        "look",
        "",
        [InputTensor("image", "BYTES", (2, 2), text(b"abc", b"abc", b"abc", b"abc"))],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "unexpected shape for input 'image' for model 'look'. Expected [-1], got"
        " [2,2]. ",
    ),
    (
        "look",
        "",
        [InputTensor("image", "BYTES", (0,), b"")],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "unexpected shape for input 'image' for model 'look'. Expected [-1], got"
        " [0]. ",
    ),
    (
        "look",
        "",
        [InputTensor("image", "BYTES", (100_000_000,), text(b"abc"))],
        [],
        Status.INVALID_ARGUMENT,
        UNKNOWN_ID + "expected 100000000 string elements for inference input 'image' for model"
        " 'look', got 1",
    ),
]


@pytest.mark.parametrize(("model", "version", "inputs", "outputs", "status", "expected"), REFUSALS)
def test_what_is_wrong_is_refused_in_tritons_words(
    server: InferenceServer,
    model: str,
    version: str,
    inputs: list[InputTensor],
    outputs: list[RequestedOutput],
    status: Status,
    expected: str,
) -> None:
    refusal = refusal_of(server, InferRequest(model, version, inputs, outputs))
    assert refusal == (status, expected)


def test_a_refusal_names_the_request(server: InferenceServer) -> None:
    _, words = refusal_of(server, InferRequest("numbers", id="mine"))
    assert words.startswith("[request id: mine] expected 1 inputs")


@pytest.mark.parametrize(
    ("state", "version", "status", "what"),
    [
        (State.END, "", Status.NOT_FOUND, "'numbers' has no available versions"),
        (State.UNLOADING, "", Status.NOT_FOUND, "'numbers' has no available versions"),
        (State.LOADING, "", Status.UNAVAILABLE, "'numbers' version 1 is not at ready state"),
        (State.START, "", Status.UNAVAILABLE, "'numbers' version 1 is not at ready state"),
        (State.END, "1", Status.UNAVAILABLE, "'numbers' version 1 is not at ready state"),
    ],
)
def test_only_what_is_on_its_way_is_worth_a_retry(
    server: InferenceServer,
    models: FakeModels,
    state: State,
    version: str,
    status: Status,
    what: str,
) -> None:
    models.states["numbers"] = state
    assert refusal_of(server, InferRequest("numbers", version, [X])) == (
        status,
        f"Request for unknown model: {what}",
    )


def test_pictures_become_the_input_of_a_model_that_takes_them(server: InferenceServer) -> None:
    sent = InputTensor("image", "BYTES", (2, 1), text(b"\x01\x02\x03", b"\x06\x05\x04"))
    wanted = [RequestedOutput("scores", 2)]
    (output,) = server.infer(InferRequest("look", "", [sent], wanted)).outputs
    assert output.datatype == "BYTES"
    assert output.array.tolist() == [
        [b"3.000000:2:plum", b"2.000000:1:pear"],
        [b"6.000000:0:apple", b"5.000000:1:pear"],
    ]


def test_what_is_no_picture_is_the_models_own_fault(server: InferenceServer) -> None:
    sent = InputTensor("image", "BYTES", (), text(b"none"))
    with pytest.raises(Fault, match="expected a picture"):
        server.infer(InferRequest("look", "", [sent]))
    (statistics,) = server.statistics("look")
    assert (statistics.fail.count, statistics.success.count) == (1, 0)


def test_a_request_that_has_waited_too_long_never_reaches_the_model(
    server: InferenceServer, models: FakeModels
) -> None:
    admission = Admission(1, 2)
    request = InferRequest("numbers", "", [X], timeout=1)

    def late() -> tuple[Status, str]:
        # Whatever is done first takes more than a microsecond.
        server.describe("numbers")
        return refusal_of(server, request)

    refusal = admission.run(late, seconds=10, on_caller_gone=lambda _: True)
    admission.close()
    assert refusal == (Status.UNAVAILABLE, "Request timeout expired")
    assert models.models["numbers"].functions["serving_default"].seen == []


def test_statistics_count_what_was_computed(server: InferenceServer) -> None:
    for _ in range(2):
        server.infer(InferRequest("numbers", "", [X]))
    refusal_of(server, InferRequest("numbers", "", []))
    (known,) = server.statistics("numbers", "1")
    # Two requests of two numbers each: the first axis is open, so it is a batch.
    assert (known.inference_count, known.execution_count) == (4, 2)
    assert (known.success.count, known.fail.count, known.queue.count) == (2, 1, 2)
    assert known.batches.keys() == {2}
    assert known.last_inference > 0
    parts = (known.queue, known.compute_input, known.compute_infer, known.compute_output)
    assert known.success.ns == sum(part.ns for part in parts)
    assert len(server.statistics()) == 9


def test_statistics_of_no_more_than_so_many_versions_are_kept() -> None:
    statistics = Statistics(most=2)
    for model in ("first", "second", "first", "third"):
        statistics.failed(model, "1", 1)
    counts = {name: statistics.read(name, "1").fail.count for name in ("first", "second", "third")}
    assert counts == {"first": 2, "second": 0, "third": 1}


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_a_model_that_widens_takes_narrower_floats(datatype: str) -> None:
    sent = np.array([0.1, -2.5, np.inf], find_dtype(datatype))
    server = InferenceServer(FakeModels(WIDE), name="toy", version="1", ready=lambda: True)
    for data in (sent, sent.tobytes()):
        (output,) = server.infer(
            InferRequest("wide", "", [InputTensor("x", datatype, (3,), data)])
        ).outputs
        assert output.datatype == "FP64"
        np.testing.assert_array_equal(output.array, sent.astype(np.float64))


@pytest.mark.parametrize("datatype", ["INT32", "BOOL", "BF16", "BYTES", "nonsense"])
def test_a_model_that_widens_takes_nothing_but_floats(datatype: str) -> None:
    server = InferenceServer(FakeModels(WIDE), name="toy", version="1", ready=lambda: True)
    request = InferRequest("wide", "", [InputTensor("x", datatype, (1,), b"1234")])
    status, words = refusal_of(server, request)
    assert status is Status.INVALID_ARGUMENT
    assert "but model 'wide' expects 'FP64'" in words


def test_other_models_take_no_narrower_floats() -> None:
    models = FakeModels(identity("own", (-1,), np.float64))
    server = InferenceServer(models, name="toy", version="1", ready=lambda: True)
    _, words = refusal_of(server, InferRequest("own", "", [X]))
    assert words.endswith("data-type is 'FP32', but model 'own' expects 'FP64'")


def test_statistics_of_what_is_not_there_are_refused(server: InferenceServer) -> None:
    with pytest.raises(Refused, match="requested model 'nobody' is not available"):
        server.statistics("nobody")
    with pytest.raises(
        Refused, match="requested model version is not available for model 'numbers'"
    ):
        server.statistics("numbers", "7")


def test_models_are_described(server: InferenceServer) -> None:
    known = server.describe("look")
    assert (known.name, known.versions, known.platform) == ("look", ["1"], "tensorflow_tflite")
    (taken,), (given,) = known.inputs, known.outputs
    assert (taken.name, taken.datatype, tuple(taken.shape)) == ("image", "FP32", (-1, 3))
    assert (given.name, given.datatype, tuple(given.shape)) == ("scores", "FP32", (-1, 3))
    (open_rank,) = server.describe("any", "1").inputs
    assert tuple(open_rank.shape) == (-1,)


def test_readiness_and_the_index_show_the_states(
    server: InferenceServer, models: FakeModels
) -> None:
    assert server.is_ready("numbers")
    assert server.is_ready("numbers", "1")
    assert not server.is_ready("numbers", "2")
    assert server.is_ready("numbers", "stable")
    assert not server.is_ready("numbers", "lost")
    assert not server.is_ready("numbers", "newest")
    assert not server.is_ready("nobody")
    assert not server.is_ready("")
    server.unload("numbers")
    assert not server.is_ready("numbers")
    index = {entry.name: (entry.state, entry.reason) for entry in server.index()}
    assert index["numbers"] == ("UNAVAILABLE", "unloaded")
    assert index["square"] == ("READY", "")
    assert "numbers" not in {entry.name for entry in server.index(ready=True)}
    models.states["numbers"] = State.LOADING
    assert server.index()[0].state == "LOADING"
    server.load("numbers")
    assert server.is_ready("numbers")


def test_loading_what_cannot_be_loaded_is_refused(
    server: InferenceServer, models: FakeModels
) -> None:
    models.states["numbers"] = State.START
    with pytest.raises(Refused, match="failed to load 'numbers', its file is damaged") as caught:
        server.load("numbers")
    assert caught.value.status is Status.FAILED_PRECONDITION
    for change in (server.load, server.unload):
        with pytest.raises(Refused, match="'nobody' is not found"):
            change("nobody")
