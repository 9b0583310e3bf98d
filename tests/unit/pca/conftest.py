"""A service that keeps its fits in memory."""

import pytest
from unit.pca.calls import Shelf

from meshlens.pca.service import Service


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def service(shelf: Shelf) -> Service:
    return Service(shelf)
