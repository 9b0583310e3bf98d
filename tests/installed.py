"""What a test needs of the machine beyond the locked environment."""

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest


def skip(message: str) -> NoReturn:
    """Skip a test that this machine cannot run, or fail where CI promises that it can."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def need(program: str, remedy: str) -> str:
    """Return the path of a program; without it skip, or fail where CI promises to have it."""
    path = shutil.which(program)
    if path is None:
        skip(f"{program} is missing; install it: {remedy}")
    return path


def need_module(name: str, remedy: str) -> None:
    """Skip where a module is missing, or fail where CI promises to have it."""
    if importlib.util.find_spec(name) is None:
        skip(f"{name} is missing; install it: {remedy}")
