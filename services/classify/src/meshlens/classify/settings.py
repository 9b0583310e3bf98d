"""The settings of this service, read from the environment."""

from typing import ClassVar

from pydantic import ByteSize, DirectoryPath, Field, field_validator

from meshlens.classify.engines.bounds import Bounds
from meshlens.classify.models import shipped_models
from meshlens.classify.serving.version_policy import VersionPolicy, parse_policy
from meshlens.classify.tasks.images.pixels import MAX_PIXELS
from meshlens.daprkit.settings import MIB, Bytes, ServerSettings


class Settings(ServerSettings):
    """Settings of classify; each field is an environment variable."""

    metrics_namespace: ClassVar[str] = "meshlens"
    event_type: ClassVar[str] = "meshlens.result.v1"

    app_id: str = Field(default="classify", description="Name in the mesh.")
    models: DirectoryPath = Field(
        default_factory=shipped_models,
        description="Folder of models and their cards, or of one folder per model.",
    )
    default_model: str = Field(
        default="",
        description="Model for requests that name none; if empty, the one with the most labels.",
    )
    max_pixels: int = Field(
        default=MAX_PIXELS,
        gt=0,
        description="Largest picture to decode: width times height. A pixel takes up to"
        " 4 bytes per worker.",
    )
    model_versions: str = Field(
        default="latest",
        description="Versions to load: latest, latest:2, all, or digits@1,digits@3.",
    )
    model_labels: str = Field(
        default="", description="Labels for versions: digits@stable=1,digits@canary=2."
    )
    model_budget: Bytes = Field(
        default=ByteSize(0),
        ge=0,
        description="Bytes for all loaded models; 0 for no limit. The least recently used model is"
        " evicted when another one needs room.",
    )
    call_memory: Bytes = Field(
        default=ByteSize(2048 * MIB),
        ge=0,
        description="Bytes that the calls of the models in one worker process may take together,"
        " beyond what loading takes; 0 for no limit.",
    )
    watch_seconds: float = Field(
        default=1.0,
        ge=0,
        description="Seconds between two checks of a version that appears in the folder while the"
        " service runs; 0 to check only at start.",
    )

    admin: bool = Field(
        default=False,
        description="Whether clients of TensorFlow Serving may choose which models are loaded"
        " (HandleReloadConfigRequest).",
    )
    private_origins: bool = Field(
        default=False,
        description="Whether source.uri of a card may be an https:// address of a private network"
        " or of this host.",
    )

    # One validator for each field, so that a mistake is reported under the name of its variable.
    @field_validator("model_versions")
    @classmethod
    def _names_versions(cls, versions: str) -> str:
        parse_policy(versions, labels="")
        return versions

    @field_validator("model_labels")
    @classmethod
    def _names_labels(cls, labels: str) -> str:
        parse_policy("latest", labels)
        return labels

    @property
    def bounds(self) -> Bounds:
        """What calls of models in worker processes may take."""
        # A number in JSON has a digit at least, and a comma.
        return Bounds(memory=self.call_memory, numbers=self.max_body // 2)

    @property
    def policy(self) -> VersionPolicy:
        """Which versions of the models to load."""
        return parse_policy(self.model_versions, self.model_labels)
