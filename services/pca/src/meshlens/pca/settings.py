"""The settings of this service, read from the environment."""

from meshlens.daprkit.settings import ServerSettings
from pydantic import Field


class Settings(ServerSettings):
    """Settings of pca; each field is an environment variable."""

    app_id: str = Field(default="pca", description="Name in the mesh.")
