"""The job that fits a model to a table in parts, and projects its observations on it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypeAlias

import numpy as np

from meshlens.batch.errors import InputChanged, PartFailed
from meshlens.batch.job import Failure, Fields, GoOn, Result, Stage, encode
from meshlens.batch.objects import Objects
from meshlens.pca.answers.reading import describe_parts
from meshlens.pca.answers.schemas import ReadPartsAnswer
from meshlens.pca.batch import groups, picture, scores, sums
from meshlens.pca.batch.choices import (
    describe_numbers,
    describe_picture,
    describe_reading,
    parse_choices,
    parse_picture,
    refuse_marks,
    refuse_too_wide,
)
from meshlens.pca.batch.packing import unpack_factor, unpack_moments
from meshlens.pca.batch.picture import PartsPicture
from meshlens.pca.batch.rows import Rows
from meshlens.pca.batch.source import Source
from meshlens.pca.batch.threads import ensure_one_thread
from meshlens.pca.errors import InvalidOption, PcaError
from meshlens.pca.methods import list_notes, refuse_few_components, refuse_undrawn
from meshlens.pca.models import encode_model
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.numbers.imputation import Missing
from meshlens.pca.numbers.moments import Moments
from meshlens.pca.numbers.scaling import Log, Scaling
from meshlens.pca.numbers.solvers.factors import Factor
from meshlens.pca.tables.reading import ColumnLeftOut, Reading

Merge: TypeAlias = Callable[[Sequence[bytes]], bytes]

_MOMENTS, _FACTORS, _SCORES, _GROUPS = "moments", "factors", "scores", "groups"
_POINTS, _DENSITY = "points", "density"
_MERGES: Mapping[str, Merge] = {
    _MOMENTS: sums.merge_moments,
    _FACTORS: sums.merge_factors,
    _SCORES: scores.merge_scores,
    _GROUPS: groups.merge_groups,
    _POINTS: picture.merge_points,
    _DENSITY: picture.merge_counts,
}
# The stages once a model is there, if they are wanted; that of the density follows its points.
_ORDER = (_MOMENTS, _SCORES, _GROUPS, _POINTS)
_PICTURE = "picture.svg"
_LONGEST = 200  # letters of a failure in the summary


@dataclass(frozen=True, slots=True)
class FitJob:
    """Principal components of a source, as the document that `fit` keeps, `model.json`.

    `read.json` says how the source was read, as a `ReadPartsAnswer`.

    Its options: `input`, which the opener takes; `options`, those of `transform` by name; `scores`,
    whether each part's scores are wanted, as Parquet; and `picture`, whether `picture.svg` is, or
    its options by name. That has the points of `plot` for as many observations as have a mark each
    there, and for more their density.

    BLAS has one thread for it, until the end of the process or of the `one_thread()` it runs in, so
    that no sum depends on how many there are. Bytes may differ between kinds of processors, for
    which BLAS has different products.

    Args:
        open: opens sources.
        kind: and version.
    """

    open: Callable[[Fields, Sequence[str]], Source]
    kind: str = field(default="pca-fit-1", init=False)

    def identify(self, options: Fields) -> Fields:
        """Return the options in full, and what the input is now.

        Raises:
            InvalidOption: an option is wrong, or not offered by jobs.
            Fault: there is no such input.
        """
        unknown = sorted({*options} - {"input", "options", "scores", "picture"})
        if unknown or "input" not in options:
            raise InvalidOption(
                "a job takes input, options, scores and picture",
                got=", ".join(unknown) or "no input",
                remedy="name what is to be read as input",
                option=unknown[0] if unknown else "input",
            )
        chosen = parse_choices(options.get("options", {}))
        drawn = parse_picture(options.get("picture", False))
        if drawn is not None:
            refuse_undrawn(chosen)
            refuse_marks(options.get("options", {}))
        given = {**options["input"], "reading": describe_reading(chosen)}
        source = self.open(given, ())
        groups.check_groups(source, chosen.group)
        identity = {
            "given": given,
            "found": source.identify(),
            "options": describe_numbers(chosen),
            "scores": bool(options.get("scores", False)),
        }
        return identity if drawn is None else {**identity, "picture": describe_picture(drawn)}

    def plan(self, identity: Fields, objects: Objects) -> Stage:
        """Return the stage of the moments, whose shift is that of the first rows.

        Raises:
            InputChanged: the input is no longer what `identify` has seen.
            Fault: the input cannot be read, or has too many variables.
        """
        del objects
        source = self.open(identity["given"], ())
        if source.identify() != identity["found"]:
            raise InputChanged(
                "the input must be what it was when the job was started",
                got="other files, sizes or times of change",
                remedy="start the job again when nobody writes the input",
            )
        parts = source.plan()
        refuse_too_wide(len(source.names))
        if "picture" in identity:
            refuse_few_components(len(source.names))
        rows = _read_with(identity["options"], source.names)
        ensure_one_thread()
        shift = sums.find_first_shift(source, parts, rows)
        inputs = {
            **identity,
            "names": [*source.names],
            "shift": shift.tolist(),
            "reading": asdict(source.reading),
        }
        return Stage(self.kind, _MOMENTS, inputs, parts)

    def locate(self, stage: Stage, number: int) -> str:
        """Return where a part is in the input."""
        return self._open(stage).locate(stage.parts[number])

    def count_rows(self, stage: Stage, number: int) -> int:
        """Return how many rows a part has; 0 if its source does not know before it is read."""
        first, last = stage.parts[number].get("rows", (0, 0))
        return int(last - first)

    def part(self, stage: Stage, number: int, objects: Objects, go_on: GoOn) -> bytes:
        """Return the piece of one part.

        Raises:
            PartFailed: it cannot be worked on.
            InputChanged: its file is no longer what the plan has seen.
        """
        source, part, inputs = self._open(stage), stage.parts[number], stage.inputs
        rows = _read_with(inputs["options"], inputs["names"])
        shift = np.array(inputs["shift"])
        ensure_one_thread()
        match stage.name:
            case "moments":
                scaling = Scaling(inputs["options"]["scaling"])
                return sums.fold_part(source, part, rows, shift, scaling, go_on)
            case "factors":
                moments = sums.load_moments(objects, inputs["moments"])
                return sums.reduce_part(source, part, rows, moments, inputs["options"], go_on)
            case "scores":
                model = scores.load(objects, inputs["model"])
                name = f"scores/{stage.digest[:16]}/{number:06}.parquet"
                data, piece = scores.project_part(
                    source, part, rows, model, inputs["options"], name, go_on
                )
                objects.put(name, data)
                return piece
            case "points":
                return PartsPicture.of(inputs, objects).find_points(source, part, rows, go_on)
            case "density":
                panel = picture.read_panel(inputs["panel"])
                drawn = PartsPicture.of(inputs, objects)
                return drawn.count_points(source, part, rows, panel, go_on)
            case _:
                return groups.sum_part(source, part, rows, inputs["options"], shift, go_on)

    def merge(self, stage: Stage, pieces: Sequence[bytes]) -> bytes:
        """Return the piece of neighbouring pieces together."""
        ensure_one_thread()
        return _MERGES[stage.name](pieces)

    def finish(
        self, stage: Stage, piece: bytes | None, failures: Sequence[Failure], objects: Objects
    ) -> Stage | Result:
        """Return what follows a stage: another one, or the end.

        Raises:
            PartFailed: no part could be worked on, or one no longer can.
            PcaError: the numbers have no components.
        """
        if piece is None:
            raise PartFailed(
                f"at least one part of {stage.name} must be worked on",
                got=f"{len(failures)} failures, the first in {failures[0].part}:"
                f" {failures[0].reason}"[:_LONGEST],
                remedy="correct the input",
            )
        ensure_one_thread()
        match stage.name:
            case "moments":
                return self._finish_moments(stage, piece, failures, objects)
            case "factors":
                return self._finish_factors(stage, piece, failures, objects)
            case "scores":
                name = scores.keep_manifest(stage, piece, failures, objects)
                return self._follow(stage, _SCORES, name)
            case "points":
                return self._finish_points(stage, piece, failures, objects)
            case "density":
                _refuse_failures(failures)
                drawn = PartsPicture.of(stage.inputs, objects)
                outline = sums.load(objects, stage.inputs["outline"])
                return self._keep_picture(stage, drawn, outline, piece, objects)
            case _:
                name = groups.keep_groups(stage, piece, failures, objects)
                return self._follow(stage, _GROUPS, name)

    def _finish_moments(
        self, stage: Stage, piece: bytes, failures: Sequence[Failure], objects: Objects
    ) -> Stage | Result:
        moments, dropped = unpack_moments(piece)
        if moments is None:
            raise sums.no_observation()
        failed = {failure.number for failure in failures}
        stage = Stage(
            stage.job,
            stage.name,
            {
                **stage.inputs,
                "dropped": dropped,
                "left_out": [asdict(failure) for failure in failures],
            },
            [part for number, part in enumerate(stage.parts) if number not in failed],
        )
        model = self._decompose(stage, moments, None)
        if model is not None:
            return self._keep_model(stage, model, objects)
        inputs = {**stage.inputs, "moments": sums.keep_moments(objects, moments)}
        return Stage(self.kind, _FACTORS, inputs, stage.parts)

    def _finish_factors(
        self, stage: Stage, piece: bytes, failures: Sequence[Failure], objects: Objects
    ) -> Stage | Result:
        _refuse_failures(failures)
        moments, factor = sums.load_moments(objects, stage.inputs["moments"]), unpack_factor(piece)
        sums.check_same(factor.n, moments.n)
        model = self._decompose(stage, moments, factor)
        if model is None:
            raise PcaError("a factor decides on every component", got="none", remedy="report it")
        return self._keep_model(stage, model, objects)

    def _finish_points(
        self, stage: Stage, piece: bytes, failures: Sequence[Failure], objects: Objects
    ) -> Stage | Result:
        _refuse_failures(failures)
        drawn = PartsPicture.of(stage.inputs, objects)
        panel = drawn.find_panel(piece, _find_reading(stage), stage.inputs["dropped"])
        if panel is None:
            return self._keep_picture(stage, drawn, piece, None, objects)
        inputs = {
            **stage.inputs,
            "panel": picture.describe_panel(panel),
            "outline": sums.keep(objects, piece),
        }
        return Stage(self.kind, _DENSITY, inputs, stage.parts)

    def _keep_picture(
        self,
        stage: Stage,
        drawn: PartsPicture,
        outline: bytes,
        tally: bytes | None,
        objects: Objects,
    ) -> Stage | Result:
        read = _describe_reading(stage, drawn.model)
        objects.put(_PICTURE, drawn.draw(outline, tally, _find_reading(stage), read))
        return self._follow(stage, _POINTS, _PICTURE)

    def _decompose(self, stage: Stage, moments: Moments, factor: Factor | None) -> PcaModel | None:
        options = parse_choices(stage.inputs["options"])
        return options.decompose_parts(moments, stage.inputs["names"], factor)

    def _keep_model(self, stage: Stage, model: PcaModel, objects: Objects) -> Stage | Result:
        document = encode_model(model)
        objects.put("model.json", document)
        objects.put("read.json", encode(_describe_reading(stage, model)))
        summary = {
            "id": hashlib.sha256(document).hexdigest(),
            "n": model.n,
            "p": len(model.names),
            "k": len(model.components),
            "solver": model.solver,
            "dropped": stage.inputs["dropped"],
            "left_out": len(stage.inputs["left_out"]),
            "first_left_out": _describe_first(stage.inputs["left_out"]),
        }
        inputs = {**stage.inputs, "model": summary["id"], "summary": summary, "objects": []}
        if "picture" in inputs:
            # What cannot be drawn is said before any further pass.
            PartsPicture.of(inputs, objects)
        stage = Stage(self.kind, stage.name, inputs, stage.parts)
        return self._follow(stage, _MOMENTS, "model.json", "read.json")

    def _follow(self, stage: Stage, done: str, *names: str) -> Stage | Result:
        """Return the next stage that is wanted once a model is there, or the end."""
        inputs = {**stage.inputs, "objects": [*stage.inputs["objects"], *names]}
        wanted = {
            _SCORES: inputs["scores"],
            _GROUPS: bool(inputs["options"]["group"]),
            _POINTS: "picture" in inputs,
        }
        for follows in _ORDER[_ORDER.index(done) + 1 :]:
            if wanted[follows]:
                return Stage(self.kind, follows, inputs, stage.parts)
        return Result(inputs["summary"], inputs["objects"])

    def _open(self, stage: Stage) -> Source:
        return self.open(stage.inputs["given"], stage.inputs["names"])


def _read_with(options: Fields, names: Sequence[str]) -> Rows:
    return Rows(names, Log(options["log"]), Missing(options["missing"]))


def _refuse_failures(failures: Sequence[Failure]) -> None:
    """Refuse parts that fail once their observations are in the moments.

    Raises:
        PartFailed: there are any.
    """
    if failures:
        raise PartFailed(
            "a part that was read once must be readable again",
            got=f"{failures[0].part}: {failures[0].reason}"[:_LONGEST],
            remedy="correct the input, then start the job again: what is done is kept",
        )


def _find_reading(stage: Stage) -> Reading:
    """Return how the first file was read, with the parts that were left out as a note."""
    given, left_out = stage.inputs["reading"], stage.inputs["left_out"]
    notes = given["notes"]
    if left_out:
        parts = f"{len(left_out)} part{'s' * (len(left_out) != 1)}"
        notes = [*notes, f"{parts} left out, the first: {left_out[0]['part']}"]
    return Reading(
        format=given["format"],
        encoding=given["encoding"],
        delimiter=given["delimiter"],
        decimal_mark=given["decimal_mark"],
        header_row=given["header_row"],
        left_out=tuple(ColumnLeftOut(**column) for column in given["left_out"]),
        notes=tuple(notes),
    )


def _describe_reading(stage: Stage, model: PcaModel) -> ReadPartsAnswer:
    options = parse_choices(stage.inputs["options"])
    notes = (*stage.inputs["reading"]["notes"], *list_notes(model, options))
    return describe_parts(
        replace(_find_reading(stage), notes=notes),
        model,
        dropped=stage.inputs["dropped"],
        parts=len(stage.parts),
        failed=[(failure["part"], failure["reason"]) for failure in stage.inputs["left_out"]],
    )


def _describe_first(left_out: Sequence[Fields]) -> str:
    if not left_out:
        return ""
    return f"{left_out[0]['part']}: {left_out[0]['reason']}"[:_LONGEST]
