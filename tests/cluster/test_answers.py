"""Three replicas of each service answer callers through sidecars with mTLS."""

import json

import pytest
from cluster.caller import Call
from cluster.project import Project
from mesh import ROOT

CALLERS = {"grpc": "caller", "http": "gateway"}
OK = {"grpc": "OK", "http": "200"}
SEVEN = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
IRIS = (ROOT / "examples/points/iris.csv").read_bytes()
CALLS = 60


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_both_services_answer(prod: Project, protocol: str) -> None:
    plot, seven = prod.caller(CALLERS[protocol]).call(
        Call(protocol, "pca", "plot", IRIS), Call(protocol, "classify", "classify", SEVEN)
    )
    assert (plot.code, seven.code) == (OK[protocol], OK[protocol])
    assert plot.text.startswith("<svg")
    assert json.loads(seven.text)["labels"][0]["label"] == "7"


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_calls_spread_over_three_replicas(prod: Project, protocol: str) -> None:
    before = prod.answered("classify", "classify")
    assert len(before) == 3
    call = Call(protocol, "classify", "classify", SEVEN)
    answers = prod.caller(CALLERS[protocol]).call(*[call] * CALLS)
    assert {answer.code for answer in answers} == {OK[protocol]}
    after = prod.answered("classify", "classify")
    counts = {pod: count - before[pod] for pod, count in after.items()}
    assert sum(counts.values()) == CALLS
    assert min(counts.values()) >= CALLS // 10, counts
