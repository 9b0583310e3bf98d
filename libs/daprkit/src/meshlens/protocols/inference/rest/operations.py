"""What callers must know of each path of the protocol."""

from collections.abc import Mapping, Sequence

from meshlens.daprkit.application.operation import BodyType, Operation
from meshlens.faults import Fault
from meshlens.protocols.inference.rest import schemas
from meshlens.protocols.inference.rest.answer import JSON, OCTETS

_PATH = {"name": "name of the model", "version": "number of the version, or its label"}
_PROTOCOL = "Open Inference Protocol: "


def _get(summary: str, answer: BodyType) -> Operation:
    return Operation(
        summary=_PROTOCOL + summary, verb="GET", answers={JSON: answer}, parameters=_PATH
    )


def _change(summary: str, answer: BodyType) -> Operation:
    return Operation(
        summary=_PROTOCOL + summary,
        answers={JSON: answer},
        parameters=_PATH,
        accepts={JSON: schemas.LoadBody},
        body="may be empty",
    )


LIVE = _get("say that the server lives.", schemas.Live)
READY = _get("say that the service can answer requests.", schemas.Ready)
SERVER = _get("describe the server.", schemas.Server)
MODELS = _get("list the names of the models.", schemas.ModelNames)
MODEL = _get("describe what a model takes and answers.", schemas.ModelSignature)
MODEL_READY = _get("say that a version answers.", schemas.ModelReady)
CONFIG = _get("show a model as Triton would configure it.", schemas.ModelConfig)
STATISTICS = _get("show what the versions have computed since the start.", schemas.Statistics)
_INFER: Mapping[str, BodyType] = {JSON: schemas.Inference, OCTETS: bytes}
INDEX = Operation(
    summary=f"{_PROTOCOL}list every version and its state.",
    answers={JSON: list[schemas.IndexedVersion]},
    accepts={JSON: schemas.IndexBody},
    body="may be empty",
)
LOAD = _change("load the newest version of a model, and keep it loaded.", schemas.Load)
UNLOAD = _change("unload every version of a model once no request uses it.", schemas.Unload)


def describe_infer(faults: Sequence[type[Fault]]) -> Operation:
    """Return the operation that computes, which ends with these faults of models, too."""
    return Operation(
        summary=f"{_PROTOCOL}compute the outputs of a model.",
        parameters=_PATH,
        accepts=_INFER,
        body="JSON, or JSON and behind it binary tensors; Inference-Header-Content-Length says how"
        " many bytes of JSON there are, 0 for one tensor alone. Content-Encoding may be gzip or"
        " deflate",
        answers={JSON: schemas.Inferred, OCTETS: bytes},
        answer="The outputs; binary ones follow the JSON, as Inference-Header-Content-Length says."
        " Refusals have the texts of Triton: NOT_FOUND for an unknown model or version, UNAVAILABLE"
        " for one that does not answer now, or after the timeout; else INVALID_ARGUMENT.",
        faults=faults,
        result=schemas.InferFacts,
    )
