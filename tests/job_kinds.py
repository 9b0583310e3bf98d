"""Kinds of jobs for tests of the service jobs, which its workers load by JOB_KINDS."""

import os
import signal
import time
from pathlib import Path

from counting import Counting

from meshlens.batch.job import GoOn, Stage
from meshlens.batch.objects import Objects
from meshlens.jobs.pictures import Pictures
from meshlens.jobs.tables import Tables

PACED, KILLING, FEW, TIMED = "paced", "killing", "few", "timed"
JOB_KINDS = (
    f"{PACED}=job_kinds:Paced,{KILLING}=job_kinds:Killing,{FEW}=job_kinds:Few"
    f",{TIMED}=job_kinds:Timed"
)
# Names the file in which Timed notes its parts.
TIMES = "JOB_TIMES"

_STEP = 0.05


class Paced(Counting):
    """Counting whose parts take `seconds`, and leave a line each in the file `log`."""

    kind = "paced-1"

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Work on a part for its time."""
        end = time.monotonic() + float(stage.inputs["seconds"])
        while (left := end - time.monotonic()) > 0:
            go_on()
            time.sleep(min(left, _STEP))
        piece = super().part(stage, number, objects, go_on)
        with Path(stage.inputs["log"]).open("a") as log:
            log.write(f"{stage.name} {number}\n")
        return piece


class Killing(Counting):
    """Counting of which part 3 ends its worker."""

    kind = "killing-1"

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Work on a part, unless it is the third."""
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().part(stage, number, objects, go_on)


class Timed(Tables):
    """A fit that notes for each of its parts who has worked on it, from when to when."""

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Work on a part."""
        began = time.monotonic()
        try:
            return super().part(stage, number, objects, go_on)
        finally:
            with Path(os.environ[TIMES]).open("a") as times:
                line = f"{stage.name} {number} {os.getpid()} {began} {time.monotonic()}"
                times.write(f"{line}\n")


class Few(Pictures):
    """Pictures in small parts, so that some thousand of them are many parts."""

    chunk = 2
