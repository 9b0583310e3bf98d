"""What the environment says to this service."""

from typing import Self

from meshlens.classify.models import shipped_models
from meshlens.classify.serving.version_policy import VersionPolicy, parse_policy
from meshlens.classify.tasks.pixels import MAX_PIXELS
from meshlens.daprkit.settings import Bytes, ServerSettings
from pydantic import ByteSize, DirectoryPath, Field, model_validator


class Settings(ServerSettings):
    """All that classify needs to know; each field is an environment variable."""

    app_id: str = Field(default="classify", description="Name in the mesh.")
    models: DirectoryPath = Field(
        default_factory=shipped_models,
        description="Folder with models and their cards, or with a folder for each model.",
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
    model_versions: str = Field(
        default="latest",
        description="Versions to load: latest, latest:2, all, or digits@1,digits@3.",
    )
    model_labels: str = Field(
        default="", description="Further names of versions: digits@stable=1,digits@canary=2."
    )
    model_budget: Bytes = Field(
        default=ByteSize(0),
        ge=0,
        description="Bytes of all loaded models; 0 for no limit. The model that was not used for"
        " longest is unloaded for another one.",
    )
    watch_seconds: float = Field(
        default=1.0,
        ge=0,
        description="Seconds between two looks at a version that comes into the folder while the"
        " service runs; 0 to look at start only.",
    )

    @model_validator(mode="after")
    def _knows_its_versions(self) -> Self:
        parse_policy(self.model_versions, self.model_labels)
        return self

    @property
    def policy(self) -> VersionPolicy:
        """Which versions of the models to load."""
        return parse_policy(self.model_versions, self.model_labels)
