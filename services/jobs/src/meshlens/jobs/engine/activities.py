"""The activities: steps of a job, each safe to repeat, which answer with names and counts alone.

What a fault of the input ends is kept as the job's failure, and not tried again; what else goes
wrong, such as objects that cannot be kept, is raised, so that the workflow tries again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from meshlens.batch.errors import Cancelled, ObjectsFailed
from meshlens.batch.job import Result, Stage
from meshlens.batch.steps import Steps
from meshlens.faults import Fault
from meshlens.jobs.archive import CANCELLED, Archive, Failed, Record
from meshlens.jobs.errors import InvalidJob
from meshlens.jobs.kinds import Kinds

# What an activity gets and answers: JSON, some hundred bytes.
Given: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]

# How a part may end.
DONE, LEFT_OUT, FAILED, CANCELLED_PART = "done", "left out", "failed", "cancelled"

_CANCEL_SECONDS = 0.5
_PATIENCE = 15.0
_STAGES = 16


@dataclass(frozen=True, slots=True)
class Activities:
    """What the workflows call.

    Args:
        kinds: of jobs.
        archive: where they are kept.
        tell: lets the app publish that a job, in a run of it, has ended.
        is_idle: whether nothing else waits for this worker, so that it can help others.
    """

    kinds: Kinds
    archive: Archive
    tell: Callable[[str, str], None]
    is_idle: Callable[[], bool]

    def table(self) -> Mapping[str, Callable[[Given], Answer]]:
        """Return each activity by its name; those of one table share what they have read."""
        read = lru_cache(_STAGES)(self._read)

        def on_stage(step: Callable[[Given, Steps, Stage], Answer]) -> Callable[[Given], Answer]:
            # Workflows that began before their activities were told the run do not name it.
            return lambda given: step(
                given, *read(given["job"], given.get("run", ""), given["stage"])
            )

        return {
            "plan": self._plan,
            "look": on_stage(self._look),
            "part": on_stage(self._part),
            "merge": on_stage(self._merge),
            "finish": on_stage(self._finish),
            "fail": self._fail,
            "tell": self._tell,
        }

    def _plan(self, given: Given) -> Answer:
        """Plan the first stage."""
        job: str = given["job"]

        def work() -> Answer:
            record = self.archive.record(job)
            return _describe(self._steps(job, record).plan(record.identity))

        return self._guard(job, work)

    def _look(self, given: Given, steps: Steps, stage: Stage) -> Answer:
        """Say which blocks of a page of parts have some that are not done, and how many are."""
        block: int = given["block"]
        page = range(given["start"], given["stop"])
        missing = {
            page.start + (number - page.start) // block * block
            for number in steps.missing(stage)
            if number in page
        }
        left = sum(min(start + block, page.stop) - start for start in missing)
        return {"blocks": sorted(missing), "done": len(page) - left}

    def _part(self, given: Given, steps: Steps, stage: Stage) -> Answer:
        """Work on a part, and then help other workers with theirs while this one is idle.

        The engine gives each worker as many parts as any other, at once, and takes none back. So
        the faster one works on some that another has got and not begun; that finds them done.
        """
        job: str = given["job"]
        go_on = self._go_on(job)

        def work() -> Answer:
            # The engine may give out a part again while it is worked on, and others help. But
            # whoever has it may stand still: then it is worked on twice, and comes out the same.
            with self.archive.claim(stage.digest, given["number"], seconds=_PATIENCE):
                done = steps.part(stage, given["number"], go_on)
            self._help(steps, stage, range(*given.get("help", (0,))), go_on)
            return {"end": DONE if done else LEFT_OUT}

        return self._guard(job, work)

    def _help(
        self, steps: Steps, stage: Stage, outstanding: range, go_on: Callable[[], None]
    ) -> None:
        """Work on parts that are outstanding and that nobody is at, until something waits here."""
        if not outstanding or not self.is_idle():
            return
        # From the end, where those who have got them come last.
        for number in reversed(steps.untried(stage, outstanding)):
            if not self.is_idle():
                return
            with self.archive.claim(stage.digest, number) as has:
                if has:
                    steps.part(stage, number, go_on)

    def _merge(self, given: Given, steps: Steps, stage: Stage) -> Answer:
        """Merge some nodes of a level."""
        job: str = given["job"]
        go_on = self._go_on(job)

        def work() -> Answer:
            for node in range(given["start"], given["stop"]):
                go_on()
                steps.merge(stage, given["level"], node)
            return {"end": DONE}

        return self._guard(job, work)

    def _finish(self, given: Given, steps: Steps, stage: Stage) -> Answer:
        """Finish a stage; say which one follows, or keep the result."""
        job: str = given["job"]

        def work() -> Answer:
            follows = steps.finish(stage)
            if isinstance(follows, Result):
                self.archive.finish(job, follows)
                return {"end": DONE}
            return _describe(follows)

        return self._guard(job, work)

    def _fail(self, given: Given) -> Answer:
        """Keep why a job has failed, unless that is kept already."""
        job: str = given["job"]
        if self.archive.failure(job) is None:
            self.archive.fail(job, Failed("ENGINE_FAILED", given["message"]))
        return {}

    def _tell(self, given: Given) -> Answer:
        """Let the app publish that the job has ended."""
        self.tell(given["job"], given["run"])
        return {}

    def _guard(self, job: str, work: Callable[[], Answer]) -> Answer:
        """Do some work; what its input or its caller ends is an answer, and kept."""
        try:
            return work()
        except ObjectsFailed:
            raise
        except Cancelled:
            return {"end": CANCELLED_PART}
        except Fault as error:
            self.archive.fail(job, Failed(error.reason, str(error)))
            return {"end": FAILED}

    def _steps(self, job: str, record: Record) -> Steps:
        made = self.kinds.make(record.kind)
        if made.kind != record.version:
            raise InvalidJob(
                f"the job must be run by the version that has started it, {record.version}",
                got=made.kind,
                remedy="start it again with `again`",
                option="kind",
            )
        return Steps(made, self.archive.objects(job), record.skip)

    def _read(self, job: str, run: str, stage: str) -> tuple[Steps, Stage]:
        """Return the steps of a run of a job, and a stage: neither changes.

        Another run of it has another record, which may leave out what cannot be worked on.
        """
        del run
        steps = self._steps(job, self.archive.record(job))
        return steps, steps.stage(stage)

    def _go_on(self, job: str) -> Callable[[], None]:
        """Return what raises Cancelled once the job is; it looks twice a second at most."""
        objects = self.archive.objects(job)
        next_look = 0.0

        def go_on() -> None:
            nonlocal next_look
            if time.monotonic() < next_look:
                return
            if objects.get(CANCELLED) is not None:
                raise Cancelled(
                    "the job must go on", got="a cancelled job", remedy="start it again to go on"
                )
            next_look = time.monotonic() + _CANCEL_SECONDS

        return go_on


def _describe(stage: Stage) -> Answer:
    return {"stage": stage.digest, "name": stage.name, "parts": len(stage.parts)}
