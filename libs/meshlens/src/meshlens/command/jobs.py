"""`meshlens jobs`: start batch jobs in the mesh, look at them, and fetch what they have made."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from meshlens.command.calls import App, CallFailed, add_sidecar, run_action

_DESCRIPTION = """\
Start, watch and end batch jobs of the app jobs, which `meshlens up --jobs` runs.

An id may be shortened to its first letters.
"""
_EPILOG = """\
The exit code is 0 if the call was answered (of watch: if the job has completed), 1 if the job
has ended otherwise, 2 if the call was refused.
"""
_ID_LETTERS = 64
_SHOWN_LETTERS = 12
_POLL_SECONDS = 0.5
_ENDS = {"completed", "failed", "cancelled", "stopped"}
# While nobody answers: longer than a scheduler needs to come back.
_LOST_SECONDS = 60.0


def main(arguments: Sequence[str], *, prog: str) -> int:
    """Do what the first word says; return the exit code."""
    options = _parse(arguments, prog)
    action: Callable[[App, argparse.Namespace], int] = options.action
    return run_action(action, "jobs", options, interrupted=1)


def _start(app: App, options: argparse.Namespace) -> int:
    body = {
        "kind": options.kind,
        "options": dict(options.option),
        "skip": options.skip,
        "again": options.again,
    }
    started = app.read("POST", "start", body=body)
    print(started["id"])
    if not started["new"]:
        print(f"it is there already, and {started['state']}", file=sys.stderr)
    return _follow(app, started["id"]) if options.watch else 0


def _list(app: App, _: argparse.Namespace) -> int:
    for job in app.read("GET", "list")["jobs"]:
        print(f"{job['id'][:_SHOWN_LETTERS]}  {job['started']}  {job['kind']:16} {_describe(job)}")
    return 0


def _status(app: App, options: argparse.Namespace) -> int:
    job = app.read("GET", "status", _complete(app, options.id))
    print(_describe(job))
    return 0


def _watch(app: App, options: argparse.Namespace) -> int:
    return _follow(app, _complete(app, options.id))


def _change(app: App, options: argparse.Namespace) -> int:
    print(_describe(app.read("POST", options.command, _complete(app, options.id))))
    return 0


def _result(app: App, options: argparse.Namespace) -> int:
    job = _complete(app, options.id)
    if options.object is None:
        result = app.read("GET", "result", job)
        print(json.dumps({"summary": result["summary"], "objects": result["objects"]}, indent=2))
        return 0
    data = app.call("GET", "result", job, *options.object.split("/"))
    if options.output:
        options.output.write_bytes(data)
    else:
        sys.stdout.buffer.write(data)
    return 0


def _purge(app: App, options: argparse.Namespace) -> int:
    app.read("POST", "purge", _complete(app, options.id))
    return 0


def _follow(app: App, job: str) -> int:
    """Show how far a job is until it has ended; a mesh that is away for a while is waited for."""
    answered = time.monotonic()
    with tqdm(unit="part", dynamic_ncols=True) as bar:
        while True:
            try:
                status = app.read("GET", "status", job)
            except CallFailed:
                if time.monotonic() - answered > _LOST_SECONDS:
                    raise
            else:
                answered = time.monotonic()
                _show(bar, status)
                if status["state"] in _ENDS:
                    break
            time.sleep(_POLL_SECONDS)
    print(_describe(status), file=sys.stderr)
    return 0 if status["state"] == "completed" else 1


def _show(bar: "tqdm[Any]", status: Mapping[str, Any]) -> None:
    if progress := status.get("progress"):
        bar.total, bar.n = progress["of"], progress["done"]
        bar.set_description_str(f"{progress['stage']}, {status['state']}", refresh=False)
        if progress["failed"]:
            bar.set_postfix_str(f"{progress['failed']} left out", refresh=False)
    elif status["state"] == "completed" and bar.total:
        bar.n = bar.total
    bar.refresh()


def _describe(job: Mapping[str, Any]) -> str:
    text = str(job["state"])
    if progress := job.get("progress"):
        text += f": {progress['stage']} {progress['done']} of {progress['of']}"
        if progress["failed"]:
            text += f", {progress['failed']} left out"
    return f"{text}: {job['message']}" if job.get("message") else text


def _complete(app: App, start: str) -> str:
    """Return the id that begins with some letters."""
    if len(start) >= _ID_LETTERS:
        return start
    found = [job["id"] for job in app.read("GET", "list")["jobs"] if job["id"].startswith(start)]
    if len(found) != 1:
        raise CallFailed(
            f"an id must be that of one job, got {start!r} of {len(found)};"
            " `meshlens jobs list` has them"
        )
    return str(found[0])


def _read_option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=form,
        allow_abbrev=False,
    )
    add_sidecar(parser, 3503)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = commands.add_parser("start", help="start a job, or find it, and print its id")
    start.add_argument("kind", help="what to do")
    start.add_argument(
        "option",
        nargs="*",
        type=_read_option,
        metavar="NAME=VALUE",
        help="an option of that kind; VALUE is JSON, or else text. Files need absolute paths",
    )
    start.add_argument("--skip", action="store_true", help="leave out what cannot be worked on")
    start.add_argument("--again", action="store_true", help="do all of it anew")
    start.add_argument("--watch", action="store_true", help="show how far it is until its end")
    start.set_defaults(action=_start)
    commands.add_parser("list", help="list all jobs").set_defaults(action=_list)
    each: Mapping[str, tuple[str, Callable[[App, argparse.Namespace], int]]] = {
        "status": ("say how far a job is", _status),
        "watch": ("show how far a job is until its end", _watch),
        "pause": ("let a job stand still", _change),
        "resume": ("let a paused job go on", _change),
        "cancel": ("end a job; what is done is kept for its next start", _change),
        "result": ("print the result of a job, or an object of it", _result),
        "purge": ("forget a job that has ended, with its result", _purge),
    }
    for name, (summary, action) in each.items():
        command = commands.add_parser(name, help=summary)
        command.add_argument("id")
        command.set_defaults(action=action)
        if name == "result":
            command.add_argument("object", nargs="?", help="name of an object of the result")
            command.add_argument("--output", type=Path, help="file for it, instead of the screen")
    return parser.parse_args(arguments)
