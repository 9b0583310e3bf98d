"""Runs every fault many times, sends hostile inputs, and writes docs/reliability.md.

What is measured is kept as JSON in build/reliability, one file for each section: an object with a
title, a text and rows, each of which maps columns to values. Files of other programs there become
sections as well. With --runs 0 --inputs 0 the page is written from what is there.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from history.checker import CLASSES
from history.faults import FAULTS, Fault
from history.records import Ending
from history.runs import Report, run_fault
from history.stage import Stage
from hostile.runs import list_rows, send_all
from mesh import Mesh, Profile
from sections import write_page

ROOT = Path(__file__).resolve().parents[1]
PIECES = ROOT / "build" / "reliability"
PAGE = ROOT / "docs" / "reliability.md"
FAULTS_PIECE = "faults.json"

_HEAD = """# Reliability, measured

`make reliability` writes this page. What is promised: [events.md](events.md#promises).
"""
_TITLE = "Faults"
_TEXT = """\
Both services with their sidecars and a Redis that writes each command to its disk, on one host with
{cores} cores, which had other work, too. Callers send requests, each of its own, to pca and
classify through the other service's sidecar, by HTTP and by proxied gRPC. A part of them is wrong
on purpose. Each has an idempotency key, and is sent up to three times. Meanwhile the fault begins
and ends. Then every call is compared with every event at the broker (`tests/history`):

- **answered** calls had a result, or the failure that is their own fault; **refused** ones a status
  that says to try again, even at the last try; of **unknown** ones the connection broke, or the
  time was over.
- **lost**: an answer without an event. **phantom**: an event of no call, or of one whose result was
  withheld. **doubled**: two events with different ids for one call. **wrong**: an event that says
  something else than the answer, an id of two calls, or two events in another order than their
  calls, where the order is promised.
- **repeated**: one event twice under one id, which a consumer drops.
- **stall**: the longest time in which no call to one of the services was answered, in seconds,
  restarts of processes included. It depends on the machine; the other columns on the right do not.

That the check finds what it looks for is tested with services that break each promise on purpose
(`tests/history/mutants.py`)."""


_HOSTILE = """\
{count} inputs, made of the corpora of `tests/fuzz` by damage at random, through the sidecars to
both services. An answer must be a caller's fault, a full queue, or UNAVAILABLE, DEADLINE_EXCEEDED
and UNIMPLEMENTED (503, 504, 501); both processes live on, and their logs have no traceback. Broken
rules: {faults}. Longest answer: {longest} s. Memory: {memory}."""


def main() -> None:
    """Run the faults, and write the page after each."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=20, help="of each fault")
    arguments.add_argument("--fault", default="", help="only those whose name this pattern matches")
    arguments.add_argument("--inputs", type=int, default=10_000, help="hostile ones")
    options = arguments.parse_args()
    PIECES.mkdir(parents=True, exist_ok=True)
    reports: list[Report] = []
    with tempfile.TemporaryDirectory() as folder:
        if options.runs:
            faults = [fault for fault in FAULTS if re.search(options.fault, fault.name)]
            with Stage(Path(folder)) as stage:
                for seed in range(1, options.runs + 1):
                    run_all(stage, faults, seed, reports)
    broken = [*(attack(options.inputs) if options.inputs else ())]
    write()
    broken += (report.describe() for report in reports if report.verdict.broken)
    if broken:
        sys.exit("\n".join(broken))


def run_all(stage: Stage, faults: Sequence[Fault], seed: int, reports: list[Report]) -> None:
    """Run each fault once, and write the page after each."""
    for fault in faults:
        lacks = fault.lacks(stage)
        if lacks:
            print(f"{fault.name}: {lacks}")
            continue
        report = run_fault(stage, fault, seed)
        reports.append(report)
        print(f"{seed}: {report.describe()}", flush=True)
        keep_rows([add_up(name, reports) for name in {it.fault for it in reports}])
        write()


def keep_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the section of the faults, with the rows that it has of others."""
    piece = PIECES / FAULTS_PIECE
    kept = json.loads(piece.read_text())["rows"] if piece.exists() else []
    by_name = {row["fault"]: row for row in (*kept, *rows)}
    section = {
        "title": _TITLE,
        "text": _TEXT.format(cores=os.cpu_count()),
        "rows": [by_name[fault.name] for fault in FAULTS if fault.name in by_name],
    }
    piece.write_text(json.dumps(section, indent=1))


def attack(count: int) -> Sequence[str]:
    """Send hostile inputs, write their section, and return what must not be."""
    env = {"classify": {"DEFAULT_MODEL": "digits"}}
    with (
        tempfile.TemporaryDirectory() as folder,
        Mesh(Profile.EMBEDDED, Path(folder), env=env) as mesh,
    ):
        finding = send_all(mesh, 1, [count // 10, count])
    memory = "; ".join(
        f"{name} {finding.memory[0][name]} MiB after a tenth of them, {finding.memory[-1][name]} at"
        " the end"
        for name in finding.memory[0]
    )
    section = {
        "title": "Hostile inputs",
        "text": _HOSTILE.format(
            count=f"{count:,}",
            faults=len(finding.faults),
            longest=f"{finding.longest:.1f}",
            memory=memory,
        ),
        "rows": list_rows(finding),
    }
    (PIECES / "hostile.json").write_text(json.dumps(section, indent=1))
    return finding.faults


def add_up(fault: str, reports: Sequence[Report]) -> dict[str, Any]:
    """Return the row of a fault."""
    those = [report for report in reports if report.fault == fault]
    broken: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for report in those:
        broken += Counter(report.verdict.broken)
        refused += report.refusals()
    return {
        "fault": fault,
        "runs": len(those),
        "calls": sum(len(report.calls) for report in those),
        "answered": sum(report.count(Ending.ANSWERED) for report in those),
        "refused": ", ".join(f"{count} {code}" for code, count in refused.most_common()) or "0",
        "unknown": sum(report.verdict.unknown for report in those),
        **{name: broken[name] for name in CLASSES[:3]},
        "wrong": sum(broken[name] for name in CLASSES[3:]),
        "repeated": sum(report.verdict.repeated for report in those),
        "stall": f"{max(report.longest_stall for report in those):.1f}",
    }


def write() -> None:
    """Write docs/reliability.md from what has been measured, the faults first."""
    files = sorted(PIECES.glob("*.json"), key=lambda it: (it.name != FAULTS_PIECE, it.name))
    write_page(PAGE, _HEAD, (json.loads(file.read_text()) for file in files))


if __name__ == "__main__":
    main()
