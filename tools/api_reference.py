"""Writes the API reference from the routes and the topics of the services.

docs/api.md has what each service answers as OpenAPI, by its method openapi.json. What it answers as
AsyncAPI, by asyncapi.json, is docs/asyncapi/<service>.json, without the version.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from api_markdown import render

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.models import shipped_models
from meshlens.classify.service import Service as Classify
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.messages import Request
from meshlens.daprkit.reference import PATH, TOPICS_PATH
from meshlens.daprkit.reference.schemas import Schema
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.archive import Archive
from meshlens.jobs.control import Control
from meshlens.jobs.engine.calls import Engine
from meshlens.jobs.kinds import Kinds
from meshlens.jobs.service import Service as Jobs
from meshlens.jobs.settings import Settings as JobSettings
from meshlens.pca.service import Service as Pca

DOCS = Path(__file__).resolve().parent.parent / "docs"
TARGET = DOCS / "api.md"
TOPICS = DOCS / "asyncapi"


class NoStore:
    """A store in which nothing is kept: routes are listed, none is called."""

    def put(self, data: bytes) -> str:
        """Keep nothing."""
        raise NotImplementedError(len(data))

    def get(self, name: str) -> bytes | None:  # noqa: ARG002 - the protocol's parameter
        """Return nothing."""
        return None

    def has(self, name: str) -> bool:  # noqa: ARG002 - as above
        """Say no."""
        return False

    def delete(self, name: str) -> None:
        """Forget nothing."""

    def names(self) -> Sequence[str]:
        """Return none."""
        return ()


def make_jobs() -> Jobs:
    """Return the service jobs, without an engine or a job."""
    settings = JobSettings()
    engine = Engine(Sidecar(settings), seconds=settings.engine_timeout)
    archive = Archive(settings.jobs_folder)
    return Jobs(
        Control(Kinds.of(""), archive, engine, block=settings.job_block, window=settings.job_window)
    )


def build_documents(path: str = PATH) -> Mapping[str, Schema]:
    """Return a document of each service by its name, as the service answers it."""
    models = Repository(shipped_models(), partial(open_engine, workers=1))
    services: Mapping[str, Pca | Classify | Jobs] = {
        "pca": Pca(NoStore()),
        "classify": Classify(models, max_pixels=1),
        "jobs": make_jobs(),
    }
    request = Request(method=path, verb="GET", query={}, content_type="", body=b"", headers={})
    documents = {}
    for name, service in services.items():
        (route,) = (each for each in service.routes() if each.path == path)
        documents[name] = json.loads(route.endpoint(request).body)
    return documents


def encode_topics() -> Mapping[str, str]:
    """Return the AsyncAPI document of each service by its name, as it stands in docs/."""
    documents = build_documents(TOPICS_PATH)
    for document in documents.values():
        document["info"]["version"] = "as released"  # which the service knows
    return {
        name: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for name, document in documents.items()
    }


def main() -> None:
    """Write the files."""
    TARGET.write_text(render(build_documents()), encoding="utf-8")
    TOPICS.mkdir(exist_ok=True)
    for name, text in encode_topics().items():
        (TOPICS / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
