import pickle

import pytest

from meshlens.classify.errors import (
    ClassifyError,
    DownloadError,
    EngineGone,
    InvalidCatalogue,
    InvalidRollout,
    ModelFailed,
    ModelNotFound,
    ModelNotReady,
    NoModels,
    WrongDigest,
)
from meshlens.classify.service import STATUS

# They end a command or the start of the service; no caller meets them.
BEFORE_ANY_CALL = {NoModels, InvalidCatalogue, DownloadError}

FAULTS = [
    (
        ModelNotReady("digits", "LOADING"),
        "model digits must be AVAILABLE, it is LOADING; try again in a moment",
    ),
    (
        ModelFailed("digits", "END", "it was unloaded"),
        (
            "model digits must be AVAILABLE, it is END: it was unloaded;"
            " use another model or version, or fix this one"
        ),
    ),
    (
        ModelNotFound("cats", ["digits", "faces"]),
        "expected one of the models digits, faces, got 'cats'; check the name",
    ),
    (
        WrongDigest("https://a/b", "00", "11"),
        (
            "https://a/b must have sha256 00, got 11; it was thrown away, try again or correct the"
            " catalogue"
        ),
    ),
]


@pytest.mark.parametrize(("fault", "text"), FAULTS, ids=lambda value: type(value).__name__)
def test_a_fault_says_the_same_in_another_process(fault: ClassifyError, text: str) -> None:
    copy = pickle.loads(pickle.dumps(fault))  # noqa: S301 - what this test has pickled
    assert str(fault) == str(copy) == text
    assert vars(copy) == vars(fault)


def test_a_model_that_is_not_known_is_a_fault_of_its_option() -> None:
    assert ModelNotFound("cats", ["digits"]).option == "model"


def test_every_fault_that_a_caller_can_meet_has_a_status() -> None:
    kinds = set(ClassifyError.__subclasses__()) - BEFORE_ANY_CALL
    kinds |= {*EngineGone.__subclasses__(), *InvalidRollout.__subclasses__()}
    assert kinds == set(STATUS)
