"""LiteRT behind the engine's protocol: many threads, one model, nothing but our errors."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.classify.color_graphs import remembering
from unit.classify.graphs import Graph, Node, Step, build_graphs, constant

from meshlens.classify.engines import litert
from meshlens.classify.engines.engine import Quantization, Signature, TensorSpec
from meshlens.classify.engines.litert import LiteRtEngine
from meshlens.classify.errors import InvalidModel, InvalidTensor

SOME = 24
PATIENCE = 30


def only(engine: LiteRtEngine) -> Signature:
    (signature,) = engine.signatures.values()
    return signature


def pictures(engine: LiteRtEngine, count: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    (spec,) = only(engine).inputs
    return [{spec.name: rng.uniform(-1, 1, spec.shape).astype(spec.dtype)} for _ in range(count)]


def test_inputs_and_outputs_are_described(digits: bytes) -> None:
    engine = LiteRtEngine(digits, workers=1)
    (picture,), (probabilities,) = only(engine).inputs, only(engine).outputs
    assert picture == TensorSpec(picture.name, (1, 32, 32, 1), np.dtype("f4"))
    assert probabilities == TensorSpec(probabilities.name, (1, 10), np.dtype("f4"))


def test_a_quantized_models_numbers_are_described(shared: Path) -> None:
    path = shared / "models/mobilenet_v1_025/mobilenet_v1_0.25_128_quant.tflite"
    engine = LiteRtEngine(path.read_bytes(), workers=1)
    (picture,), (probabilities,) = only(engine).inputs, only(engine).outputs
    assert (picture.shape, picture.dtype) == ((1, 128, 128, 3), np.dtype("u1"))
    assert probabilities.quantization == Quantization(scale=1 / 256, zero_point=0)


def test_threads_get_the_answers_that_one_thread_gets(digits: bytes) -> None:
    engine = LiteRtEngine(digits, workers=2)
    (output,) = only(engine).outputs
    tensors = pictures(engine, SOME)
    alone = [only(engine).run(tensor)[output.name] for tensor in tensors]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(only(engine).run, tensors * 4))
    for answer, expected in zip(together, alone * 4, strict=True):
        assert (answer[output.name] == expected).all()


def test_an_answer_is_not_changed_by_the_next(digits: bytes) -> None:
    engine = LiteRtEngine(digits, workers=1)
    (output,) = only(engine).outputs
    one, other = pictures(engine, 2)
    answer = only(engine).run(one)[output.name]
    kept = answer.copy()
    only(engine).run(other)
    assert (answer == kept).all()


def test_a_model_that_keeps_a_state_starts_each_run_from_rest() -> None:
    engine = only(LiteRtEngine(remembering(), workers=2))
    (picture,), (output,) = engine.inputs, engine.outputs
    tensors = [
        {picture.name: np.full(picture.shape or (), level, np.float32)} for level in (0.1, 0.5, 0.9)
    ]
    alone = [
        only(LiteRtEngine(remembering(), workers=1)).run(tensor)[output.name] for tensor in tensors
    ]
    assert [int(answer.argmax()) for answer in alone] == [0, 0, 1]
    order = np.random.default_rng(3).integers(0, len(tensors), 200)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda place: engine.run(tensors[place]), order))
    for place, answer in zip(order, answers, strict=True):
        assert (answer[output.name] == alone[place]).all()


def test_an_engine_closes_once_nothing_runs(digits: bytes) -> None:
    engine = LiteRtEngine(digits, workers=2)
    only(engine).run(*pictures(engine, 1))
    closing = threading.Thread(target=engine.close, daemon=True)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()


def add(name: str, number: float, signature: str, **names: str) -> Graph:
    """A graph that adds a number to two others."""
    return Graph(
        (Node(f"{name}_in:0", (2,)), constant(f"{name}_number", [number]), Node(f"{name}:0", (2,))),
        (Step("ADD", (f"{name}_in:0", f"{name}_number"), (f"{name}:0",), schema.AddOptionsT()),),
        (f"{name}_in:0",),
        (f"{name}:0",),
        signature,
        {f"{name}_in:0": names["given"], f"{name}:0": names["gives"]},
    )


def test_a_file_with_one_signature_has_its_names_for_the_tensors() -> None:
    engine = LiteRtEngine(
        build_graphs(add("one", 1, "increase", given="x", gives="more")), workers=1
    )
    assert list(engine.signatures) == ["increase"]
    (given,), (gives,) = only(engine).inputs, only(engine).outputs
    assert (given.name, given.tensor, gives.name, gives.tensor) == (
        "x",
        "one_in:0",
        "more",
        "one:0",
    )
    assert all(given.is_called(name) for name in ("x", "one_in:0", "one_in"))
    assert not any(given.is_called(name) for name in ("", "one", "one:0"))
    answer = only(engine).run({"x": np.array([1, 2], np.float32)})
    assert {name: tensor.tolist() for name, tensor in answer.items()} == {"more": [2, 3]}


def test_each_of_several_signatures_can_be_called_the_default_one_first() -> None:
    engine = LiteRtEngine(
        build_graphs(
            add("one", 1, "increase", given="x", gives="more"),
            add("two", -2, "serving_default", given="y", gives="less"),
        ),
        workers=2,
    )
    assert list(engine.signatures) == ["serving_default", "increase"]
    numbers = np.array([1, 2], np.float32)
    less, more = engine.signatures.values()
    assert [spec.name for spec in (*less.inputs, *less.outputs)] == ["y", "less"]
    assert less.run({"y": numbers})["less"].tolist() == [-1, 0]
    assert more.run({"x": numbers})["more"].tolist() == [2, 3]
    assert less.run({"y": numbers})["less"].tolist() == [-1, 0]


def test_texts_go_in_and_come_out_byte_by_byte() -> None:
    graph = Graph(
        (
            Node("text", (2,), "object"),
            constant("order", [1, 0], "int32"),
            Node("o", (2,), "object"),
        ),
        (Step("GATHER", ("text", "order"), ("o",), schema.GatherOptionsT()),),
        ("text",),
        ("o",),
    )
    engine = LiteRtEngine(build_graphs(graph), workers=1)
    assert [spec.dtype.kind for spec in only(engine).inputs] == ["O"]
    answer = only(engine).run({"text": np.array([b"ab\0", b"\xff"], object)})["o"]
    assert answer.tolist() == [b"\xff", b"ab\0"]


def test_arrays_that_a_model_cannot_take_are_the_callers_fault() -> None:
    engine = LiteRtEngine(build_graphs(add("a", 1, "", given="a", gives="b")), workers=1)
    (given,) = only(engine).inputs
    with pytest.raises(InvalidTensor, match="cannot compute with these inputs"):
        only(engine).run({given.name: np.zeros(3, np.float32)})


@pytest.mark.parametrize(
    ("operator", "remedy"),
    [
        ("edgetpu-custom-op", "without _edgetpu in its name"),
        ("FlexErf", "serve the SavedModel it was converted from"),
        ("MyOwnOp", "MyOwnOp.*built-in operations, or serve the SavedModel"),
    ],
)
def test_an_operator_that_litert_has_not_is_named_with_what_to_do(
    operator: str, remedy: str
) -> None:
    graph = Graph(
        (Node("a", (1,)), Node("b", (1,))), (Step(operator, ("a",), ("b",), custom={}),), "a", "b"
    )
    with pytest.raises(InvalidModel, match=remedy):
        LiteRtEngine(build_graphs(graph), workers=1)


@pytest.mark.parametrize(
    "data", [b"", b"no model", bytes(1000), b"\x1c\x00\x00\x00TFL3" + bytes(100)]
)
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidModel, match="LiteRT cannot run the model"):
        LiteRtEngine(data, workers=1)


@settings(deadline=None, max_examples=30)
@given(share=st.floats(0, 0.99))
def test_half_a_model_is_refused(digits: bytes, share: float) -> None:
    with pytest.raises(InvalidModel):
        LiteRtEngine(digits[: int(share * len(digits))], workers=1)


@pytest.mark.slow
def test_the_runtime_writes_nothing_to_stderr_and_others_may(models: Path) -> None:
    program = (
        "import os, sys, threading\n"
        "from pathlib import Path\n"
        "from meshlens.classify.engines.litert import LiteRtEngine\n"
        "stop = threading.Event()\n"
        "def talk():\n"
        "    for number in range(200): os.write(2, b'line %d\\n' % number)\n"
        "thread = threading.Thread(target=talk)\n"
        "thread.start()\n"
        "LiteRtEngine(Path(sys.argv[1]).read_bytes(), workers=2)\n"
        "thread.join()\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, os.fspath(models / "digits/1/digits.tflite")],
        stderr=subprocess.PIPE,
        check=True,
        timeout=60,
    ).stderr
    assert sorted(told.splitlines()) == sorted(b"line %d" % number for number in range(200))


@pytest.mark.slow
def test_a_runtime_that_writes_much_to_stderr_is_not_blocked(models: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from meshlens.classify.engines import litert\n"
        "class Talkative(litert.Interpreter):\n"
        "    def allocate_tensors(self):\n"
        "        os.write(2, b'x' * (1 << 20) + b'\\n')\n"
        "        super().allocate_tensors()\n"
        "litert.Interpreter = Talkative\n"
        "litert.LiteRtEngine(Path(sys.argv[1]).read_bytes(), workers=1)\n"
    )
    written = subprocess.run(
        [sys.executable, "-c", program, os.fspath(models / "digits/1/digits.tflite")],
        stderr=subprocess.PIPE,
        check=True,
        timeout=60,
    ).stderr
    assert written == b"x" * (1 << 20) + b"\n"


def test_there_are_never_more_interpreters_than_workers(
    digits: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Interpreter] = []
    busy, go_on = threading.Semaphore(0), threading.Event()

    class Slow(Interpreter):  # type: ignore[misc] # LiteRT ships no types
        def __init__(self, **options: object) -> None:
            made.append(self)
            super().__init__(**options)

        def invoke(self) -> None:
            busy.release()
            go_on.wait(PATIENCE)
            super().invoke()

    monkeypatch.setattr(litert, "Interpreter", Slow)
    engine = LiteRtEngine(digits, workers=2)
    (tensors,) = pictures(engine, 1)
    called = threading.Semaphore(0)

    def run() -> None:
        called.release()
        only(engine).run(tensors)

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(run) for _ in range(8)]
        for _ in range(2):
            assert busy.acquire(timeout=PATIENCE)
        for _ in range(8):
            assert called.acquire(timeout=PATIENCE)
        go_on.set()
        for call in running:
            call.result(PATIENCE)
    assert len(made) == 2
