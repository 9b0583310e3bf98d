"""The classifier of a model, for tests that look at it after its lease."""

from meshlens.classify.serving.repository import Repository
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.classification.classifier import Classifier


def lease_classifier(
    repository: Repository, name: str = "", version: str = ""
) -> tuple[Source, Classifier]:
    with repository.lease(name, version) as servable:
        assert isinstance(servable.lens, Classifier)
        return servable.source, servable.lens
