"""How an image was read, where there was something to decide."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer


class Reading(BaseModel):
    """What was done to an image, and what was assumed; the JSON has only what applies."""

    model_config = ConfigDict(frozen=True)

    orientation: int = Field(default=1, description="that EXIF states, and that was undone")
    profile: str = Field(default="", description="the color profile that was converted to sRGB")
    resized: str = Field(
        default="", description="stretched, cropped or letterboxed, for a model of another aspect"
    )
    notes: tuple[str, ...] = Field(default=(), description="what else is not as it was sent")
    assumed: tuple[str, ...] = Field(
        default=(), description="what neither the model nor its card says; a card can say it"
    )

    @model_serializer
    def _told(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self
            if value != type(self).model_fields[name].default
        }
