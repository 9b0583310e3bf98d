"""The methods of the protocol: what each path answers."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from meshlens.daprkit.application.status import Refused, Status
from meshlens.daprkit.messages import Reply, Request
from meshlens.protocols.inference.lookup import unknown
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.rest.answer import JSON, write_answer
from meshlens.protocols.inference.rest.body import HEADER, split_body
from meshlens.protocols.inference.rest.compression import compress, decompress
from meshlens.protocols.inference.rest.request import RestRequest, read_request
from meshlens.protocols.inference.rest.text.document import read_document
from meshlens.protocols.inference.rest.text.fields import find
from meshlens.protocols.inference.rest.views import show_config, show_statistics
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.inference.tensors import InferRequest
from meshlens.timing import Phase, noted


class Endpoints:
    """Answers requests with an inference server.

    Args:
        server: answers the calls of the protocol.
        max_body: bytes that a body may unpack to.
    """

    def __init__(self, server: InferenceServer, *, max_body: int) -> None:
        self._server = server
        self._max_body = max_body

    # Health and metadata

    def live(self, request: Request) -> Reply:  # noqa: ARG002 - an endpoint takes the request
        """Say that the server lives."""
        return _reply({"live": True})

    def ready(self, request: Request) -> Reply:  # noqa: ARG002 - as above
        """Say that the service can answer requests, or refuse if it cannot."""
        if not self._server.ready:
            raise Refused(Status.UNAVAILABLE, "the server is not ready")
        return _reply({"ready": True})

    def describe_server(self, request: Request) -> Reply:  # noqa: ARG002 - as above
        """Describe the server."""
        return _reply(self._server.metadata)

    def list_models(self, request: Request) -> Reply:  # noqa: ARG002 - as above
        """List the names of the models, loaded or not."""
        return _reply({"models": list(dict.fromkeys(it.name for it in self._server.index()))})

    def describe_model(self, request: Request) -> Reply:
        """Describe what a model takes and answers."""
        return _reply(self._server.describe(*_find_model(request)))

    def model_ready(self, request: Request) -> Reply:
        """Say that a version answers, or refuse if it does not or there is none."""
        name, version = _find_model(request)
        if self._server.is_ready(name, version):
            return _reply({"name": name, "ready": True})
        if version and not version.isdecimal():
            self._server.describe(name, version)  # which refuses a label that leads nowhere
        there = self._server.find(name)
        if version.isdecimal() and all(it.version != version for it in there):
            raise unknown(f"'{name}' version {version} is not found")
        which = f" version {version}" if version else ""
        raise Refused(
            Status.UNAVAILABLE, f"Request for unknown model: '{name}'{which} is not at ready state"
        )

    def configure(self, request: Request) -> Reply:
        """Show a model as Triton would configure it."""
        return _reply(show_config(self._server.describe(*_find_model(request))))

    def statistics(self, request: Request) -> Reply:
        """Show what the versions have computed since the start."""
        return _reply(show_statistics(self._server.statistics(*_find_model(request))))

    # Inference

    def infer(self, request: Request) -> Reply:
        """Compute the outputs of a model."""
        asked = self._read(request)
        answer = self._server.infer(asked.infer)
        body, media_type, headers = write_answer(answer, asked)
        body, encoding = compress(body, request.headers.get("accept-encoding", ""))
        if encoding != "identity":
            headers = {**headers, "content-encoding": encoding}
        return Reply(
            body,
            media_type,
            headers,
            answer.result,
            answer.model,
            answer.version,
            answer.provenance,
        )

    @noted(Phase.DECODE)
    def _read(self, request: Request) -> RestRequest:
        name, version = _find_model(request)
        body, header = self._unpack(request), request.headers.get(HEADER)
        text, behind = split_body(body, header)
        if header is not None and not text:
            # The version that computes says what is in it: another one may take something else.
            raw = InferRequest(name, version, raw=body)
            return RestRequest(raw, {}, all_binary=True)
        return read_request(text, behind, model=name, version=version)

    # The repository

    def index(self, request: Request) -> Reply:
        """List every version and its state."""
        fields = self._read_fields(request)
        return _reply(self._server.index(ready=find(fields, "ready", bool, default=False)))

    def load(self, request: Request) -> Reply:
        """Load the newest version of a model, and keep it loaded."""
        self._read_parameters(request)
        name = request.parameters["name"]
        self._server.load(name)
        return _reply({"name": name, "load": True})

    def unload(self, request: Request) -> Reply:
        """Unload every version of a model."""
        self._read_parameters(request)
        name = request.parameters["name"]
        self._server.unload(name)
        return _reply({"name": name, "unload": True})

    def _read_parameters(self, request: Request) -> None:
        """Refuse what would replace the files of a model: a SavedModel is a program."""
        parameters = find(self._read_fields(request), "parameters", dict, default={})
        for name in parameters:
            if name == "config" or name.startswith("file:"):
                raise invalid(
                    f"expected no parameter '{name[:40]}': models come from the service's own"
                    " folder; put the files there"
                )

    def _read_fields(self, request: Request) -> Mapping[str, Any]:
        """Return the JSON object of a body that may be empty."""
        body = self._unpack(request)
        if not body.strip():
            return {}
        document = read_document(body)
        document.finish()
        return document.root

    def _unpack(self, request: Request) -> bytes:
        encoding = request.headers.get("content-encoding", "")
        return decompress(request.body, encoding, limit=self._max_body)


def _find_model(request: Request) -> tuple[str, str]:
    return request.parameters.get("name", ""), request.parameters.get("version", "")


def _reply(answer: object) -> Reply:
    return Reply(to_json(answer), JSON)
