"""The recorder of the examples: what was seen is kept once, whatever the database does."""

import itertools
import json
import re
import shutil
import sqlite3
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from dapr.proto import api_service_v1, api_v1
from documents import blocks
from integration.recording import Postgres, Recorder
from integration.test_up import up
from mesh import ROOT, Mesh, Profile
from processes import eventually, free_ports

YEARS = itertools.count(1800)
CLOUD_EVENT = "application/cloudevents+json"


@dataclass(frozen=True)
class Setup:
    """A recorder, and how its database goes away for a while."""

    recorder: Recorder
    mesh: Mesh
    stub: api_service_v1.DaprStub
    away: Callable[[], Any]

    def publish(self, body: bytes, content_type: str = CLOUD_EVENT) -> None:
        self.stub.PublishEvent(
            api_v1.PublishEventRequest(
                pubsub_name="pubsub", topic="results", data=body, data_content_type=content_type
            ),
            timeout=10,
        )

    def seen(self, **options: str) -> list[str]:
        status, answer = self.recorder.ask(**options)
        assert status == 200, answer
        return [event["data"]["id"] for event in answer["events"]]


@pytest.fixture(scope="module")
def pca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), services=["pca"]) as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def setup(request: pytest.FixtureRequest, pca: Mesh) -> Iterator[Setup]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            file = pca.folder / "seen.db"
            away = locked(file)
            recorder = Recorder(pca, str(file), ["resources"], {})
        else:
            server = stack.enter_context(closing(Postgres()))
            server.start()
            away = stopped(server)
            env = {"POSTGRESQL": server.address}
            recorder = Recorder(pca, "binding:records", ["resources", "postgresql"], env)
        stack.enter_context(closing(recorder))
        recorder.await_database()
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{pca.grpc_port('pca')}"))
        yield Setup(recorder, pca, api_service_v1.DaprStub(channel), away)


def locked(file: Path) -> Callable[[], Any]:
    @contextmanager
    def away() -> Iterator[None]:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield

    return away


def stopped(server: Postgres) -> Callable[[], Any]:
    @contextmanager
    def away() -> Iterator[None]:
        server.stop()
        yield
        server.start()

    return away


def event(name: str, time: str, **data: object) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": name,
            "source": "test",
            "type": "meshlens.result.v1",
            "time": time,
            "datacontenttype": "application/json",
            "data": {"id": name, "method": "plot", "outcome": "OK", "model": "m", **data},
        }
    ).encode()


def day() -> str:
    """A day of its own for a test, long ago."""
    return f"{next(YEARS)}-01-01"


def whole(date: str) -> dict[str, str]:
    return {"from": f"{date}T00:00:00Z", "to": f"{date}T23:59:59Z"}


def test_the_result_of_a_call_is_recorded_with_its_data(setup: Setup) -> None:
    setup.mesh.call("pca", "pca", "plot", b"1,2,3,4,5,6", headers={"content-type": "text/csv"})
    window = {"from": "2020-01-01T00:00:00Z", "to": "9999-01-01T00:00:00Z", "service": "pca"}
    eventually(lambda: setup.seen(**window), "the event is recorded")
    _, answer = setup.recorder.ask(**window)
    recorded = answer["events"][0]
    assert recorded["data"]["service"] == "pca"
    assert recorded["data"]["outcome"] == "OK"
    assert recorded["data"]["result"]["n"] == 3
    assert recorded["time"].endswith("Z")


def test_an_event_that_comes_again_is_recorded_once(setup: Setup) -> None:
    date = day()
    for name in ("a", "a", "b", "a"):
        setup.publish(event(f"{name}-{date}", f"{date}T12:00:00Z"))
    setup.publish(event(f"last-{date}", f"{date}T13:00:00Z"))
    eventually(lambda: len(setup.seen(**whole(date))) >= 3, "all are recorded")
    assert setup.seen(**whole(date)) == [f"a-{date}", f"b-{date}", f"last-{date}"]


def test_while_the_database_is_away_nothing_is_lost(setup: Setup) -> None:
    date = day()
    names = [f"{number}-{date}" for number in range(12)]
    with setup.away():
        for number, name in enumerate(names):
            setup.publish(event(name, f"{date}T00:00:{number:02}Z"))
        eventually(lambda: "the database is away" in setup.recorder.app.log(), "it is noticed")
        assert setup.recorder.ask(**whole(date))[0] == 503
    eventually(lambda: len(setup.seen(**whole(date))) == 12, "all are recorded", within=60)
    assert setup.seen(**whole(date)) == names
    eventually(lambda: "the database is back" in setup.recorder.app.log(), "it says so")


def test_what_an_app_that_was_killed_has_not_recorded_comes_again(setup: Setup) -> None:
    date = day()
    setup.recorder.app.kill()
    setup.publish(event(f"a-{date}", f"{date}T12:00:00Z"))
    setup.recorder.start()
    setup.recorder.await_database()
    eventually(lambda: setup.seen(**whole(date)) == [f"a-{date}"], "it is recorded", within=60)


