"""The job: every picture of a place answered by one model, 500 pictures a part.

Objects of a job, besides those of its steps:

    manifest/<part>             the names of its pictures
    partial/<stage>/<part>      rows of a part that is being worked on
    results/<part>.<format>     the answers to the pictures of a part, a row each
    summary.json                what all of it comes to
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TypeAlias

from meshlens.batch.errors import Cancelled, InputChanged, ObjectsFailed
from meshlens.batch.job import Failure, Fields, GoOn, Json, Result, Stage
from meshlens.batch.objects import Objects
from meshlens.batch.steps import forget_trial
from meshlens.classify.batch import manifest
from meshlens.classify.batch.answering import Answering, Refusal
from meshlens.classify.batch.errors import NoPictures, PictureTooLarge, UnreadablePicture
from meshlens.classify.batch.places.pictures import Picture, Pictures
from meshlens.classify.batch.results.formats import Format, find_encoder
from meshlens.classify.batch.results.rows import EVERY, Rows
from meshlens.classify.batch.results.tally import Tally, merge
from meshlens.classify.formats.card import Task

# Of the file of a picture.
MAX_BYTES = 64 * 1024 * 1024
SUMMARY = "summary.json"
_LABELS_SAID = 10

OpenPictures: TypeAlias = Callable[[Fields], Pictures]
# A picture, and its bytes or why there are none.
_Read: TypeAlias = tuple[Picture, bytes | Refusal]
# Called with how many more pictures have their rows, and whether an earlier run made them.
OnRows: TypeAlias = Callable[[int, bool], None]


def _nothing(rows: int, restored: bool) -> None:  # noqa: FBT001 - as OnRows is called
    del rows, restored


class PictureJob:
    """Answers pictures; a bad one fails alone, and its row says why.

    Options of the job are `place`, where the pictures are; `options`, those of the model's task;
    `format` and `max_bytes`.

    Args:
        open_pictures: returns the place that `Pictures.identify` has described.
        answering: answers them.
        on_rows: told of each row, by the threads that work on parts.
        every: seconds of work on each part that a kill may cost.

    Attributes:
        chunk: pictures of a part.
    """

    kind = "classify-pictures-1"
    chunk = manifest.CHUNK

    def __init__(
        self,
        open_pictures: OpenPictures,
        answering: Answering,
        on_rows: OnRows = _nothing,
        *,
        every: float = EVERY,
    ) -> None:
        self._open, self._answering = open_pictures, answering
        self._on_rows, self._every = on_rows, every

    def identify(self, options: Fields) -> Fields:
        """Return the options in full, the model, and what the listing comes to now."""
        form = Format(options.get("format", Format.JSONL))
        find_encoder(form)
        pictures = self._open(options["place"])
        model = self._answering.identify(options.get("options", {}))
        listing = manifest.sum_up(pictures.list())
        if not listing.pictures:
            raise NoPictures(
                "there must be pictures",
                got=f"none in {', '.join(map(str, pictures.identify().values()))}",
                remedy="check the folder and the names that are looked for",
            )
        return {
            "place": pictures.identify(),
            "listing": asdict(listing),
            "model": model,
            "format": form,
            "max_bytes": options.get("max_bytes", MAX_BYTES),
        }

    def plan(self, identity: Fields, objects: Objects) -> Stage:
        """Keep the manifest; a part is a chunk of it."""
        listed = self._open(identity["place"]).list()
        listing, parts = manifest.write(listed, objects, self.chunk)
        if asdict(listing) != identity["listing"]:
            raise InputChanged(
                "the pictures must stay as they are while a job is planned",
                got=f"{listing.pictures} of them instead of {identity['listing']['pictures']},"
                " or others",
                remedy="start the job again once nobody changes them",
            )
        return Stage(self.kind, "answers", identity, parts)

    def locate(self, stage: Stage, number: int) -> str:
        """Return which pictures a part has, counted from 1."""
        first = number * self.chunk
        last = first + stage.parts[number]["pictures"]
        return f"pictures {first + 1} to {last} of the manifest"

    def count_rows(self, stage: Stage, number: int) -> int:
        """Return how many pictures a part has."""
        return int(stage.parts[number]["pictures"])

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Answer the pictures of a chunk, keep their rows, and return their tally."""
        pictures = manifest.read(number, stage.parts[number], objects)
        task, total = Task(stage.inputs["model"]["task"]), Tally()
        partial = f"partial/{stage.digest}/{number:05d}"
        rows = Rows(partial, objects, self._every)
        restored = rows.restore(pictures)
        for picture, row in zip(pictures, restored, strict=False):
            total.add(task, row, picture.size or 0)
        self._on_rows(len(restored), True)  # noqa: FBT003 - as OnRows is called
        try:
            for picture, row in self._answer(stage.inputs, pictures[len(restored) :], go_on):
                if rows.add(row):
                    forget_trial(objects, stage, number)
                total.add(task, row, picture.size or 0)
                self._on_rows(1, False)  # noqa: FBT003 - as OnRows is called
        except Cancelled:
            rows.keep()
            raise
        form = Format(stage.inputs["format"])
        objects.put(_name_result(number, form), find_encoder(form)(task, rows.lines))
        objects.delete(partial)
        return total.encode()

    def _answer(
        self, inputs: Fields, pictures: Sequence[Picture], go_on: GoOn
    ) -> Iterator[tuple[Picture, Fields]]:
        """Yield each picture with its row."""
        place = self._open(inputs["place"])
        for group in self._group(_read_all(place, pictures, inputs["max_bytes"], go_on)):
            data = [one for _, one in group if isinstance(one, bytes)]
            answers = iter(self._answering.answer(inputs["model"], data) if data else ())
            for picture, one in group:
                answer = next(answers) if isinstance(one, bytes) else one
                if isinstance(answer, Refusal):
                    answer = {"error": answer.to_fields()}
                yield picture, {"picture": picture.shown, **answer}

    def _group(self, pictures: Iterable[_Read]) -> Iterator[Sequence[_Read]]:
        """Yield neighbouring pictures that are answered at a time; one alone may be of any size."""
        group: list[_Read] = []
        size = 0
        for picture, one in pictures:
            length = len(one) if isinstance(one, bytes) else 0
            if group and size + length > self._answering.most_bytes:
                yield group
                group, size = [], 0
            group.append((picture, one))
            size += length
            if len(group) == self._answering.most:
                yield group
                group, size = [], 0
        if group:
            yield group

    def merge(self, stage: Stage, pieces: Sequence[bytes]) -> bytes:
        """Add up tallies."""
        del stage
        return merge(pieces)

    def finish(
        self, stage: Stage, piece: bytes | None, failures: Sequence[Failure], objects: Objects
    ) -> Stage | Result:
        """Keep the summary."""
        total = Tally.decode(piece) if piece else Tally()
        names = _find_results(stage, failures, objects)
        for left in [*objects.names(f"partial/{stage.digest}/")]:
            objects.delete(left)
        model = stage.inputs["model"]
        labels = sorted(total.labels.items(), key=lambda each: (-each[1], each[0]))
        summary: dict[str, Json] = {
            "job": stage.job,
            **stage.inputs,
            **total.to_fields(),
            "bytes": None if stage.inputs["listing"]["bytes"] is None else total.size,
            "answered": total.pictures - total.failed,
            "failed": total.failed,
            "left_out": [asdict(failure) for failure in failures],
            "results": names,
        }
        text = json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False)
        objects.put(SUMMARY, text.encode() + b"\n")
        said = {
            "model": f"{model['model']}@{model['version']}",
            "pictures": total.pictures,
            "answered": total.pictures - total.failed,
            "failures": {reason: each.count for reason, each in total.failures.items()},
            "labels": dict(labels[:_LABELS_SAID]),
            "left_out": len(failures),
        }
        return Result(said, (SUMMARY, *names))


