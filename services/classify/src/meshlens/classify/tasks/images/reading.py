"""How an image was read, where there was something to decide."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer

_MIRRORED = frozenset({2, 4, 5, 7})
_TURNED = frozenset({3, 5, 6, 7, 8})


class Reading(BaseModel):
    """What was done to an image, and what was assumed; the JSON has only what applies."""

    model_config = ConfigDict(frozen=True)

    orientation: int = Field(default=1, description="that EXIF states, and that was undone")
    frame: str = Field(default="", description="the first, of a file that has several")
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

    def describe(self) -> str:
        """Return all of it as one sentence, empty if there was nothing to decide."""
        parts = (
            "turned upright" if self.orientation in _TURNED else "",
            "mirrored back" if self.orientation in _MIRRORED else "",
            f"{self.frame} in the file" if self.frame else "",
            f"colors of {self.profile}" if self.profile else "",
            f"{self.resized} to the shape that the model takes" if self.resized else "",
            *self.notes,
            *(f"assumed: {what}" for what in self.assumed),
        )
        said = "; ".join(filter(None, parts))
        return f"The picture as it was read: {said}." if said else ""
