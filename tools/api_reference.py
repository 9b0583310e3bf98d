"""Writes docs/api.md, the API reference, from the routes of the services.

Each service answers with the same as OpenAPI, by its method openapi.json.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from api_markdown import render

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.models import shipped_models
from meshlens.classify.service import Service as Classify
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.messages import Request
from meshlens.daprkit.reference import PATH
from meshlens.daprkit.reference.schemas import Schema
from meshlens.pca.service import Service as Pca

TARGET = Path(__file__).resolve().parent.parent / "docs" / "api.md"


class NoStore:
    """A store in which nothing is kept: routes are listed, none is called."""

    def put(self, data: bytes) -> str:
        """Keep nothing."""
        raise NotImplementedError(len(data))

    def get(self, name: str) -> bytes | None:  # noqa: ARG002 - the protocol's parameter
        """Return nothing."""
        return None

    def delete(self, name: str) -> None:
        """Forget nothing."""


def build_documents() -> Mapping[str, Schema]:
    """Return the OpenAPI document of each service by its name, as the service answers it."""
    models = Repository(shipped_models(), partial(open_engine, workers=1))
    services: Mapping[str, Pca | Classify] = {
        "pca": Pca(NoStore()),
        "classify": Classify(models, max_pixels=1),
    }
    request = Request(method=PATH, verb="GET", query={}, content_type="", body=b"", headers={})
    documents = {}
    for name, service in services.items():
        (route,) = (each for each in service.routes() if each.path == PATH)
        documents[name] = json.loads(route.endpoint(request).body)
    return documents


def main() -> None:
    """Write the file."""
    TARGET.write_text(render(build_documents()), encoding="utf-8")


if __name__ == "__main__":
    main()
