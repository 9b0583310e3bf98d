"""Logs are JSON lines that `dapr run` can read."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from meshlens.daprkit.telemetry.logs import configure_logs

LINE_OF_DAPR_RUN = 64 * 1024


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the logs of the other tests as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_long_value_is_cut_and_a_short_one_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("toy", "INFO")
    structlog.get_logger("toy").info("x" * 2 * LINE_OF_DAPR_RUN, short="whole", count=3)
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < LINE_OF_DAPR_RUN
    entry = json.loads(line)
    assert entry["event"].endswith("x...")
    assert (entry["short"], entry["count"], entry["service"]) == ("whole", 3, "toy")


def test_a_long_value_of_a_library_is_cut_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("toy", "INFO")
    logging.getLogger("library").warning("%s", "y" * 2 * LINE_OF_DAPR_RUN)
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < LINE_OF_DAPR_RUN
    assert json.loads(line)["event"].endswith("y...")
