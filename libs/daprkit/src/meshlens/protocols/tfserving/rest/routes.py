"""The paths under v1/, as the original matches them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import UNSPECIFIED_VERB, Route
from meshlens.daprkit.application.status import Refused, Status
from meshlens.daprkit.messages import Reply, Request
from meshlens.protocols.models import Function, Model
from meshlens.protocols.tfserving.descriptions import describe_signatures, describe_versions
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.prediction import check_names, predict
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.tfserving.rest import operations
from meshlens.protocols.tfserving.rest.answers import write_classes, write_predictions, write_values
from meshlens.protocols.tfserving.rest.bodies import read_body
from meshlens.protocols.tfserving.rest.examples import CONTEXT, EXAMPLES, read_examples
from meshlens.protocols.tfserving.rest.inputs import INPUTS, read_inputs, read_signature
from meshlens.protocols.tfserving.rest.rows import INSTANCES
from meshlens.protocols.tfserving.rest.text.parts import parse_object
from meshlens.protocols.tfserving.results import classify, regress
from meshlens.protocols.tfserving.specs import ModelSpec, choose, lease
from meshlens.timing import Phase, note

# Every route takes every verb, because the original calls a wrong one a malformed request.
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
_MODEL = "v1/models/<name>"
_ANY_MODEL = (_MODEL, f"{_MODEL}/versions/<version>", f"{_MODEL}/labels/<label>")
_LARGEST_VERSION = 2**63 - 1
_NO_SIGNATURE = "No signature was found with the name: {}"
_NO_INPUTS = 'Serving signature name: "{}" not found in signature def'


class RestApi:
    """Answers REST requests.

    Args:
        offer: what is served.
    """

    def __init__(self, offer: Offer) -> None:
        self._offer = offer

    def routes(self) -> Sequence[Route]:
        """Return which endpoint answers which path."""
        posted = (
            ("predict", self.predict, operations.PREDICT),
            ("classify", self.classify, operations.CLASSIFY),
            ("regress", self.regress, operations.REGRESS),
        )
        return (
            *(
                _route(f"{path}:{action}", endpoint, Lane.WORK, operation)
                for path in _ANY_MODEL
                for action, endpoint, operation in posted
            ),
            *(_route(path, self.show_status, Lane.LIGHT, operations.STATUS) for path in _ANY_MODEL),
            *(
                _route(f"{path}/metadata", self.show_metadata, Lane.MANAGE, operations.METADATA)
                for path in _ANY_MODEL
            ),
            _route("v1/models", _refuse_nameless, Lane.LIGHT),
            _route("v1/<path:rest>", _refuse_path, Lane.LIGHT),
        )

    def predict(self, request: Request) -> Reply:
        """Compute outputs from tensors in JSON."""
        spec = _read_spec(request, "POST")
        with note(Phase.DECODE):
            body = self._read_body(request)
            document = parse_object(body, (INPUTS, INSTANCES))
            signature = read_signature(document)
        with lease(self._offer.models, spec) as model:
            function = _choose(model, signature, _NO_INPUTS)
            with note(Phase.DECODE):
                inputs = read_inputs(document, function, body)
            del document  # its nested lists take several times what the arrays do
            check_names(function, inputs.tensors)
            wanted = [each.name for each in function.outputs]
            outputs = predict(function, inputs.tensors, wanted, most_bytes=self._offer.most_bytes)
            shapes = {name: list(array.shape) for name, array in outputs.items()}
            return _reply(write_predictions(outputs, inputs.format), model, {"shapes": shapes})

    def classify(self, request: Request) -> Reply:
        """Compute the classes of examples in JSON."""
        return self._answer_examples(
            request, lambda function, examples: write_classes(classify(function, examples))
        )

    def regress(self, request: Request) -> Reply:
        """Compute the number of each example in JSON."""
        return self._answer_examples(
            request, lambda function, examples: write_values(regress(function, examples))
        )

    def show_status(self, request: Request) -> Reply:
        """Return the state of the versions of a model."""
        described = describe_versions(self._offer.models, _read_spec(request, "GET"))
        return Reply(_write_json(_to_fields(described)), operations.JSON)

    def show_metadata(self, request: Request) -> Reply:
        """Describe the functions of a model."""
        model, signatures = describe_signatures(self._offer.models, _read_spec(request, "GET"))
        fields = {
            "model_spec": {"name": model.name, "signature_name": "", "version": model.version},
            "metadata": {"signature_def": _to_fields(signatures)},
        }
        return Reply(_write_json(fields), operations.JSON)

    def _answer_examples(
        self, request: Request, answer: Callable[[Function, Sequence[bytes]], bytes]
    ) -> Reply:
        spec = _read_spec(request, "POST")
        document = parse_object(self._read_body(request), (CONTEXT, EXAMPLES))
        signature = read_signature(document)
        listed = read_examples(document)
        with lease(self._offer.models, spec) as model:
            function = _choose(model, signature, _NO_SIGNATURE)
            return _reply(answer(function, listed), model, {"examples": len(listed)})

    def _read_body(self, request: Request) -> bytes:
        return read_body(request, most_bytes=self._offer.most_bytes)


def _route(
    path: str,
    endpoint: Callable[[Request], Reply],
    lane: Lane,
    operation: Operation | None = None,
) -> Route:
    described = () if operation is None else (operation,)
    return Route(
        path, endpoint, verbs=_VERBS, lane=lane, operations=described, failure=_write_failure
    )


def _read_spec(request: Request, verb: str) -> ModelSpec:
    """Return what a path names.

    Raises:
        Refused: INVALID_ARGUMENT: the path or the verb is not one that the original matches.
    """
    name, version = request.parameters["name"], request.parameters.get("version")
    label = request.parameters.get("label")
    given = "GET" if request.verb == "HEAD" else request.verb
    if (
        given not in (verb, UNSPECIFIED_VERB)
        or ":" in name + (label or "")
        or not (version is None or (version.isascii() and version.isdecimal()))
    ):
        raise _malformed(request)
    return ModelSpec(
        name,
        version=None if version is None else _read_version(version),
        label=label,
        key=request.query.get("key", ""),
    )


def _read_version(text: str) -> int:
    """Return the number in digits, of which there may be thousands."""
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(_LARGEST_VERSION)) or int(digits) > _LARGEST_VERSION:
        raise invalid(f"Failed to convert version: {text} to numeric.")
    return int(digits)


def _choose(model: Model, signature: str, unknown: str) -> Function:
    chosen = choose(model, signature)
    if chosen is None:
        raise invalid(unknown.format(signature))
    return chosen[1]


def _refuse_nameless(request: Request) -> Reply:
    if request.verb in ("GET", "HEAD", UNSPECIFIED_VERB):
        raise invalid("Missing model name in request.")
    raise _malformed(request)


def _refuse_path(request: Request) -> Reply:
    raise _malformed(request)


def _malformed(request: Request) -> Refused:
    verb = "POST" if request.verb == UNSPECIFIED_VERB else request.verb
    return invalid(f"Malformed request: {verb} /{request.method}")


def _reply(body: bytes, model: Model, result: Mapping[str, Any]) -> Reply:
    return Reply(
        body,
        operations.JSON,
        result=result,
        model=model.name,
        version=model.version,
        provenance=model.provenance,
    )


def _to_fields(message: Message) -> Mapping[str, Any]:
    """Return a message as the original writes it: names of the fields, also of empty ones."""
    fields: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return fields


def _write_failure(_status: Status, text: str) -> bytes:
    return _write_json({"error": text})


def _write_json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, indent=1, ensure_ascii=False).encode() + b"\n"
