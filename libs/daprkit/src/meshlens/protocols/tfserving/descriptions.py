"""What a client is told of a model: the state of its versions, and its signatures."""

from meshlens.daprkit.application.status import Status
from meshlens.protocols.errors import UnknownModel
from meshlens.protocols.models import Function, Model, Models, ModelVersion, Tensor
from meshlens.protocols.tfserving.dtypes import find_dtype
from meshlens.protocols.tfserving.refusals import invalid, refuse
from meshlens.protocols.tfserving.results import find_method
from meshlens.protocols.tfserving.specs import ModelSpec, lease
from meshlens.protocols.wire.tensorflow_pb2 import SignatureDef, TensorInfo, TensorShapeProto
from meshlens.protocols.wire.tfserving_pb2 import (
    GetModelStatusResponse,
    ModelVersionStatus,
    SignatureDefMap,
    StatusProto,
)

SIGNATURE_DEF = "signature_def"


def describe_versions(models: Models, spec: ModelSpec) -> GetModelStatusResponse:
    """Return the state of one version of a model, or of all; a label is ignored, as there.

    Raises:
        Refused: NOT_FOUND: there is none.
    """
    versions = _list_versions(models, spec.name)
    if spec.version is not None:
        versions = [each for each in versions if int(each.version) == spec.version]
        if not versions:
            raise refuse(
                Status.NOT_FOUND, f"Could not find version {spec.version} of model {spec.name}"
            )
    if not versions:
        raise refuse(Status.NOT_FOUND, f"Could not find any versions of model {spec.name}")
    response = GetModelStatusResponse()
    for each in versions:
        response.model_version_status.append(_describe_version(each))
    return response


def describe_signatures(models: Models, spec: ModelSpec) -> tuple[Model, SignatureDefMap]:
    """Return the functions of a model, and the version they are of.

    Raises:
        Refused: as `lease` does.
    """
    described = SignatureDefMap()
    with lease(models, spec, computes=False) as model:
        for name, function in model.functions.items():
            described.signature_def[name].CopyFrom(_describe_function(function))
        return model, described


def check_metadata_fields(fields: list[str]) -> None:
    """Refuse a request for metadata that names no field, or one that there is not.

    Raises:
        Refused: INVALID_ARGUMENT.
    """
    if not fields:
        raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
    for field in fields:
        if field != SIGNATURE_DEF:
            raise invalid(f"Metadata field {field} is not supported")


def _list_versions(models: Models, name: str) -> list[ModelVersion]:
    if not name:  # which stands for every model there
        return []
    try:
        return list(models.versions(name))
    except UnknownModel:
        return []


def _describe_version(version: ModelVersion) -> ModelVersionStatus:
    code = "FAILED_PRECONDITION" if version.error else "OK"
    return ModelVersionStatus(
        version=int(version.version),
        state=version.state.value,
        status=StatusProto(error_code=code, error_message=version.error),
    )


def _describe_function(function: Function) -> SignatureDef:
    return SignatureDef(
        method_name=find_method(function),
        inputs={spec.name: _describe_tensor(spec) for spec in function.inputs},
        outputs={spec.name: _describe_tensor(spec) for spec in function.outputs},
    )


def _describe_tensor(spec: Tensor) -> TensorInfo:
    shape = TensorShapeProto(
        unknown_rank=spec.shape is None,
        dim=[TensorShapeProto.Dim(size=size) for size in spec.shape or ()],
    )
    return TensorInfo(name=spec.name, dtype=find_dtype(spec.dtype).enum, tensor_shape=shape)
