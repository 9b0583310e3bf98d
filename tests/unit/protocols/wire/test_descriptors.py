"""Our messages beside those of the clients' own packages: the same on the wire, in one process."""

import re

import pytest
from client_programs import run_client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# What we leave out of Triton's messages: what has no meaning here, as a pattern of names.
TRITON = re.compile(
    r"inference\.(ModelConfig\.(?!name|platform|backend|max_batch_size|input|output)\w+"
    r"|Model(In|Out)put\.(?!name|data_type|dims)\w+"
    r"|ModelStatistics\.(memory_usage|response_stats))"
)
TENSORFLOW = re.compile(
    r"tensorflow\.(DataType\.DT_\w+_REF"
    r"|TensorInfo\.composite_tensor"
    r"|TensorProto\.(resource_handle|variant)_val"
    r"|error\.Code\.DO_NOT_USE\w+"
    r"|serving\.FileSystemStoragePathSourceConfig\.\w+"
    r"|serving\.ModelConfig\.logging_config"
    r"|serving\.PredictRequest\.(client_id|predict_streamed_options|request_options)"
    r"|serving\.ReloadConfigResponse\.metric)"
)


def split(differences: list[str]) -> tuple[list[str], list[str], list[str]]:
    """What only the package has, what only we have, and what both have otherwise."""
    theirs = [line.removesuffix(": only theirs") for line in differences if "only theirs" in line]
    ours = [line.removesuffix(": only ours") for line in differences if "only ours" in line]
    return theirs, ours, [line for line in differences if ": only " not in line]


def test_they_are_tritons() -> None:
    theirs, ours, others = split(run_client("descriptors_triton"))
    assert [name for name in theirs if not TRITON.fullmatch(name)] == []
    assert ours == [
        "inference.RepositoryModelLoadResponse.isLoaded",
        "inference.RepositoryModelLoadResponse.model_name",
        "inference.RepositoryModelUnloadResponse.isUnloaded",
        "inference.RepositoryModelUnloadResponse.model_name",
        "inference.model_repository.ModelRepositoryService/RepositoryIndex",
        "inference.model_repository.ModelRepositoryService/RepositoryModelLoad",
        "inference.model_repository.ModelRepositoryService/RepositoryModelUnload",
    ]
    assert others == []


def test_they_are_kserves_but_for_the_place_of_a_models_name() -> None:
    theirs, ours, others = split(run_client("descriptors_kserve"))
    assert theirs == []
    # The answers of Load and Unload, which Triton leaves empty, are KServe's.
    assert not any("isLoaded" in name or "isUnloaded" in name for name in ours)
    name = "model_name: (2, 9, 1, '', '', '') is (1, 9, 1, '', '', '')"
    assert others == [
        f"inference.RepositoryModelLoadRequest.{name}",
        f"inference.RepositoryModelUnloadRequest.{name}",
    ]


def test_they_are_mlservers_but_for_streams_and_parameters_of_metadata() -> None:
    theirs, _, others = split(run_client("descriptors_mlserver"))
    assert theirs == [
        "inference.ModelMetadataResponse.TensorMetadata.parameters",
        "inference.ModelMetadataResponse.parameters",
    ]
    stream, *repository = others
    assert stream == (
        "inference.GRPCInferenceService/ModelStreamInfer.response:"
        " .inference.ModelStreamInferResponse is .inference.ModelInferResponse"
    )
    # Its second service has the same messages under names of their own.
    for line in repository:
        ours, theirs_of_it = line.split(": ")[1].split(" is ")
        assert ours.replace("inference.", "inference.model_repository.") == theirs_of_it


def test_they_are_tensorflow_servings() -> None:
    theirs, ours, others = split(run_client("descriptors_tfserving", seconds=300))
    assert [name for name in theirs if not TENSORFLOW.fullmatch(name)] == []
    assert (ours, others) == ([], [])
