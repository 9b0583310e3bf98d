"""Wires the job of many pictures to a folder, a model in this process, and a terminal."""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from meshlens.batch.errors import Cancelled
from meshlens.batch.interruption import Interruption
from meshlens.batch.job import Fields
from meshlens.batch.loop import run
from meshlens.batch.steps import forget_trials, name_job
from meshlens.classify.batch.command.arguments import parse_arguments
from meshlens.classify.batch.command.job_folder import open_job_folder
from meshlens.classify.batch.command.progress import Bar
from meshlens.classify.batch.command.report import report
from meshlens.classify.batch.errors import WrongJobFolder
from meshlens.classify.batch.job import SUMMARY, PictureJob
from meshlens.classify.batch.local_model import LocalModel
from meshlens.classify.batch.manifest import count_parts
from meshlens.classify.batch.places.folder import FolderPictures
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.serving.repository import Repository
from meshlens.faults import Fault

_FAILED, _INTERRUPTED = 2, 130
# Digits of the job's id in the name of its folder.
_ID = 12


def main(arguments: Sequence[str], *, prog: str) -> int:
    """Answer the pictures of a folder.

    Returns:
        0; 2 if a picture failed, or the job; 130 or 143 if a signal has ended it.
    """
    options = parse_arguments(arguments, prog)
    try:
        return _run(options, prog)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Fault as error:
        return _complain(prog, _name_options(str(error)), _FAILED)


def _run(options: argparse.Namespace, prog: str) -> int:
    name, _, version = options.model.partition("@")
    engine = partial(open_engine, workers=options.workers)
    repository = Repository(options.models, engine, default=name)
    model = LocalModel(repository, name, version, max_pixels=options.max_pixels)
    identity = PictureJob(FolderPictures.open, model).identify(
        {
            "place": FolderPictures(options.folder, options.glob).identify(),
            "options": _given(top_k=options.top_k, threshold=options.threshold),
            "format": options.format,
            "max_bytes": options.max_bytes,
        }
    )
    total = identity["listing"]["pictures"]
    # Where there are fewer parts than workers, those share the pictures of each part.
    model.most = max(options.workers // count_parts(total), 1)
    with Bar(total) as bar:
        job = PictureJob(FolderPictures.open, model, bar.add)
        folder = options.job or Path(f"classify-{name_job(job, identity)[:_ID]}")
        _check_outside(folder, options)
        objects = open_job_folder(folder, identity, again=options.again)
        how = f"the same command goes on, in {folder}"

        def end() -> None:
            forget_trials(objects)
            _complain(prog, f"interrupted at {bar.done} of {total} pictures; {how}")

        interruption = Interruption(end)
        try:
            with interruption:
                run(
                    job,
                    identity,
                    objects,
                    workers=options.workers,
                    go_on=interruption.go_on,
                    watch=bar.begin,
                )
        except Cancelled:
            return interruption.exit_code
    seconds = bar.seconds
    summary = json.loads(objects.get(SUMMARY) or b"")
    print(*(_name_options(line) for line in report(summary, folder)), sep="\n")
    rate = bar.answered / seconds
    print(
        f"{prog}: {bar.answered} pictures in {seconds:.1f} s, {rate:.1f} a second", file=sys.stderr
    )
    return _FAILED if summary["failed"] else 0


def _check_outside(folder: Path, options: argparse.Namespace) -> None:
    """Refuse a folder whose own files may be taken for pictures."""
    if options.glob and folder.resolve().is_relative_to(options.folder.resolve()):
        raise WrongJobFolder(
            "the folder of a job must be outside that of the pictures if there is --glob",
            got=str(folder),
            remedy="name another folder by --job",
        )


def _given(**options: float | None) -> Fields:
    return {name: value for name, value in options.items() if value is not None}


def _name_options(text: str) -> str:
    """Return a text with the option of the command instead of the setting."""
    return text.replace("MAX_PIXELS", "--max-pixels")


def _complain(prog: str, message: str, code: int = 0) -> int:
    tqdm.write(f"{prog}: {message}", file=sys.stderr)  # above the bar, if there is one
    return code
