"""A shadow that fails, hangs or eats memory: every request is answered, and each is counted."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from processes import eventually
from reference import Documented
from unit.classify.engines.workers import leaving_no_worker, workers
from unit.classify.graphs import build_endless, build_greedy, build_scaled

from meshlens.classify.engines import worker_calls
from meshlens.classify.engines.bounds import NO_BOUNDS, Bounds
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import Task
from meshlens.classify.rollouts.board import Board
from meshlens.classify.rollouts.calls import RolloutCalls
from meshlens.classify.rollouts.documents import FILE
from meshlens.classify.service import Service
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import Rollout, Shadow
from meshlens.classify.shadows import processes, shadows
from meshlens.classify.shadows.report import Report
from meshlens.classify.shadows.shadows import MOST_WAITING, Shadows
from meshlens.daprkit.messages import Reply, Request

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).resolve().parents[4] / "services/classify/samples"
TENSORS = "{model: {path: model.tflite}, task: tensor}"
MIB = 2**20


def write_version(folder: Path, version: str, data: bytes, card: str = TENSORS) -> None:
    (folder / version).mkdir(parents=True)
    (folder / version / "model.tflite").write_bytes(data)
    (folder / version / "card.yaml").write_text(card)


class Stage:
    """A service whose model has version 1, which answers, and version 2, its shadow."""

    def __init__(self, folder: Path, **options: Any) -> None:  # noqa: ANN401 - of Shadows
        bounds = options.pop("bounds", NO_BOUNDS)
        self.repository = Repository(folder, partial(open_engine, workers=2))
        self.repository.load("m", "1")
        chosen = {"seconds": 60.0, "memory": MIB, **options}
        self.shadows = Shadows(self.repository, bounds=bounds, **chosen)
        self.service = Service(self.repository, max_pixels=10**6, shadows=self.shadows)
        self.share(100)

    def share(self, percent: float, version: str = "2") -> None:
        # Only version 1 is loaded, so that it answers everything.
        shadow = Shadow(version=version, percent=percent)
        rollout = Rollout(weights={"1": 50.0, "2": 50.0}, shadow=shadow)
        self.repository.roll_out({"m": rollout})

    def predict(self, x: float) -> Any:  # noqa: ANN401 - whatever JSON holds
        reply = self.service.predict(request(json.dumps({"inputs": {"x": [x]}}).encode(), name="m"))
        return json.loads(reply.body)["outputs"]["y"]

    def report(self) -> Report:
        (report,) = self.shadows.report("m").reports
        return report

    def await_report(self, condition: Callable[[Report], bool]) -> Report:
        eventually(lambda: condition(self.report()), "everything is counted", within=60)
        return self.report()


def request(body: bytes, content_type: str = "application/json", **parameters: str) -> Request:
    return Request(
        method="predict",
        verb="POST",
        query={},
        content_type=content_type,
        body=body,
        headers={},
        parameters=parameters,
    )


@contextmanager
def staged(folder: Path, **options: Any) -> Iterator[Stage]:  # noqa: ANN401 - of Shadows
    with leaving_no_worker():
        stage = Stage(folder, **options)
        try:
            yield stage
        finally:
            stage.shadows.stop()
            stage.repository.unload("m", "1")


def count(report: Report) -> int:
    return report.compared + sum(report.dropped.values()) + sum(report.failed.values())


def test_the_report_of_a_shadow_equals_a_count_by_hand(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(1.5))
    with staged(tmp_path) as stage:
        assert [stage.predict(x) for x in (0, 2, 4)] == [[0], [2], [4]]
        report = stage.await_report(lambda report: report.compared == 3)
        assert (report.offered, report.agreed, report.failed, report.dropped) == (3, 1, {}, {})
        assert report.answering.version == "1"
        assert report.shadow.version == "2"
        assert report.distance
        assert (report.distance.mean, report.distance.largest) == (1, 2)
        bodies = [json.dumps({"inputs": {"x": [x]}}).encode() for x in (4, 2)]
        assert [(each.sha256, each.distance) for each in report.worst] == [
            (hashlib.sha256(body).hexdigest(), distance)
            for body, distance in zip(bodies, (2, 1), strict=True)
        ]
        assert stage.shadows.show_totals() == {("m", "agreed"): 1, ("m", "differed"): 2}
        (worker,) = workers()
        assert Path(f"/proc/{worker.pid}/stat").read_text().split()[40] == "5"  # SCHED_IDLE


def test_a_shadow_that_cannot_be_opened_is_counted_and_nobody_notices(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", b"no model")
    with staged(tmp_path) as stage:
        assert [stage.predict(x) for x in range(3)] == [[0], [1], [2]]
        report = stage.await_report(lambda report: count(report) == 3)
        # It is tried once, and then again after a while.
        assert report.failed == {"INVALID_MODEL": 1, "MODEL_FAILED": 2}
        assert (report.offered, report.compared, report.distance) == (3, 0, None)


def test_a_shadow_that_hangs_is_ended_and_nobody_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_calls, "_TICK_SECONDS", 0.05)
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_endless())
    with staged(tmp_path, seconds=0.5) as stage:
        assert stage.predict(-1) == [-1]
        stage.await_report(lambda report: report.compared == 1)
        (worker,) = workers()
        assert [stage.predict(x) for x in (1, 2, -3)] == [[1], [2], [-3]]
        report = stage.await_report(lambda report: count(report) == 4)
        assert report.failed == {"MODEL_TOO_SLOW": 1, "MODEL_FAILED": 2}
        assert (report.offered, report.compared, report.agreed) == (4, 1, 1)
        assert not worker.is_running()


def test_a_shadow_that_has_ended_is_opened_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "FIRST_RETRY", 0.0)
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(1.0))
    with staged(tmp_path) as stage:
        stage.predict(1)
        stage.await_report(lambda report: report.compared == 1)
        workers()[0].kill()
        stage.predict(2)
        assert stage.await_report(lambda report: count(report) == 2).failed == {"ENGINE_GONE": 1}
        stage.predict(3)
        assert stage.await_report(lambda report: count(report) == 3).compared == 2


def test_a_shadow_that_eats_memory_is_refused_it_and_nobody_notices(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_greedy())
    with staged(tmp_path, bounds=Bounds(memory=200 * MIB)) as stage:
        assert [stage.predict(x) for x in (1, 500, 2)] == [[1], [500], [2]]
        report = stage.await_report(lambda report: count(report) == 3)
        assert (report.compared, report.agreed, sum(report.failed.values())) == (2, 2, 1)


def test_a_shadow_that_fills_memory_pauses_and_each_that_it_misses_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "_MEMORY_A_SECOND", 64 * MIB)
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_greedy())
    with staged(tmp_path) as stage:
        stage.predict(20)  # takes 80 MB
        stage.await_report(lambda report: report.compared == 1)
        stage.predict(70)  # takes 280
        stage.await_report(lambda report: report.compared == 2)
        stage.predict(1)
        assert stage.report().dropped == {"MEMORY": 1}

        def sees_again(report: Report) -> bool:
            stage.predict(1)
            return report.compared == 3

        stage.await_report(sees_again)
        report = stage.await_report(lambda report: count(report) == report.offered)
        assert (report.failed, set(report.dropped)) == ({}, {"MEMORY"})


def test_a_shadow_is_dropped_while_requests_wait_and_when_its_queue_is_full(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(1.0))
    begun, ended = threading.Event(), threading.Event()

    def rest(_: float) -> bool:
        begun.set()
        return not ended.wait(60)

    with staged(tmp_path, rest=rest) as stage:
        stage.predict(0)
        assert begun.wait(60)
        for x in range(MOST_WAITING + 3):
            stage.predict(x)
        assert stage.report().dropped == {"QUEUE_FULL": 3}
        ended.set()
        report = stage.await_report(lambda report: count(report) == MOST_WAITING + 4)
        assert report.dropped == {"QUEUE_FULL": 3, "LOAD": MOST_WAITING + 1}
        assert (report.offered, report.compared) == (MOST_WAITING + 4, 0)
        assert not workers()


def test_bodies_that_would_take_too_much_memory_are_dropped(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(1.0))
    with staged(tmp_path, memory=10) as stage:
        stage.predict(0)
        assert stage.report().dropped == {"QUEUE_FULL": 1}


def test_what_is_not_drawn_is_not_seen(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(1.0))
    with staged(tmp_path) as stage:
        # A version is no shadow of itself, and a share of almost nothing is almost nothing.
        stage.share(100, "1")
        stage.predict(0)
        stage.share(1e-9)
        stage.predict(0)
        assert stage.shadows.report("m").reports == []


def test_another_content_begins_another_report(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(1.0))
    write_version(tmp_path / "m", "3", build_scaled(2.0))
    with staged(tmp_path) as stage:
        stage.predict(1)
        first = stage.await_report(lambda report: report.compared == 1)
        stage.share(100, "3")
        stage.predict(1)
        second = stage.await_report(lambda report: report.compared == 1)
        assert (first.agreed, second.agreed) == (1, 0)
        assert first.shadow.content != second.shadow.content
        assert second.offered == 1
        stage.shadows.begin_anew("m")
        assert stage.shadows.report("m").reports == []


def test_what_is_published_is_what_came_since_the_last_time(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(1.0))
    published: list[Report] = []
    with staged(tmp_path, publish=published.append, every=0.0) as stage:
        for x in range(5):
            stage.predict(x)
        stage.await_report(lambda report: report.compared == 5)
        eventually(lambda: sum(it.compared for it in published) == 5, "all of it is published")
        assert sum(it.offered for it in published) == 5


def test_what_is_counted_before_another_content_is_published_too(tmp_path: Path) -> None:
    for version in ("1", "2", "3"):
        write_version(tmp_path / "m", version, build_scaled(1.0))
    published: list[Report] = []
    with staged(tmp_path, publish=published.append) as stage:
        stage.predict(1)
        stage.await_report(lambda report: report.compared == 1)
        stage.share(100, "3")
        for x in (2, 3):
            stage.predict(x)
        stage.await_report(lambda report: report.compared == 2)
        stage.shadows.stop()
        eventually(lambda: len(published) == 2, "both are published", within=60)
        counts = [(it.shadow.version, it.offered, it.compared) for it in published]
        assert counts == [("2", 1, 1), ("3", 2, 2)]


def test_a_picture_is_compared_by_all_labels(tmp_path: Path, digits: bytes) -> None:
    card = "{model: {path: model.tflite}, output: {label: {path: labels.txt}}}"
    for version, names in (("1", "0123456789"), ("2", "01234567xy")):
        write_version(tmp_path / "m", version, digits, card)
        (tmp_path / "m" / version / "labels.txt").write_text("\n".join(names))
    pictures = {name: (SAMPLES / f"digit-{name}.png").read_bytes() for name in numerals()}
    with staged(tmp_path) as stage:
        for data in pictures.values():
            assert answer(stage.service.answer(Task.CLASSIFY, request(data, "image/png")))
        report = stage.await_report(lambda report: report.compared == len(pictures))
        same = sum(name not in ("8", "9") for name in pictures)
        assert (report.agreed, report.among_first_five) == (same, same)
        assert {label: share.seen for label, share in report.classes.items()} == dict.fromkeys(
            pictures, 1
        )
        assert report.labels
        assert (report.labels.version, report.labels.shadow) == (["8", "9"], ["x", "y"])


def test_labels_are_those_of_the_version_that_has_answered(tmp_path: Path, digits: bytes) -> None:
    card = "{model: {path: model.tflite}, output: {label: {path: labels.txt}}}"
    for version, names in (("1", "0123456789"), ("2", "01234567xy")):
        write_version(tmp_path / "m", version, digits, card)
        (tmp_path / "m" / version / "labels.txt").write_text("\n".join(names))
    gone = threading.Event()
    with staged(tmp_path, rest=lambda _: gone.wait(60)) as stage:
        data = next((SAMPLES / f"digit-{name}.png").read_bytes() for name in numerals())
        assert answer(stage.service.answer(Task.CLASSIFY, request(data, "image/png")))
        stage.repository.unload("m", "1")
        gone.set()
        report = stage.await_report(lambda report: report.compared == 1)
        assert report.labels
        assert (report.labels.version, report.labels.shadow) == (["8", "9"], ["x", "y"])


def test_what_is_infinite_in_one_only_is_no_agreement_and_can_be_reported(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(3e38))
    with staged(tmp_path) as stage:
        assert [stage.predict(x) for x in (10, 20)] == [[10], [20]]
        report = stage.await_report(lambda report: report.compared == 2)
        assert (report.agreed, [it.distance for it in report.worst]) == (0, [None, None])
        described = Documented(stage.service.routes())
        (shown,) = json.loads(described.call("GET", "models/m/shadow").body)["reports"]
        assert shown["distance"]["counts"][-1] == 2


def test_a_shadow_of_another_task_is_counted_as_such(tmp_path: Path, digits: bytes) -> None:
    write_version(tmp_path / "m", "1", digits, "{model: {path: model.tflite}}")
    write_version(tmp_path / "m", "2", build_scaled(1.0))
    with staged(tmp_path) as stage:
        data = next((SAMPLES / f"digit-{name}.png").read_bytes() for name in numerals())
        assert answer(stage.service.answer(Task.CLASSIFY, request(data, "image/png")))
        report = stage.await_report(lambda report: count(report) == 1)
        assert report.failed == {"WRONG_TASK": 1}


def test_callers_get_the_report_and_begin_it_anew(tmp_path: Path) -> None:
    write_version(tmp_path / "m", "1", build_scaled(1.0))
    write_version(tmp_path / "m", "2", build_scaled(1.0))
    with staged(tmp_path) as stage:
        stage.predict(1)
        stage.await_report(lambda report: report.compared == 1)
        described = Documented(stage.service.routes())
        shown = json.loads(described.call("GET", "models/m/shadow").body)
        assert [it["agreed"] for it in shown["reports"]] == [1]
        # What was counted until then is the answer.
        assert json.loads(described.call("DELETE", "models/m/shadow").body)["reports"]
        assert json.loads(described.call("GET", "models/m/shadow").body) == {
            "model": "m",
            "shadow": {"version": "2", "percent": 100.0},
            "reports": [],
        }


def test_the_list_of_models_says_how_far_the_shadow_of_a_rollout_agrees(tmp_path: Path) -> None:
    for version, scale in (("1", 1.0), ("2", 2.0), ("3", 1.0)):
        write_version(tmp_path / "m", version, build_scaled(scale))
    with staged(tmp_path) as stage:
        board = Board(stage.repository.roll_out, folder=tmp_path)
        calls = RolloutCalls(board, stage.repository, stage.shadows)
        service = Service(stage.repository, max_pixels=10**6, rollouts=calls, shadows=stage.shadows)
        listed = Documented(service.routes())

        def share_out(rollout: str) -> Any:  # noqa: ANN401 - whatever JSON holds
            (tmp_path / FILE).write_text(rollout)
            board.start()
            board.stop()
            return json.loads(listed.call("GET", "models").body).get("rollouts")

        assert share_out("{}") is None
        assert "agreement" not in share_out("m: {weights: {1: 50, 2: 50}}")["m"]
        of_two = "m: {weights: {1: 50, 2: 50}, shadow: {version: 2, percent: 100}}"
        assert share_out(of_two)["m"]["agreement"] == []
        stage.predict(0)
        stage.predict(1)
        report = stage.await_report(lambda report: report.compared == 2)
        (agreement,) = share_out(of_two)["m"]["agreement"]
        assert agreement.pop("since")
        assert agreement == {
            "version": "1",
            "offered": report.offered,
            "compared": 2,
            "agreed": 1,
            "dropped": {},
            "failed": {},
        }
        # What is known of another shadow is not about this one.
        of_three = of_two.replace("version: 2", "version: 3")
        assert share_out(of_three)["m"]["agreement"] == []
        assert share_out("gone: {weights: {1: 100}}") is None


def numerals() -> list[str]:
    return sorted(path.stem.removeprefix("digit-") for path in SAMPLES.glob("digit-?.png"))


def answer(reply: Reply) -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads(reply.body)
