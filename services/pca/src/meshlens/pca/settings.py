"""What the environment says to this service."""

from meshlens.daprkit.settings import ServerSettings
from pydantic import Field


class Settings(ServerSettings):
    """All that pca needs to know; each field is an environment variable."""

    app_id: str = Field(default="pca", description="Name in the mesh.")
