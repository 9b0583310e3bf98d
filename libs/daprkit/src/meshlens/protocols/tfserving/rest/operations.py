"""What callers must know of each route."""

from collections.abc import Mapping

from meshlens.daprkit.application.operation import BodyType, Operation
from meshlens.protocols.tfserving.rest.schemas import (
    Classes,
    ColumnRequest,
    ExamplesFact,
    ExamplesRequest,
    KeyOption,
    ModelMetadata,
    ModelStatus,
    Outputs,
    Predictions,
    RowRequest,
    ShapesFact,
    Values,
)

JSON = "application/json"
_PATH = {
    "name": "name of the model",
    "version": "number of the version",
    "label": "label of the version",
}
_FORM = "application/x-www-form-urlencoded"  # what curl -d says it sends


def _accept(body: BodyType) -> Mapping[str, BodyType]:
    return {JSON: body, _FORM: bytes}


PREDICT = Operation(
    summary="TensorFlow Serving: compute the outputs of a model from its inputs.",
    options=KeyOption,
    parameters=_PATH,
    accepts=_accept(RowRequest | ColumnRequest),
    body="inputs as JSON, whatever the content type; gzip by Content-Encoding",
    answers={JSON: Predictions | Outputs},
    answer="The outputs, in the format of the inputs. What is not finite is NaN or Infinity.",
    result=ShapesFact,
)
CLASSIFY = Operation(
    summary="TensorFlow Serving: compute the classes of examples.",
    options=KeyOption,
    parameters=_PATH,
    accepts=_accept(ExamplesRequest),
    body="examples as JSON, whatever the content type; gzip by Content-Encoding",
    answers={JSON: Classes},
    answer="The classes of each example.",
    result=ExamplesFact,
)
REGRESS = Operation(
    summary="TensorFlow Serving: compute the number of each example.",
    options=KeyOption,
    parameters=_PATH,
    accepts=_accept(ExamplesRequest),
    body="examples as JSON, whatever the content type; gzip by Content-Encoding",
    answers={JSON: Values},
    answer="The numbers.",
    result=ExamplesFact,
)
STATUS = Operation(
    summary="TensorFlow Serving: return the state of the versions of a model.",
    verb="GET",
    parameters=_PATH,
    answers={JSON: ModelStatus},
    answer="The states.",
)
METADATA = Operation(
    summary="TensorFlow Serving: describe the functions of a model.",
    verb="GET",
    parameters=_PATH,
    answers={JSON: ModelMetadata},
    answer="The functions.",
)
