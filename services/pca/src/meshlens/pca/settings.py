"""The settings of this service, read from the environment."""

from typing import ClassVar

from pydantic import Field

from meshlens.daprkit.settings import ServerSettings


class Settings(ServerSettings):
    """Settings of pca; each field is an environment variable."""

    metrics_namespace: ClassVar[str] = "meshlens"
    event_type: ClassVar[str] = "meshlens.result.v1"
    distribution: ClassVar[str] = "meshlens-pca"

    app_id: str = Field(default="pca", description="Name in the mesh.")
