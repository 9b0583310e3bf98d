"""What a reference is about."""

from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True, slots=True)
class Announcement:
    """Events of a service about itself, as its reference describes them.

    Attributes:
        name: of the message.
        topic: that they are published to.
        event_type: their CloudEvents type.
        data: the pydantic model of their data.
        summary: what they say, in a sentence.
        setting: which names another topic.
    """

    name: str
    topic: str
    event_type: str
    data: Any
    summary: str
    setting: str
