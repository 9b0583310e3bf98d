"""Metrics have bounded labels, and forget the models that are gone."""

import pytest

from meshlens.daprkit.errors import Busy
from meshlens.daprkit.telemetry.call import Call, use_model
from meshlens.daprkit.telemetry.calls import Calls
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.timing import Phase, note


def make_metrics() -> Metrics:
    return Metrics("toy", admitted=lambda: 3, name_code=lambda error: type(error).__name__.upper())


def read(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a name, by the values of their labels in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def end(calls: Calls, method: str, *, model: str = "", error: Exception | None = None) -> Call:
    call = calls.watch("http")
    try:
        with call:
            call.method = method
            if model:
                use_model(model, "1")
            if error:
                raise error
    except Busy:
        pass
    return call


def test_calls_are_counted_by_all_that_is_known_of_them() -> None:
    metrics = make_metrics()
    calls = Calls(metrics)
    end(calls, "work", model="digits")
    end(calls, "work", model="digits")
    end(calls, "work", error=Busy(1, 0.1))
    calls.refuse("invoke", Busy(1, 0.1))
    expected = {
        ("OK", "work", "digits", "http", "1"): 2.0,
        ("BUSY", "work", "", "http", ""): 1.0,
        ("BUSY", "unknown", "", "invoke", ""): 1.0,
    }
    assert read(metrics, "toy_calls_total") == expected
    assert read(metrics, "toy_call_seconds_count") == expected


def test_phases_are_counted_only_if_a_call_has_had_them() -> None:
    metrics = make_metrics()
    with Calls(metrics).watch("grpc") as call:
        call.begin(call.started)
        with note(Phase.DECODE):
            with note(Phase.COMPUTE):
                pass
            with note(Phase.DECODE):
                pass
        with note(Phase.DECODE):
            pass
    assert call.phases.keys() == {Phase.QUEUE, Phase.DECODE}
    who = ("unknown", "", "grpc", "")
    assert read(metrics, "toy_call_queue_seconds_count") == {who: 1.0}
    assert read(metrics, "toy_call_decode_seconds_count") == {who: 1.0}
    assert read(metrics, "toy_call_compute_seconds_count") == {}


def test_what_is_known_of_a_model_goes_with_it_and_begins_anew() -> None:
    metrics, there = make_metrics(), {("old", "1"), ("new", "1")}
    metrics.know_models(lambda: there)
    calls = Calls(metrics)
    for model in ("old", "new", ""):
        call = end(calls, "work", model=model)
        call.begin(call.started)
        metrics.count_call(call)
    there.remove(("old", "1"))
    assert {labels[2] for labels in read(metrics, "toy_calls_total")} == {"new", ""}
    assert {labels[1] for labels in read(metrics, "toy_call_queue_seconds_count")} == {"new", ""}
    there.add(("old", "1"))
    end(calls, "work", model="old")
    assert read(metrics, "toy_calls_total")["OK", "work", "old", "http", "1"] == 1.0


def test_numbers_of_the_service_are_shown_under_the_namespace() -> None:
    metrics = make_metrics()
    metrics.count("steps", "Steps.", lambda: 4)
    metrics.gauge_by("state", "State.", ("of",), lambda: [(("a",), 1.0), (("b",), 0.0)])
    metrics.show_process("service", "pytest")
    assert read(metrics, "toy_steps_total") == {(): 4.0}
    assert read(metrics, "toy_state") == {("a",): 1.0, ("b",): 0.0}
    assert read(metrics, "toy_admitted") == {(): 3.0}
    assert read(metrics, "toy_build_info") == {("service", pytest.__version__): 1.0}
    assert read(metrics, "process_resident_memory_bytes")


def test_an_error_that_a_call_has_ended_with_is_known() -> None:
    calls, error = Calls(make_metrics()), Busy(1, 0.1)
    assert not calls.has_counted(error)
    end(calls, "work", error=error)
    assert calls.has_counted(error)
    assert not calls.has_counted(Busy(1, 0.1))
