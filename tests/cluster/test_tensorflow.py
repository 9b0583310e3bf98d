"""A SavedModel on three replicas with TensorFlow; the last but one of the tests."""

import json
import shutil
from pathlib import Path

from cluster.caller import Call
from cluster.project import TENSORFLOW, Project

# What a chopstick of 10 cm is: the float32 that TensorFlow's own session gives, in 12 digits.
TEN = [[3.98174306027e-11, 1.0, 1.83699980923e-18]]


def test_a_saved_model_answers_on_three_replicas(prod: Project, shared: Path) -> None:
    shutil.copytree(shared / "models" / "chopstick", prod.models / "chopstick")
    prod.apply(TENSORFLOW)
    prod.await_leavers()  # callers remember replicas without TensorFlow until then
    body = b'{"signature": "serving_default", "inputs": {"chopstick_length": [[10.0]]}}'
    call = Call("grpc", "classify", "models/chopstick/predict", body)
    answers = prod.caller("caller").call(*[call] * 30)
    assert {(answer.code, answer.text) for answer in answers if answer.code != "OK"} == set()
    assert all(json.loads(answer.text)["outputs"]["classes_prob"] == TEN for answer in answers)
    counts = prod.answered("classify", "models/<name>/predict")
    assert len(counts) == 3
    assert min(counts.values()) > 0, counts
