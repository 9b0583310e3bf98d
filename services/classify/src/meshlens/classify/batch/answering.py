"""What answers the pictures of a job: a model in this process, or a service."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from meshlens.batch.job import Fields
from meshlens.classify.formats.card import Task
from meshlens.classify.tasks.options import ModelOptions, parse_options
from meshlens.classify.tasks.table import TASKS
from meshlens.faults import Fault

# Of the message about one picture, in bytes: shorter than those that services cut.
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one picture has no answer.

    Attributes:
        reason: in one word for programs, such as INVALID_IMAGE.
        message: for people.
    """

    reason: str
    message: str

    @classmethod
    def of(cls, fault: Fault) -> "Refusal":
        """Return what a fault says of one picture."""
        return cls(fault.reason, str(fault))

    def to_fields(self) -> Fields:
        """Return it as JSON values; a long message is cut."""
        encoded = self.message.encode(errors="replace")
        if len(encoded) > _LONGEST:
            encoded = encoded[: _LONGEST - 3].decode(errors="ignore").encode() + b"..."
        return {"reason": self.reason, "message": encoded.decode()}


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """All that the answers of a job depend on; equal ones make one job, wherever a model runs.

    Attributes:
        model: its name.
        version: its number.
        sha256: of its file.
        content: another one if its file, its card or its labels have changed.
        task: classify or detect.
        options: those of its task, with defaults.
        max_pixels: of the largest picture that is decoded.
    """

    model: str
    version: str
    sha256: str
    content: str
    task: Task
    options: ModelOptions
    max_pixels: int

    @classmethod
    def of(cls, page: Fields, given: Fields) -> "ModelIdentity":
        """Return the identity of a model with options.

        Args:
            page: what `models/<name>` says of it.
            given: options of its task, such as top_k.

        Raises:
            InvalidOption: its task has no such option.
        """
        task = Task(page["task"])
        options = parse_options(TASKS[task].options, given)
        return cls(
            model=page["model"],
            version=page["version"],
            sha256=page["sha256"],
            content=page["content"],
            task=task,
            options=options,
            max_pixels=page["max_pixels"],
        )

    def to_fields(self) -> Fields:
        """Return it as JSON values."""
        options = self.options.model_dump(mode="json", exclude={"model"})
        return {**asdict(self), "options": options}


class Answering(Protocol):
    """Answers pictures by one model; the same one gives the same answers wherever it runs.

    Attributes:
        most: pictures at a time.
        most_bytes: of the pictures at a time, if there are several.
    """

    most: int
    most_bytes: int

    def identify(self, options: Fields) -> Fields:
        """Return the model, its version, the digest of its content, its task, all options in full.

        Args:
            options: those of its task, such as top_k.

        Raises:
            Fault: an option is wrong, or there is no model for pictures of that name.
        """

    def answer(self, model: Fields, pictures: Sequence[bytes]) -> Sequence[Fields | Refusal]:
        """Return the fields of the answer to each picture, or why it has none.

        Args:
            model: what `identify` has said.
            pictures: bytes of files.

        Raises:
            InputChanged: the model is no longer the one that was identified.
            PartFailed: it does not answer.
        """
