"""A job for tests: the sum of numbers in a text file, a line each, some lines a part."""

from collections.abc import Sequence
from pathlib import Path

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Failure, Fields, GoOn, Result, Stage
from meshlens.batch.objects import Objects


class Counting:
    """Sums up the numbers of a file; a second stage counts those above the mean.

    Args:
        begun: gets the number of each part whose work begins.
    """

    kind = "counting-1"

    def __init__(self, begun: list[tuple[str, int]] | None = None) -> None:
        self.begun = [] if begun is None else begun

    def identify(self, options: Fields) -> Fields:
        """Return the file and its size."""
        return {**options, "size": Path(options["file"]).stat().st_size}

    def plan(self, identity: Fields, objects: Objects) -> Stage:
        """Cut the lines into parts."""
        del objects
        lines = len(Path(identity["file"]).read_text().splitlines())
        step = identity["lines"]
        parts = [{"start": start} for start in range(0, lines, step)]
        return Stage(self.kind, "sum", identity, parts)

    def locate(self, stage: Stage, number: int) -> str:
        """Return the file and the first line."""
        return f"{Path(stage.inputs['file']).name}, line {stage.parts[number]['start'] + 1}"

    def count_rows(self, stage: Stage, number: int) -> int:
        """Return how many lines a part may have."""
        del number
        return int(stage.inputs["lines"])

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Return the sum and the count of one part."""
        del objects
        self.begun.append((stage.name, number))
        go_on()
        file, start = Path(stage.inputs["file"]), stage.parts[number]["start"]
        if file.stat().st_size != stage.inputs["size"]:
            raise InputChanged("the file must stay as it was", got="another size")
        lines = file.read_text().splitlines()[start : start + stage.inputs["lines"]]
        try:
            numbers = [int(line) for line in lines]
        except ValueError as error:
            raise PartFailed("lines must be whole numbers", got=str(error)) from error
        if stage.name == "above":
            numbers = [number for number in numbers if number > stage.inputs["mean"]]
        return f"{sum(numbers)} {len(numbers)}".encode()

    def merge(self, stage: Stage, pieces: Sequence[bytes]) -> bytes:
        """Add up."""
        del stage
        both = [tuple(map(int, piece.split())) for piece in pieces]
        return f"{sum(total for total, _ in both)} {sum(n for _, n in both)}".encode()

    def finish(
        self, stage: Stage, piece: bytes | None, failures: Sequence[Failure], objects: Objects
    ) -> Stage | Result:
        """Go on with the second stage, or end."""
        total, count = map(int, (piece or b"0 0").split())
        if stage.name == "sum":
            failed = {failure.number for failure in failures}
            parts = [part for number, part in enumerate(stage.parts) if number not in failed]
            mean = total / max(count, 1)
            left_out = [failure.part for failure in failures]
            inputs = {**stage.inputs, "mean": mean, "left_out": left_out}
            return Stage(self.kind, "above", inputs, parts)
        objects.put("answer", f"{total} {count}".encode())
        return Result({"above": count, "left_out": stage.inputs["left_out"]}, ["answer"])
