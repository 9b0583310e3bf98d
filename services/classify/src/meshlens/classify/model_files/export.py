"""A model in another form: made, compared with the one that is served, and kept if it is better."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import ModelNotFound, NoModels
from meshlens.classify.formats.card import Kind, decode_card
from meshlens.classify.formats.tflite_advice import Form
from meshlens.classify.model_files.carrying import CARD, carry_card, name_tensors, write_beside
from meshlens.classify.model_files.comparison import (
    compare_answers,
    compare_costs,
    judge,
    report,
)
from meshlens.classify.model_files.conversion import convert
from meshlens.classify.model_files.converter import KERAS, Request
from meshlens.classify.model_files.errors import NotConverted
from meshlens.classify.model_files.sampling import Sample, draw_sample
from meshlens.classify.serving.opening import Loaded, open_model
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import SAVED_MODEL, Source, read_model
from meshlens.classify.tasks.classification.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make.

    Attributes:
        models: the folder of models.
        name: of the model that is served, or its name and version, as in `flowers@2`.
        pictures: a folder of such as it gets.
        form: of the new model.
        origin: the SavedModel or Keras file that its file was made from; None if the model is a
            SavedModel itself.
        least: share of the pictures whose first label must be the same.
        max_pixels: largest picture that is decoded.
    """

    models: Path
    name: str
    pictures: Path
    form: Form
    origin: Path | None
    least: float
    max_pixels: int


def export(plan: Plan, say: Callable[[str], object]) -> Path:
    """Return the folder of the new version, which appears there whole or not at all.

    Args:
        plan: what to make.
        say: told, line by line, what has been found out.

    Raises:
        ModelNotFound, NoModels, InvalidModel: there is no such model, or it cannot be loaded.
        NotConverted: it is no classifier, has no source, or cannot be converted.
        TooFewPictures, NoPictures: the pictures do not suffice.
        NotBetter: the new model answers otherwise, or gains nothing.
    """
    source, target = _find(plan)
    old = _load(source, plan.models)
    try:
        lens = _require_classifier(old)
        origin = _find_origin(plan, source)
        sample = draw_sample(plan.pictures, lens, plan.max_pixels)
        say(
            f"{source.model}@{source.version} to {plan.form}: {len(sample.calibration)} pictures to"
            f" convert with, {len(sample.held_back)} others to compare answers,"
            f" {sample.unreadable} that cannot be read"
        )
        card = carry_card(old.model, lens)
        # The tensors of another source may have other names.
        own = name_tensors(card, old.model) if origin == _folder(source) else card
        data = _convert(plan, origin, own, old, sample)
        with _appearing(plan.models, target) as made:
            path = made / f"{source.model}.tflite"
            path.write_bytes(data)
            content = decode_card(write_beside(made, card, old.model.labels))
            new = _load(
                Source(source.model, target.name, (path,), content, made / CARD), plan.models
            )
            try:
                _compare(plan, old, new, sample, say)
            finally:
                new.engine.close()
        return target
    finally:
        old.engine.close()


def _find(plan: Plan) -> tuple[Source, Path]:
    """Return the version that is served, and the folder of the next one."""
    name, _, number = plan.name.partition("@")
    sources = [*find_models(plan.models)]
    if not sources:
        raise NoModels(plan.models)
    versions = {int(it.version): it for it in sources if it.model == name}
    if not versions:
        raise ModelNotFound(name, sorted({source.model for source in sources}))
    chosen = next((it for each, it in versions.items() if _is_number(number, each)), None)
    if number and chosen is None:
        raise ModelNotFound(plan.name, [f"{name}@{version}" for version in sorted(versions)])
    folder = plan.models / name
    for source in versions.values():
        files = (*source.paths, *filter(None, [source.card_path]))
        if any(_is_unnumbered(path, folder) for path in files):
            raise NotConverted(
                f"each version of {name} must have a folder of its own, beside which the new one"
                " is put",
                got=f"files in {folder}",
                remedy=f"move them into {folder}/{source.version}",
            )
    target = folder / str(max(versions) + 1)
    if target.exists():
        raise NotConverted(
            f"expected no {target}: it is where the next version of {name} is put",
            got="one without a model",
            remedy="remove it, or complete it if it is to be a version",
        )
    return chosen or versions[max(versions)], target


