"""What clients of other model servers see of a folder of models."""

import gc
import weakref
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from unit.classify.graphs import Node, answering, build_binary, constant

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import EngineGone, InvalidImage, InvalidModel, InvalidOption
from meshlens.classify.protocol_models import ProtocolModels
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.version_policy import VersionPolicy
from meshlens.protocols.errors import Unavailable, UnknownLabel, UnknownModel, UnknownVersion
from meshlens.protocols.models import Models, ModelVersion, State

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
SEVEN = (SAMPLES / "digit-7.png").read_bytes()
POLICY = VersionPolicy(latest=0, labels={"digits": {"canary": "1", "lost": "9"}})


@pytest.fixture
def repository(models: Path, tmp_path: Path) -> Repository:
    """Two versions of the digits, a model of plain tensors, and one that cannot be loaded."""
    for version in ("1", "2"):
        (tmp_path / "digits" / version).mkdir(parents=True)
        (tmp_path / "digits" / version / "digits.tflite").symlink_to(
            models / "digits/1/digits.tflite"
        )
        for beside in (models / "digits/1").iterdir():
            if beside.suffix != ".tflite":
                (tmp_path / "digits" / version / beside.name).symlink_to(beside)
    (tmp_path / "sum.tflite").write_bytes(build_binary("ADD"))
    (tmp_path / "broken.tflite").write_text("no model")
    return Repository(tmp_path, partial(open_engine, workers=1), default="digits", policy=POLICY)


@pytest.fixture
def protocol_models(repository: Repository) -> ProtocolModels:
    return ProtocolModels(repository, max_pixels=1_000_000)


def test_it_is_what_the_protocols_expect(protocol_models: ProtocolModels) -> None:
    models: Models = protocol_models
    assert [version.model for version in models.versions()] == ["broken", "digits", "digits", "sum"]


def test_a_version_is_described_by_its_functions(protocol_models: ProtocolModels) -> None:
    protocol_models.load("digits")
    with protocol_models.lease("digits") as model:
        assert (model.name, model.version, model.platform) == ("digits", "2", "tensorflow_tflite")
        (function,) = model.functions.values()
        (picture,), (scores,) = function.inputs, function.outputs
        assert function.picture == picture.name
        assert function.labels(scores.name) == tuple("0123456789")
        assert function.labels("another") == ()


def test_a_picture_becomes_what_classify_makes_of_it(
    protocol_models: ProtocolModels, repository: Repository
) -> None:
    protocol_models.load("digits")
    with protocol_models.lease("digits") as model:
        (function,) = model.functions.values()
        (scores,) = function.outputs
        tensor = function.read_picture(SEVEN)
        assert tensor.shape == function.inputs[0].shape
        answer = function.run({function.picture: tensor})[scores.name]
    assert answer.argmax() == 7
    with repository.lease("digits") as servable:
        assert servable.loaded is not None
        (signature,) = servable.loaded.engine.signatures.values()
        again = signature.run({function.picture: tensor})[scores.name]
    assert again.tobytes() == answer.tobytes()


def test_what_is_no_picture_is_refused(protocol_models: ProtocolModels) -> None:
    protocol_models.load("digits")
    protocol_models.load("sum")
    with protocol_models.lease("digits") as model, pytest.raises(InvalidImage):
        next(iter(model.functions.values())).read_picture(b"no picture")
    with protocol_models.lease("sum") as model:
        (function,) = model.functions.values()
        assert function.picture == ""
        with pytest.raises(InvalidModel):
            function.read_picture(SEVEN)


def test_versions_and_labels_name_what_is_leased(protocol_models: ProtocolModels) -> None:
    protocol_models.load("digits")
    with pytest.raises(Unavailable):
        protocol_models.lease("digits", version="1").__enter__()
    with protocol_models.lease("digits", version="2") as model:
        assert model.version == "2"
    with pytest.raises(Unavailable):
        protocol_models.lease("digits", label="canary").__enter__()