def _read_all(
    place: Pictures, pictures: Iterable[Picture], most: int, go_on: GoOn
) -> Iterator[_Read]:
    for picture in pictures:
        go_on()
        yield picture, _read(place, picture, most)


def _read(place: Pictures, picture: Picture, most: int) -> bytes | Refusal:
    """Return the bytes of a picture, or why it cannot be read."""
    size = picture.size
    if size is None or size <= most:
        try:
            data = place.read(picture)
        except UnreadablePicture as fault:
            return Refusal.of(fault)
        size = len(data)
        if size <= most:
            return data
    return Refusal.of(
        PictureTooLarge(
            f"the file of a picture must have at most {most} bytes",
            got=f"{size}",
            remedy="make it smaller, or allow more",
        )
    )


def _find_results(stage: Stage, failures: Sequence[Failure], objects: Objects) -> list[str]:
    """Return the names of the results.

    Raises:
        ObjectsFailed: one that is done is not there any more.
    """
    left_out = {failure.number for failure in failures}
    form = Format(stage.inputs["format"])
    numbers = (number for number in range(len(stage.parts)) if number not in left_out)
    names = [_name_result(number, form) for number in numbers]
    if lost := {*names} - {*objects.names("results/")}:
        raise ObjectsFailed(
            "the objects of the job must hold the answers of every part that is done",
            got=f"no {min(lost)}",
            remedy="start the job anew",
        )
    return names


def _name_result(number: int, form: Format) -> str:
    return f"results/{number:05d}.{form}"
