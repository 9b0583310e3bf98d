"""Who calls is what the caller's sidecar says, and ADMIN says who may change what is served."""

import pytest

from meshlens.daprkit.application.callers import Administrators, read_caller
from meshlens.daprkit.errors import NotAdministrator

CALLER = "dapr-caller-app-id"


@pytest.mark.parametrize(
    ("metadata", "caller"),
    [
        ([], ""),
        ([("caller-app-id", "ops"), ("user-agent", "x")], ""),
        ([(CALLER, "web")], "web"),
        ([(CALLER, b"ops")], ""),
        ([(CALLER, "")], ""),
    ],
)
def test_a_caller_is_who_its_sidecar_says(
    metadata: list[tuple[str, str | bytes]], caller: str
) -> None:
    assert read_caller(metadata) == caller


@pytest.mark.parametrize("names", [("ops", "web"), ("web", "ops"), ("web", "ops", "web")])
def test_a_caller_of_several_names_is_none_of_them(names: tuple[str, ...]) -> None:
    caller = read_caller([*((CALLER, name) for name in names), ("dapr-callee-app-id", "pca")])
    assert caller == "ops, web"
    with pytest.raises(NotAdministrator, match="got a call of 'ops, web'"):
        Administrators.of("ops,web").check(caller)


def test_a_caller_that_says_what_its_sidecar_says_is_believed() -> None:
    assert read_caller([(CALLER, "ops"), (CALLER, "ops")]) == "ops"


@pytest.mark.parametrize(
    ("setting", "caller"), [("true", ""), ("true", "web"), ("ops", "ops"), ("web,ops", "ops")]
)
def test_an_administrator_passes(setting: str, caller: str) -> None:
    Administrators.of(setting).check(caller)


@pytest.mark.parametrize(
    ("setting", "caller"),
    [
        ("false", ""),
        ("false", "ops"),
        ("false", "false"),
        ("ops", "web"),
        ("ops", ""),
        ("web,ops", "web,ops"),
    ],
)
def test_anybody_else_is_refused_with_what_was_seen(setting: str, caller: str) -> None:
    with pytest.raises(NotAdministrator) as refused:
        Administrators.of(setting).check(caller)
    assert str(refused.value) == (
        "ADMIN must name who may change what is served,"
        f" got {f'a call of {caller!r}' if caller else 'a call without an app id'};"
        " set ADMIN to the ids of the apps that may, or to true for all callers"
    )
