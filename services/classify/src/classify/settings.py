"""What the environment says to this service."""

from daprkit.settings import ServerSettings
from pydantic import DirectoryPath, Field

from classify.image import MAX_PIXELS
from classify.models import shipped_models


class Settings(ServerSettings):
    """All that classify needs to know; each field is an environment variable."""

    app_id: str = Field(default="classify", description="Name in the mesh.")
    models: DirectoryPath = Field(
        default_factory=shipped_models,
        description="Folder with .tflite files, or with a folder for each model.",
    )
    default_model: str = Field(
        default="",
        description="Model for requests that name none; if empty, the one with the most labels.",
    )
    max_pixels: int = Field(
        default=MAX_PIXELS,
        gt=0,
        description="Largest picture that is decoded: width times height. A pixel takes up to"
        " 4 bytes for each worker.",
    )
