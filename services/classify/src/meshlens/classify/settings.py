"""The settings of this service, read from the environment."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import ByteSize, DirectoryPath, Field, FilePath, field_validator, model_validator

from meshlens.classify.engines.bounds import Bounds
from meshlens.classify.models import shipped_models
from meshlens.classify.serving.version_policy import VersionPolicy, parse_policy
from meshlens.classify.shadows.shadows import LONGEST_RUN
from meshlens.classify.storage.places import Places, split_sources
from meshlens.classify.storage.signatures import SignatureMode, Signatures
from meshlens.classify.tasks.images.pixels import MAX_PIXELS
from meshlens.daprkit.settings import MIB, Bytes, ServerSettings


class Settings(ServerSettings):
    """Settings of classify; each field is an environment variable."""

    metrics_namespace: ClassVar[str] = "meshlens"
    event_type: ClassVar[str] = "meshlens.result.v1"
    distribution: ClassVar[str] = "meshlens-classify"

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
    model_rollouts: bool = Field(
        default=False,
        description="Whether calls may set rollouts (traffic splits and labels), which are kept in"
        " the state store; a replica is ready once it has read them.",
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
    shadow_timeout: float = Field(
        default=LONGEST_RUN,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that the shadow of a model may take for an input; then its process is"
        " ended.",
    )
    rollout_topic: str = Field(
        default="rollouts",
        min_length=1,
        description="Topic for events about changes of rollouts, in the component PUBSUB; none are"
        " published with EVENTS=off.",
    )
    agreement_topic: str = Field(
        default="agreement",
        min_length=1,
        description="Topic for events about shadows, in the component PUBSUB; none are published"
        " with EVENTS=off.",
    )
    answer_cache: Bytes = Field(
        default=ByteSize(0),
        ge=0,
        description="Bytes of answers to keep in memory for requests that come again; 0 for none.",
    )
    answer_cache_seconds: float = Field(
        default=300.0,
        gt=0,
        le=30 * 24 * 3600,
        description="Seconds that an answer is kept.",
    )
    answer_cache_store: bool = Field(
        default=False,
        description="Whether answers are kept in the state store, too, where all replicas find"
        " them.",
    )
    watch_seconds: float = Field(
        default=1.0,
        ge=0,
        description="Seconds between two checks of a version that appears in the folder while the"
        " service runs; 0 to check only at start.",
    )

    model_sources: str = Field(
        default="*",
        description="Where models may come from besides MODELS, separated by commas: beginnings of"
        " addresses (https://host/folder, dapr://binding/name), folders that links may lead to"
        " (/srv/models), * for all addresses; none for none.",
    )
    private_origins: bool = Field(
        default=False,
        description="Whether source.uri of a card may be an https:// address of a private network"
        " or of this host.",
    )

    model_signatures: SignatureMode = Field(
        default=SignatureMode.OFF,
        description="Whether models need a signature of OpenSSF Model Signing: off, warn (they are"
        " served without, and it is said) or enforce.",
    )
    model_signatures_key: FilePath | None = Field(
        default=None,
        description="PEM file of the public keys, or certificates, of those who sign models.",
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

    @field_validator("model_signatures_key")
    @classmethod
    def _holds_keys(cls, path: Path | None) -> Path | None:
        if path:
            Signatures(SignatureMode.ENFORCE, path.read_bytes())
        return path

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if self.model_signatures is not SignatureMode.OFF and not self.model_signatures_key:
            raise ValueError("MODEL_SIGNATURES: expected MODEL_SIGNATURES_KEY, too")
        return self

    @model_validator(mode="after")
    def _keeps_what_it_shares(self) -> Self:
        if self.answer_cache_store and not self.answer_cache:
            raise ValueError("ANSWER_CACHE_STORE: expected ANSWER_CACHE, too")
        return self

    @property
    def signatures(self) -> Signatures:
        """What verifies models as they are loaded."""
        path = self.model_signatures_key
        return Signatures(self.model_signatures, path.read_bytes() if path else b"")

    @field_validator("model_sources")
    @classmethod
    def _names_sources(cls, sources: str) -> str:
        split_sources(sources)
        return sources

    @property
    def places(self) -> Places:
        """Where models may come from."""
        return Places.of(self.model_sources, self.models)

    @property
    def bounds(self) -> Bounds:
        """What calls of models in worker processes may take."""
        # A number in JSON has a digit at least, and a comma.
        return Bounds(memory=self.call_memory, numbers=self.max_body // 2)

    @property
    def policy(self) -> VersionPolicy:
        """Which versions of the models to load."""
        return parse_policy(self.model_versions, self.model_labels)
