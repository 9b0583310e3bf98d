"""A known vulnerability fails the audit; what cannot be looked up is said, never taken for none."""

import json

import pytest
from audit import judge

FINE = {"name": "fine", "version": "1.0", "vulns": []}
BAD = {
    "name": "bad",
    "version": "1.0",
    "vulns": [{"id": "CVE-1", "fix_versions": ["1.1", "2.0"]}, {"id": "CVE-2", "fix_versions": []}],
}
UNKNOWN = {"name": "unknown", "skip_reason": "not found on PyPI"}


def said(*packages: object) -> tuple[int, list[str]]:
    return judge(json.dumps({"dependencies": packages}), "")


def test_packages_without_a_finding_pass() -> None:
    assert said(FINE, FINE) == (0, ["2 packages have no known vulnerability"])


def test_each_vulnerability_is_named_with_the_versions_that_fix_it() -> None:
    code, lines = said(FINE, BAD, UNKNOWN)
    assert code == 1
    assert lines == [
        "bad 1.0: CVE-1, fixed in 1.1, 2.0",
        "bad 1.0: CVE-2, fixed in no version",
        "not audited: unknown: not found on PyPI",
    ]


def test_a_package_that_cannot_be_looked_up_is_no_package_without_vulnerability() -> None:
    code, lines = said(FINE, UNKNOWN)
    assert code == 3
    assert lines[-1] == "1 of 2 packages have been audited, without a finding"
    assert said()[0] == 3


@pytest.mark.parametrize("output", ["", "no JSON", "[]", "{}", "null"])
def test_an_auditor_that_fails_has_audited_nothing(output: str) -> None:
    assert judge(output, "no route to host") == (3, ["not audited: no route to host"])
