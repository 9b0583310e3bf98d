"""The settings of this service, read from the environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from meshlens.daprkit.settings import ServerSettings
from meshlens.remote.addresses import find_flaw, is_remote


class Settings(ServerSettings):
    """Settings of jobs; each field is an environment variable."""

    metrics_namespace: ClassVar[str] = "meshlens"
    event_type: ClassVar[str] = "meshlens.result.v1"
    distribution: ClassVar[str] = "meshlens-jobs"

    app_id: str = Field(default="jobs", description="Name in the mesh.")
    jobs_folder: Path = Field(
        default=Path(".dapr/jobs"), description="Folder that keeps the jobs; all replicas share it."
    )
    job_inputs: str = Field(
        default="",
        pattern=r"^((/[^,]*|\*|dapr://binding/[^/,\s]+(/[^,]*)?|https?://[^,]+)"
        r"(,|$))*$",
        description="Folders that jobs may read, bindings as dapr://binding/photos/2026, and"
        " beginnings of addresses as https://data.example/tables, separated by commas; none by"
        " default, * for all folders.",
    )
    private_origins: bool = Field(
        default=False,
        description="Whether an address of the web that a job reads may lead to this host or a"
        " private network.",
    )
    job_kinds: str = Field(
        default="",
        pattern=r"^([\w.-]+=[\w.]+:\w+(,|$))*$",
        description="Further kinds of jobs, as name=module:class, separated by commas.",
    )
    job_processes: int = Field(
        default=2,
        ge=1,
        le=16,
        description="Processes that work on parts, the app among them. While there is one alone,"
        " its death blocks its sidecar until the watchdog ends that.",
    )
    job_block: int = Field(default=10, ge=1, le=50, description="Parts of a child workflow.")
    job_window: int = Field(
        default=3, ge=1, le=16, description="Child workflows outstanding at a time."
    )
    engine_timeout: float = Field(
        default=8.0,
        gt=0,
        description="Seconds the sidecar has for one operation of its workflow engine.",
    )
    watchdog_seconds: float = Field(
        default=10.0,
        ge=0,
        description="Seconds without a worker at the sidecar, though one runs, after which the"
        " sidecar is shut down, to be started again by whoever watches it; 0 for never.",
    )

    @field_validator("job_inputs")
    @classmethod
    def _names_addresses(cls, inputs: str) -> str:
        for begin in filter(is_remote, inputs.split(",")):
            flaw = find_flaw(f"{begin.rstrip('/')}/any")
            if flaw:
                raise ValueError(
                    f"addresses must begin as https://host or https://host/folder do; got {flaw}"
                )
        return inputs

    @property
    def activities(self) -> int:
        """Parts that each process works on at a time, so that all together fill the cores."""
        return max(1, -(-self.workers // self.job_processes))
