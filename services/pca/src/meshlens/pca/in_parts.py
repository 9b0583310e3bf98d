"""The command `pca fit` for a table in parts: several files, a folder, or a large one."""

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from meshlens.batch.errors import Cancelled, ObjectsFailed
from meshlens.batch.interruption import Interruption
from meshlens.batch.job import Result
from meshlens.batch.loop import Progress, run
from meshlens.batch.objects import FolderObjects
from meshlens.batch.steps import forget_trials, name_job
from meshlens.pca import progress
from meshlens.pca.answers import encoding
from meshlens.pca.arguments import LARGE, STDIN, Call
from meshlens.pca.batch.choices import refuse_marks
from meshlens.pca.batch.sources.files import is_several
from meshlens.pca.batch.sources.formats import find_whole
from meshlens.pca.batch.sources.table import describe, open_table
from meshlens.pca.errors import InvalidOption
from meshlens.pca.models import decode_model
from meshlens.pca.options import FitOptions, parse_options

# What is no variable, and has no other part in a fit.
_ASIDE = ("names", "group", "color", "shape")
_START = 64  # bytes that say whether a file has parts


class Interrupted(Exception):
    """A signal has ended the job, and the user was told how to go on.

    Args:
        exit_code: as of a process that the signal has ended.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def is_in_parts(call: Call) -> bool:
    """Return whether a table is read in parts.

    Raises:
        InvalidOption: the options of parts contradict what is read.
        OSError: a file cannot be read.
    """
    if call.method != "fit":
        return False
    stdin = str(STDIN) in call.files
    several = is_several(call.files)
    if (several or call.parts.chosen) and (stdin or call.parts.whole):
        raise InvalidOption(
            "a table in parts must be in files, and none of them is read whole",
            got="standard input" if stdin else "whole, and several files or an option of parts",
            remedy="name files" if stdin else "leave one of them out",
            option="" if stdin else "whole",
        )
    if several or call.parts.chosen:
        return True
    if stdin or call.parts.whole or call.file.stat().st_size <= LARGE:
        return False
    with call.file.open("rb") as file:
        return not find_whole(file.read(_START))


def fit(call: Call, media_type: str, say: Callable[[str], object]) -> tuple[bytes, bytes | None]:
    """Return the answer of a fit in parts, and its picture if that is wanted.

    What is done is kept until then.

    Args:
        call: what the user has asked for.
        media_type: of the answer.
        say: tells the user something.

    Raises:
        Fault: an option is wrong, a part cannot be read, or there is no answer.
        Interrupted: by a signal.
    """
    from meshlens.pca.batch.fit import FitJob  # noqa: PLC0415 - Arrow takes 40 MB, which small tables do without
    from meshlens.pca.batch.threads import one_thread  # noqa: PLC0415 - as above

    if call.picture:
        refuse_marks(call.query)
    job = FitJob(open_table)
    given = describe(call.files, content_type=call.content_type)
    identity = job.identify(
        {
            "input": given,
            "options": _set_aside(call.query),
            "picture": False if call.picture is None else {**call.picture.query},
        }
    )
    cached = _find_cache() / name_job(job, identity)
    folder = call.parts.job or cached
    objects = FolderObjects(folder)

    def end() -> None:
        forget_trials(objects)
        kept = f"the same command goes on with what is done, which is kept in {folder}"
        say(f"interrupted; {kept if any(objects.names('pieces/')) else 'nothing is done yet'}")

    interruption = Interruption(end)
    try:
        with one_thread(), interruption, progress.count_parts() as show:

            def watch(state: Progress) -> None:
                left_out = f", {state.failed} left out" if state.failed else ""
                show(state.stage, state.done, state.of, f"{state.rows:,} rows{left_out}")

            result = run(
                job,
                identity,
                objects,
                workers=call.parts.workers or os.cpu_count() or 1,
                skip=call.parts.skip_failed,
                go_on=interruption.go_on,
                watch=watch,
            )
    except Cancelled:
        raise Interrupted(interruption.exit_code) from None
    document, read = (_fetch(objects, name, folder) for name in ("model.json", "read.json"))
    picture = _fetch(objects, "picture.svg", folder) if call.picture else None
    if not call.parts.job:
        shutil.rmtree(cached, ignore_errors=True)
    if note := _describe_left_out(result):
        say(note)
    if media_type == encoding.JSON:
        model_id = result.summary["id"]
        answer = encoding.encode_model(document, model_id=model_id, read=json.loads(read))
    else:
        answer = encoding.encode_components(decode_model(document), media_type)
    return answer, picture


def _fetch(objects: FolderObjects, name: str, folder: Path) -> bytes:
    data = objects.get(name)
    if data is None:
        raise ObjectsFailed(
            "the answer must stay where the job has kept it",
            got=f"no {name} in {folder}",
            remedy="run the command again while nobody else deletes there",
        )
    return data


def _set_aside(query: Mapping[str, str]) -> dict[str, str]:
    """Return options in which columns that are no variables are dropped."""
    options = parse_options(FitOptions, query)
    aside = [getattr(options, name) for name in _ASIDE if getattr(options, name)]
    drop = dict.fromkeys([*options.drop, *(name for name in aside if name not in options.use)])
    kept = {name: text for name, text in query.items() if name not in {*_ASIDE, "drop"}}
    if not drop:
        return kept
    listed = io.StringIO()
    csv.writer(listed, lineterminator="").writerow(drop)
    return {**kept, "drop": listed.getvalue()}


def _find_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "meshlens" / "jobs"


def _describe_left_out(result: Result) -> str:
    count, dropped = result.summary["left_out"], result.summary["dropped"]
    notes = []
    if dropped:
        notes.append(f"{dropped} observations with missing numbers are left out")
    if count:
        notes.append(f"{count} parts are left out, the first: {result.summary['first_left_out']}")
    return "; ".join(notes)
