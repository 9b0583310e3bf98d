"""Kinds of jobs whose parts take their time; the replicas of jobs import them from their inputs."""

import time
from pathlib import Path

from meshlens.batch.job import GoOn, Stage
from meshlens.batch.objects import Objects
from meshlens.jobs.pictures import Pictures
from meshlens.jobs.tables import Tables

_SECONDS = 4.0
_STEP = 0.1


class SlowTables(Tables):
    """Tables whose parts last four seconds, as long as a file `slow` is beside this module."""

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Take some time, then work on a part."""
        _take_time(go_on)
        return super().part(stage, number, objects, go_on)


class SlowPictures(Pictures):
    """Pictures, as slow."""

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Take some time, then work on a part."""
        _take_time(go_on)
        return super().part(stage, number, objects, go_on)


def _take_time(go_on: GoOn) -> None:
    slow = Path(__file__).with_name("slow")
    end = time.monotonic() + _SECONDS
    while slow.exists() and time.monotonic() < end:
        go_on()
        time.sleep(_STEP)