def test_a_window_has_its_first_moment_and_not_its_last(setup: Setup) -> None:
    date = day()
    moments = ("11:59:59.999999", "12:00:00", "12:00:00.000001", "12:59:59.999999", "13:00:00")
    for name, moment in enumerate(moments):
        setup.publish(event(f"{name}-{date}", f"{date}T{moment}Z"))
    eventually(lambda: len(setup.seen(**whole(date))) == 5, "all are recorded")

    def seen(begin: str, end: str, **options: str) -> str:
        window = {"from": f"{date}T{begin}", "to": f"{date}T{end}", **options}
        return "".join(name[0] for name in setup.seen(**window))

    assert seen("12:00:00Z", "13:00:00Z") == "123"
    assert seen("12:00:00.000001Z", "13:00:00.000001Z") == "234"
    assert seen("12:00:00Z", "12:00:00Z") == ""
    assert seen("14:00:00+02:00", "12:00:00.000001Z") == "1"
    assert seen("00:00:00Z", "23:00:00Z", service="test", model="m", outcome="OK") == "01234"
    assert seen("00:00:00Z", "23:00:00Z", model="other") == ""
    assert seen("00:00:00Z", "23:00:00Z", outcome="UNAVAILABLE") == ""


def test_pages_have_each_event_once(setup: Setup) -> None:
    date = day()
    # Several have the same time.
    for number in range(7):
        setup.publish(event(f"{number}-{date}", f"{date}T12:00:0{number // 3}Z"))
    eventually(lambda: len(setup.seen(**whole(date))) == 7, "all are recorded")
    pages: list[list[str]] = []
    after: dict[str, str] = {}
    while True:
        status, answer = setup.recorder.ask(**whole(date), limit="3", **after)
        assert status == 200, answer
        pages.append([item["data"]["id"][0] for item in answer["events"]])
        if "next" not in answer:
            break
        after = {"after": answer["next"]}
    assert pages == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


def test_hostile_events_are_dropped_with_a_line_and_hold_up_no_other(setup: Setup) -> None:
    date = day()
    time = f"{date}T12:00:00Z"
    before = setup.recorder.app.log().count("dropped: ")
    good = json.loads(event("good", time))
    hostile = [
        {**good, "type": "something.else"},
        {**good, "time": "yesterday"},
        {**good, "time": "9999-01-01T00:00:00Z"},
        {**good, "data": [1, 2, 3]},
        {**good, "data": {}},
        {**good, "id": "x" * 300},
        {**good, "id": "zero \0 byte"},
        {**good, "data": {**good["data"], "much": "x" * 1_000_000}},
    ]
    for body in hostile:
        setup.publish(json.dumps(body).encode())
    setup.publish(b"no JSON", "text/plain")
    setup.publish(b'{"no": "CloudEvent"}', "application/json")
    setup.publish(event(f"a-{date}", time, zero="\0", half="\ud800"))
    eventually(lambda: setup.seen(**whole(date)) == [f"a-{date}"], "the good one is recorded")
    eventually(
        lambda: setup.recorder.app.log().count("dropped: ") == before + len(hostile) + 2,
        "each has a line",
    )
    assert all(len(line) < 400 for line in setup.recorder.app.log().splitlines())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "from"),
        ({"from": "2026-01-31", "to": "2026-02-01"}, "2026-01-31T12:00:00Z"),
        ({"from": "2026-13-31T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, "month"),
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-31T00:00:00Z"}, "before"),
        ({**whole("2026-01-01"), "limit": "1001"}, "1 to 1000"),
        ({**whole("2026-01-01"), "after": "?"}, "next"),
        ({**whole("2026-01-01"), "model": "\0"}, "printable"),
        ({**whole("2026-01-01"), "until": "x"}, "outcome"),
    ],
)
def test_a_query_that_is_none_is_refused_with_the_remedy(
    setup: Setup, options: dict[str, str], said: str
) -> None:
    status, answer = setup.recorder.ask(**options)
    assert status == 400
    assert answer["error"].startswith("expected")
    assert said in answer["error"]


def test_the_recorder_joins_the_mesh_by_the_lines_of_the_document(tmp_path: Path) -> None:
    module = "tests/integration/test_recorder.py"
    test = f"{module}::test_the_recorder_joins_the_mesh_by_the_lines_of_the_document"
    start, query = (
        block.text
        for block in blocks()
        if block.document == "docs/events.md" and block.test == test
    )
    file = start.strip().removeprefix("make run JOIN=")
    (address,) = re.findall(r"http\S+(?=\")", query)
    shutil.copytree((ROOT / file).parent, tmp_path / "recorder")
    run_file = tmp_path / "recorder" / Path(file).name
    text = run_file.read_text()
    assert text.count("8000") == text.count("python3") == 1
    # The port may be taken on this machine.
    text = text.replace("8000", f"{next(free_ports())}").replace("python3", sys.executable)
    run_file.write_text(text)
    with up(tmp_path, "--join", str(run_file)) as mesh:
        (port,) = re.findall(r":(\d+)/", mesh.pages["pca"])
        address = address.replace("localhost:3501", f"127.0.0.1:{port}")
        plot = f"http://127.0.0.1:{port}/v1.0/invoke/pca/method/plot"
        urllib.request.urlopen(plot, b"1,2,3,5,4,4,9,1", timeout=30).close()

        def seen() -> list[Any]:
            try:
                with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - of the document
                    events: list[Any] = json.loads(answer.read())["events"]
            except OSError:  # it starts when the mesh does
                return []
            return events

        (event_,) = eventually(seen, "the event of the call is recorded", within=60)
    assert event_["data"]["service"] == "pca"
    assert (tmp_path / "recorder" / "seen.db").exists()