@pytest.mark.parametrize(
    ("name", "version", "label", "error"),
    [
        ("", "", "", UnknownModel),
        ("nobody", "", "", UnknownModel),
        ("nobody", "1", "", UnknownModel),
        ("nobody", "", "canary", UnknownModel),
        ("nobody", "canary", "", UnknownModel),
        ("digits", "9", "", UnknownVersion),
        ("digits", "canary", "", UnknownVersion),
        ("digits", "02", "", UnknownVersion),
        ("digits", "9" * 5000, "", UnknownVersion),
        ("digits", "", "2", UnknownLabel),
        ("digits", "", "nothing", UnknownLabel),
        ("digits", "", "lost", UnknownLabel),
        ("broken", "", "", Unavailable),
    ],
)
def test_what_is_not_there_is_named(
    protocol_models: ProtocolModels, name: str, version: str, label: str, error: type[Exception]
) -> None:
    with (
        pytest.raises(error) as caught,
        protocol_models.lease(name, version=version, label=label),
    ):
        pytest.fail("leased")
    assert type(caught.value) is error


def test_load_and_unload_change_the_states_of_versions(protocol_models: ProtocolModels) -> None:
    def states() -> list[tuple[str, State]]:
        return [(it.version, it.state) for it in protocol_models.versions("digits")]

    assert states() == [("2", State.START), ("1", State.START)]
    protocol_models.load("digits")
    assert states()[0] == ("2", State.AVAILABLE)
    protocol_models.unload("digits")
    assert states() == [("2", State.END), ("1", State.END)]
    with pytest.raises(UnknownModel):
        protocol_models.load("nobody")
    with pytest.raises(UnknownModel):
        protocol_models.unload("nobody")
    with pytest.raises(UnknownModel):
        protocol_models.versions("nobody")


def test_a_model_that_cannot_be_loaded_says_why(protocol_models: ProtocolModels) -> None:
    with pytest.raises(Unavailable, match="END: "):
        protocol_models.load("broken")
    (broken,) = protocol_models.versions("broken")
    assert broken == ModelVersion("broken", "1", State.END, broken.error)
    assert broken.error


def test_a_key_is_what_the_option_of_that_name_may_be(protocol_models: ProtocolModels) -> None:
    protocol_models.load("digits")
    with protocol_models.lease("digits", key="k" * 256) as model:
        assert model.version == "2"
    with (
        pytest.raises(InvalidOption, match="at most 256"),
        protocol_models.lease("digits", key="k" * 257),
    ):
        pytest.fail("leased")


def test_functions_are_made_once_a_loaded_version_and_freed_with_it(
    protocol_models: ProtocolModels, repository: Repository
) -> None:
    protocol_models.load("digits")
    with protocol_models.lease("digits") as first, protocol_models.lease("digits") as second:
        assert first is second
    with repository.lease("digits") as servable:
        assert servable.loaded is not None
        loaded = weakref.ref(servable.loaded)
    del servable, first, second
    protocol_models.unload("digits")
    gc.collect()
    assert loaded() is None


def test_an_engine_that_dies_while_it_is_leased_is_loaded_again(
    protocol_models: ProtocolModels,
) -> None:
    protocol_models.load("digits")
    with pytest.raises(EngineGone), protocol_models.lease("digits"):
        raise EngineGone("it has died")
    (newest, _) = protocol_models.versions("digits")
    assert newest.state is not State.AVAILABLE


def test_the_function_of_the_card_comes_first(tmp_path: Path) -> None:
    answers = constant("out", np.ones((1, 3)))
    file = answering(answers, image=Node("image", (1, 16, 16, 3)), signature="score")
    (tmp_path / "one.tflite").write_bytes(file)
    (tmp_path / "one.yaml").write_text("task: tensor\nsignature: score\n")
    repository = Repository(tmp_path, partial(open_engine, workers=1), default="one")
    protocol_models = ProtocolModels(repository, max_pixels=1000)
    protocol_models.load("one")
    with protocol_models.lease("one") as model:
        assert list(model.functions) == ["score"]
