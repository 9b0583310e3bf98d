"""Writes docs/api.md, the API reference, from the routes of the services.

Each service answers with the same as OpenAPI, by its method openapi.json.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from api_markdown import render

from meshlens.classify import service as classify
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.models import shipped_models
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.reference.document import build_document
from meshlens.daprkit.reference.schemas import Schema
from meshlens.pca import service as pca

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


def list_routes() -> Mapping[str, tuple[Route, ...]]:
    """Return the routes of each service by its name."""
    models = Repository(shipped_models(), partial(open_engine, workers=1))
    return {
        "pca": tuple(pca.Service(NoStore()).routes()),
        "classify": tuple(classify.Service(models, max_pixels=1).routes()),
    }


def build_documents() -> Mapping[str, Schema]:
    """Return the OpenAPI document of each service by its name."""
    routes = list_routes()
    return {
        "pca": build_document(pca.ABOUT, routes["pca"], pca.STATUS),
        "classify": build_document(classify.ABOUT, routes["classify"], classify.STATUS),
    }


def main() -> None:
    """Write the file."""
    TARGET.write_text(render(build_documents()), encoding="utf-8")


if __name__ == "__main__":
    main()
