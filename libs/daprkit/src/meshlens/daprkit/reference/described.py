"""What bodies look like, for the API reference alone."""

from pydantic import BaseModel, ConfigDict


class Described(BaseModel):
    """A body that nothing makes or reads by its type; pydantic looks at it when a reference does.

    A start has dozens of them, and most services are never asked for their reference.
    """

    model_config = ConfigDict(defer_build=True)
