"""All checks on all that was read."""

from collections.abc import Iterable

from meshlens.command.diagnosis.checks.catalogue import CHECKS
from meshlens.command.diagnosis.findings import Finding
from meshlens.command.diagnosis.scopes import Scope


def examine(scopes: Iterable[Scope]) -> list[Finding]:
    """Return what the checks find, each place once, in the order of the catalogue.

    A document ignores a check by the annotation meshlens.dev/ignore-<id>, whose value is the
    reason; without a reason it does not.
    """
    scopes = list(scopes)
    found: dict[tuple[str, str, str, str, str], Finding] = {}
    for check in CHECKS:
        for scope in scopes:
            for trouble in check.find(scope):
                document = trouble.document
                key = (check.id, document.file, document.label, trouble.path, trouble.got)
                reason = document.reason_to_ignore(check.id)
                found.setdefault(key, Finding(check, trouble, reason))
    return list(found.values())
