"""The steps of a job, each safe to repeat: what an engine runs, in a loop or as activities.

Objects of a job:

    stages/<stage>                  the stage's document
    pieces/<stage>/<level>-<node>   a piece; level 0 has those of the parts
    failed/<stage>/<number>         why a part was left out
    trials/<stage>/<number>         how often its work has begun without an end
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from meshlens.batch.errors import ObjectsFailed, PartFailed
from meshlens.batch.job import (
    ARITY,
    Failure,
    Fields,
    GoOn,
    Job,
    Result,
    Stage,
    count_levels,
    count_nodes,
    digest,
    encode,
)
from meshlens.batch.objects import Objects

# A part that has ended its worker so often would end the next one, too.
MOST_TRIALS = 3


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of one job.

    Args:
        job: what to do.
        objects: where it is kept; the same ones for every step of a job.
        skip: leave out parts that cannot be worked on, and say so, instead of ending the job.
    """

    job: Job
    objects: Objects
    skip: bool = False

    def plan(self, identity: Fields) -> Stage:
        """Return the first stage of the job that `Job.identify` has described."""
        stage = self._keep(self.job.plan(identity, self.objects))
        self.objects.tidy()
        return stage

    def stage(self, name: str) -> Stage:
        """Return the stage that has this digest.

        Raises:
            ObjectsFailed: it is not among the objects.
        """
        document = self.objects.get(f"stages/{name}")
        if document is None or hashlib.sha256(document).hexdigest() != name:
            raise ObjectsFailed(
                f"the objects of the job must hold its stage {name[:12]}",
                got="none" if document is None else "another, or a damaged one",
                remedy="start the job again with `again`",
            )
        return Stage.of(document)

    def missing(self, stage: Stage) -> Iterator[int]:
        """Yield the numbers of the parts that have no piece yet, in order."""
        there = {*self.objects.names(f"pieces/{stage.digest}/")}
        for number in range(len(stage.parts)):
            if _piece(stage, 0, number) not in there:
                yield number

    def untried(self, stage: Stage, numbers: range) -> list[int]:
        """Return which of some parts have neither a piece nor been left out, in order."""
        failed = {*self.objects.names(f"failed/{stage.digest}/")}
        return [
            number
            for number in self.missing(stage)
            if number in numbers and f"failed/{stage.digest}/{number}" not in failed
        ]

    def part(self, stage: Stage, number: int, go_on: GoOn) -> bool:
        """Work on a part unless it is done; return whether it has a piece now.

        Raises:
            PartFailed: it cannot be worked on, and parts are not skipped.
            InputChanged: the input is no longer what the plan has seen.
            ObjectsFailed: its piece cannot be kept.
            Cancelled: by `go_on`.
        """
        if self._read(_piece(stage, 0, number)) is not None:
            # Of a worker that was killed between the two.
            self.objects.delete(f"trials/{stage.digest}/{number}")
            return True
        try:
            piece = self._work(stage, number, go_on)
        except PartFailed as error:
            where = self.job.locate(stage, number)
            if not self.skip:
                raise PartFailed.of(error, where=where) from error
            failure = Failure(number, where, str(error))
            self.objects.put(f"failed/{stage.digest}/{number}", encode(asdict(failure)))
            return False
        self._write(_piece(stage, 0, number), piece, ())
        return True

    def _work(self, stage: Stage, number: int, go_on: GoOn) -> bytes:
        """Return the piece of a part; its work does not begin once more than `MOST_TRIALS` allow.

        A trial that ends, however it ends, is not counted; one that ends its process is.
        """
        name = f"trials/{stage.digest}/{number}"
        noted = self.objects.get(name) or b""
        # After a failure of the machine it may be anything.
        begun = int(noted) if noted.isdigit() else 0
        if begun < MOST_TRIALS:
            # It tells of processes that end, so it need not wait for the disk.
            self.objects.put(name, b"%d" % (begun + 1), lasting=False)
            try:
                return self.job.part(stage, number, self.objects, go_on)
            finally:
                self.objects.delete(name)
        self.objects.delete(name)
        raise PartFailed(
            "work on a part must not end its worker",
            got=f"{begun} workers that have ended during it",
            remedy="look into that part, or give workers more memory, and start the job again",
        )

    def merge(self, stage: Stage, level: int, node: int) -> None:
        """Make one piece of up to `ARITY` pieces of the level below.

        It is made anew each time, since a part below that was left out before may be there now.

        Raises:
            ObjectsFailed: a piece is not there, or cannot be kept.
        """
        below = count_nodes(len(stage.parts), level - 1)
        pieces: list[bytes] = []
        failures: list[Failure] = []
        for number in range(node * ARITY, min((node + 1) * ARITY, below)):
            piece, failed = self._load(stage, level - 1, number)
            failures += failed
            if piece is not None:
                pieces.append(piece)
        match pieces:
            case []:
                merged = None
            case [merged]:
                pass
            case _:
                merged = self.job.merge(stage, pieces)
        self._write(_piece(stage, level, node), merged, failures)

    def finish(self, stage: Stage) -> Stage | Result:
        """Return what follows a stage whose pieces are one: another stage, or the result.

        Raises:
            Fault: there is no answer.
        """
        piece, failures = self._load(stage, count_levels(len(stage.parts)), 0)
        follows = self.job.finish(stage, piece, failures, self.objects)
        if isinstance(follows, Stage):
            return self._keep(follows)
        self.objects.tidy()
        return follows

    def _keep(self, stage: Stage) -> Stage:
        self.objects.put(f"stages/{stage.digest}", stage.document)
        return stage

    def _load(
        self, stage: Stage, level: int, node: int
    ) -> tuple[bytes | None, tuple[Failure, ...]]:
        """Return a piece and what was left out of it."""
        found = self._read(_piece(stage, level, node))
        if found is not None:
            return found
        failed = None if level else self.objects.get(f"failed/{stage.digest}/{node}")
        if failed is None:
            raise ObjectsFailed(
                f"the objects of the job must hold piece {level}-{node} of {stage.name}",
                got="none, or a damaged one",
                remedy="start the job again: what is done is kept",
            )
        return None, (Failure(**json.loads(failed)),)

    def _read(self, name: str) -> tuple[bytes | None, tuple[Failure, ...]] | None:
        """Return a piece and what was left out of it; None if it is absent.

        A damaged one is deleted, so that its part is worked on again.
        """
        data = self.objects.get(name)
        if data is None:
            return None
        seal, _, rest = data.partition(b"\n")
        if seal != _seal(rest):
            self.objects.delete(name)
            return None
        head, _, piece = rest.partition(b"\n")
        fields = json.loads(head)
        failures = tuple(Failure(**failure) for failure in fields["failures"])
        return (piece if fields["any"] else None), failures

    def _write(self, name: str, piece: bytes | None, failures: Sequence[Failure]) -> None:
        """Keep a piece, which is None if all of its parts have failed, and what was left out."""
        head = encode(
            {"any": piece is not None, "failures": [asdict(failure) for failure in failures]}
        )
        rest = b"%b\n%b" % (head, piece or b"")
        self.objects.put(name, b"%b\n%b" % (_seal(rest), rest))


def name_job(job: Job, identity: Fields) -> str:
    """Return the id of a job: the digest of its kind, its options and its input."""
    return digest({"job": job.kind, "identity": identity})


def forget_trial(objects: Objects, stage: Stage, number: int) -> None:
    """Forget that work on a part has begun: it has got further than any before, and kept that."""
    objects.delete(f"trials/{stage.digest}/{number}")


def forget_trials(objects: Objects) -> None:
    """Forget which parts have begun without an end: their process is being ended on purpose."""
    for name in [*objects.names("trials/")]:
        objects.delete(name)


def _piece(stage: Stage, level: int, node: int) -> str:
    return f"pieces/{stage.digest}/{level}-{node}"


def _seal(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
