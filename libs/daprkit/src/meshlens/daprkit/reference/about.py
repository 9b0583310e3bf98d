"""What a reference is about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """The service that a reference is about.

    Attributes:
        app: its usual name in the mesh.
        title: a name for people.
        summary: what it does, in a sentence.
        distribution: whose version it has.
    """

    app: str
    title: str
    summary: str
    distribution: str
