"""Findings for people and for programs, and the list of all checks."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from meshlens.command.diagnosis.findings import Check, Finding, Severity


def describe_findings(findings: Sequence[Finding], notes: Sequence[str]) -> str:
    """Return what was found, one paragraph for each check, then what was not checked."""
    counted = [finding for finding in findings if not finding.ignored]
    ignored = [finding for finding in findings if finding.ignored]
    lines = list(_describe_checks(counted))
    lines += [f"ignored {it.check.id}: {_place(it)}: {it.ignored}" for it in ignored]
    lines += [f"not checked: {note}" for note in notes]
    if lines and lines[-1]:
        lines.append("")
    return _clean("\n".join([*lines, _sum_up(counted)]))


def _describe_checks(findings: Sequence[Finding]) -> Iterator[str]:
    for check, group in groupby(findings, key=lambda finding: finding.check):
        yield f"{check.severity} {check.id}: {check.title}"
        yield f"  {check.why}"
        for finding in group:
            trouble = finding.trouble
            yield f"  - {_place(finding)}: expected {trouble.expected}, got {trouble.got}"
        yield f"  {check.fix}"
        yield ""


def _clean(text: str) -> str:
    """Return a text without what a terminal would obey: files may hold anything."""
    return "".join(
        it if it.isprintable() or it == "\n" else "\N{REPLACEMENT CHARACTER}" for it in text
    )


def _place(finding: Finding) -> str:
    trouble = finding.trouble
    return " ".join(filter(None, [trouble.document.file, trouble.document.label, trouble.path]))


def _sum_up(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing found."
    errors = sum(finding.check.severity is Severity.ERROR for finding in findings)
    return f"{len(findings)} found: {errors} errors, {len(findings) - errors} warnings."


def collect_facts(findings: Sequence[Finding], notes: Sequence[str]) -> dict[str, Any]:
    """Return the same as data for JSON."""
    return {
        "findings": [_facts(it) for it in findings if not it.ignored],
        "ignored": [_facts(it) | {"reason": it.ignored} for it in findings if it.ignored],
        "not_checked": list(notes),
    }


def _facts(finding: Finding) -> dict[str, Any]:
    check, trouble = finding.check, finding.trouble
    return {
        "check": check.id,
        "severity": str(check.severity),
        "title": check.title,
        "file": trouble.document.file,
        "document": trouble.document.label,
        "path": trouble.path,
        "expected": trouble.expected,
        "got": trouble.got,
        "why": check.why,
        "fix": check.fix,
    }


def describe_checks(checks: Sequence[Check]) -> str:
    """Return all checks, a paragraph each."""
    return "\n\n".join(
        f"{it.id} ({it.severity}): {it.title}\n  looks at: {it.looks_at}\n  {it.why}\n  {it.fix}"
        for it in checks
    )


def tabulate_checks(checks: Sequence[Check]) -> str:
    """Return all checks as a table of Markdown, as docs/doctor.md has it."""
    lines = ["| id | | looks at | why it hurts | remedy |", "|---|---|---|---|---|"]
    for it in checks:
        cells = (f"`{it.id}`", it.severity, it.looks_at, f"{it.title}. {it.why}", it.fix)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)
