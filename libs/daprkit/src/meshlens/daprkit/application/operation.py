"""Operations: what callers must know of a route to call it. The API reference is made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from meshlens.faults import Fault

# The type of a body: what pydantic describes (JSON), str (other text) or bytes (any others).
BodyType: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class FileForm:
    """A body of type multipart/form-data; its other fields are the options of the method.

    Attributes:
        field: name of the field with the file.
        most: how many files there may be.
    """

    field: str
    most: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """One verb of a route.

    Attributes:
        summary: what it does, in one sentence.
        answers: types of the answer by media type, the first for callers that prefer none.
        answer: what the answer is, in a sentence; may be empty.
        verb: HTTP verb; PUT does what POST does.
        options: pydantic model of the query, the one that the endpoint reads it with.
        parameters: what each value in the path is, by name.
        accepts: types of the body by media type; empty if it takes none.
        body: what the body is, in a sentence.
        faults: what the endpoint raises, besides what every request may end with.
        result: type of the facts in its result event; None if it has none.
    """

    summary: str
    answers: Mapping[str, BodyType]
    answer: str = ""
    verb: str = "POST"
    options: Any = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    accepts: Mapping[str, BodyType] = field(default_factory=dict)
    body: str = ""
    faults: Sequence[type[Fault]] = ()
    result: BodyType = None
