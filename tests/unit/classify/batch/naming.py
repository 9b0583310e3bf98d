"""What answers pictures in tests of the job: the text in a file is what it shows."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from meshlens.batch.job import Fields
from meshlens.classify.batch.answering import Refusal
from meshlens.classify.batch.job import PictureJob
from meshlens.classify.batch.places.folder import FolderPictures


class Naming:
    """Names each picture by its text; a text that begins with ! is refused.

    Args:
        most: pictures at a time.
        most_bytes: of several.
        before: called before each answer with how many pictures have been given so far.

    Attributes:
        groups: how many pictures each call had.
        seen: their texts.
    """

    def __init__(
        self,
        most: int = 1,
        most_bytes: int = 10**9,
        before: Callable[[int], None] | None = None,
    ) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.groups: list[int] = []
        self.seen: list[str] = []
        self._before = before
        self._lock = threading.Lock()

    def identify(self, options: Fields) -> Fields:
        """Return a model of no content."""
        return {"model": "naming", "version": "1", "task": "classify", "options": dict(options)}

    def answer(self, model: Fields, pictures: Sequence[bytes]) -> Sequence[Fields | Refusal]:
        """Return the text of each picture as its label."""
        del model
        if self._before:
            self._before(len(self.seen))
        texts = [picture.decode() for picture in pictures]
        with self._lock:
            self.groups.append(len(pictures))
            self.seen += texts
        return [_name(text) for text in texts]


def _name(text: str) -> Fields | Refusal:
    if text.startswith("!"):
        return Refusal("INVALID_IMAGE", f"expected a picture, got {text}")
    return {
        "labels": [{"index": 0, "label": text, "probability": 1.0}],
        "verdict": {"level": "very high", "sentence": f"It is very likely a {text}."},
    }


def options(folder: Path, **others: object) -> Fields:
    """Options of a job on a folder."""
    return {"place": FolderPictures(folder).identify(), **others}


def job(naming: Naming, every: float = 10.0) -> PictureJob:
    """The job that is answered by `naming`."""
    return PictureJob(FolderPictures.open, naming, every=every)
