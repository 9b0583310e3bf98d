"""`meshlens doctor`: known traps of Dapr, found in files and at live sidecars."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from meshlens.command.diagnosis.checks.catalogue import CHECKS
from meshlens.command.diagnosis.errors import DiagnosisError
from meshlens.command.diagnosis.examination import examine
from meshlens.command.diagnosis.files.gathering import gather
from meshlens.command.diagnosis.live.sidecars import ask_sidecars
from meshlens.command.diagnosis.report import (
    collect_facts,
    describe_checks,
    describe_findings,
    tabulate_checks,
)

_DESCRIPTION = """\
Look for known traps of Dapr in files (run files, components, manifests, kustomizations, charts)
and at live sidecars, and say what to do about each. Nothing is changed.

Without files and sidecars it looks at the sidecar of DAPR_HTTP_PORT. A document ignores a check by
the annotation meshlens.dev/ignore-<id>, whose value is the reason.

Exit codes: 0 nothing found, 1 something found, 2 nothing could be examined.
"""
_FOUND, _FAULT = 1, 2


def main(arguments: Sequence[str], *, prog: str) -> int:
    """Look, and print what was found; return 0, 1 if there is something, 2 if it cannot look."""
    options = _parse(arguments, prog)
    if options.list:
        show = tabulate_checks if options.markdown else describe_checks
        print(show(CHECKS))
        return 0
    sidecars = list(options.sidecar)
    if not sidecars and not options.paths:
        port = os.environ.get("DAPR_HTTP_PORT")
        if not port:
            print(
                f"{prog}: expected files, folders or --sidecar ADDRESS, got none, and no"
                " DAPR_HTTP_PORT",
                file=sys.stderr,
            )
            return _FAULT
        sidecars = [f"http://127.0.0.1:{port}"]
    try:
        gathered = gather(options.paths)
        live = ask_sidecars(sidecars)
    except DiagnosisError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return _FAULT
    findings = examine([*gathered.scopes, *live.scopes])
    notes = [*gathered.notes, *live.notes]
    if options.json:
        print(json.dumps(collect_facts(findings, notes), indent=2))
    else:
        print(describe_findings(findings, notes))
    return _FOUND if any(not finding.ignored for finding in findings) else 0


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="a file or a folder; folders with a kustomization or a chart are rendered;"
        " - for the standard input, such as the output of helm template",
    )
    parser.add_argument(
        "--sidecar",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="the HTTP API of a live sidecar, as http://127.0.0.1:3500; several are compared."
        " DAPR_API_TOKEN is sent to it",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--list", action="store_true", help="print all checks and end")
    parser.add_argument(
        "--markdown", action="store_true", help="with --list: as a table of Markdown"
    )
    return parser.parse_args(arguments)