def _is_number(text: str, number: int) -> bool:
    """Return whether decimal digits, of which there may be any number, are those of a number."""
    return text.isdecimal() and (text.lstrip("0") or "0") == str(number)


def _is_unnumbered(path: Path, folder: Path) -> bool:
    """Return whether a path in a model's folder leads through none that is called like a version.

    Such files are no version any more once there is a folder that is.
    """
    whole, start = Path(os.path.abspath(path)), Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow the owner's links
    if not whole.is_relative_to(start):
        return False
    first, *_ = (*whole.relative_to(start).parts, "")
    return re.fullmatch("[vV]?[0-9]+", first) is None


def _load(source: Source, models: Path) -> Loaded:
    return open_model(source, read_model(source), partial(open_engine, workers=1), models)


def _require_classifier(loaded: Loaded) -> Classifier:
    if not isinstance(loaded.lens, Classifier):
        raise NotConverted(
            "expected a model that classifies pictures: of others nobody can say whether the"
            " answers stay right",
            got=f"{loaded.model.name}, which {loaded.lens.does}",
            remedy="if it classifies, say task: classify in its card; else convert it where it was"
            " made, and look at its answers yourself",
        )
    return loaded.lens


def _folder(source: Source) -> Path:
    return source.path.parent if source.path.name == SAVED_MODEL else source.path


def _find_origin(plan: Plan, source: Source) -> Path:
    """Return what is converted: a SavedModel or a Keras model."""
    origin = plan.origin
    if origin is None and source.kind is Kind.SAVED_MODEL:
        return _folder(source)
    if origin is None:
        raise NotConverted(
            "expected a model that can be converted",
            got=f"{source.path.name}, whose weights have lost what another form needs"
            if source.kind is Kind.TFLITE
            else f"{source.path.name}, a frozen graph",
            remedy="name the SavedModel or the Keras file that it was made from: --from SOURCE",
            option="--from",
        )
    if (origin / SAVED_MODEL).is_file() or (origin.is_file() and origin.suffix in KERAS):
        return origin
    raise NotConverted(
        f"expected the folder of a SavedModel, or a Keras file ({', '.join(sorted(KERAS))})",
        got=f"{origin}",
        remedy="check the name; a checkpoint has to be exported first, model.export(FOLDER)",
        option="--from",
    )


def _convert(
    plan: Plan, origin: Path, card: Mapping[str, Any], old: Loaded, sample: Sample
) -> bytes:
    """Return the new file."""
    request = Request(
        source=str(origin),
        form=plan.form,
        card=yaml.safe_dump(dict(card)),
        pictures=[str(path) for path in sample.calibration],
        max_pixels=plan.max_pixels,
        labels=old.model.labels,
    )
    with tempfile.TemporaryDirectory(prefix="classify-export-") as folder:
        return convert(request, Path(folder))


@contextmanager
def _appearing(models: Path, target: Path) -> Iterator[Path]:
    """Yield a folder that gets the name of `target` once it is whole, and goes if it fails."""
    # Hidden, so that nobody takes it for a model before.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=models) as folder:
        made = Path(folder) / target.name
        made.mkdir()
        yield made
        target.parent.mkdir(exist_ok=True)
        made.rename(target)


def _compare(
    plan: Plan, old: Loaded, new: Loaded, sample: Sample, say: Callable[[str], object]
) -> None:
    """Tell how both models compare, and refuse a new one that is not better."""
    before, after = _require_classifier(old), _require_classifier(new)
    if len(before.labels) != len(after.labels):
        raise NotConverted(
            f"expected a source with {len(before.labels)} classes, as {old.model.name} has",
            got=f"{len(after.labels)}",
            remedy="name the one that it was made from",
            option="--from",
        )
    answers = compare_answers(before, after, sample.held_back, plan.max_pixels)
    costs = compare_costs(old, new, sample.held_back, plan.max_pixels)
    say(report(answers, costs))
    judge(answers, costs, plan.least)
