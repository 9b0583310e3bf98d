"""The pictures that a model is converted with, and others by which its answers are compared."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from meshlens.classify.batch.errors import UnreadablePicture
from meshlens.classify.batch.places.folder import FolderPictures
from meshlens.classify.errors import ImageTooLarge, InvalidImage
from meshlens.classify.model_files.errors import TooFewPictures
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.lens import Payload

LEAST = 30
# More change neither the ranges of tensors nor a share of 0.98 by much.
_MOST = 400
_SHARE, _MOST_CALIBRATION = 3, 100


@dataclass(frozen=True, slots=True)
class Sample:
    """Pictures of a folder; none of either kind has the bytes of another.

    Attributes:
        calibration: the files that a model is converted with.
        held_back: those by which answers are compared.
        unreadable: how many were left out because they cannot be read.
    """

    calibration: tuple[Path, ...]
    held_back: tuple[Path, ...]
    unreadable: int


def draw_sample(folder: Path, lens: Classifier, max_pixels: int) -> Sample:
    """Return pictures of a folder and the folders in it, the same ones for the same names.

    Args:
        folder: where they are.
        lens: has to see them.
        max_pixels: largest picture that is decoded.

    Raises:
        TooFewPictures: fewer than `LEAST` can be read and differ.
        NoPictures: the folder cannot be read.
    """
    place = FolderPictures(folder)
    listed = sorted(place.list(), key=lambda it: hashlib.sha256(os.fsencode(it.name)).digest())
    found: dict[bytes, Path] = {}
    unreadable = 0
    for picture in listed:
        if len(found) == _MOST:
            break
        try:
            data = place.read(picture)
            lens.see(Payload(data, max_pixels))
        except (UnreadablePicture, InvalidImage, ImageTooLarge):
            unreadable += 1
            continue
        found.setdefault(hashlib.sha256(data).digest(), folder / picture.name)
    if len(found) < LEAST:
        others = f", and {unreadable} that cannot be read" if unreadable else ""
        raise TooFewPictures(
            f"expected at least {LEAST} different pictures in {folder}: a third of them to convert"
            " with, the others to compare answers",
            got=f"{len(found)}{others}",
            remedy="add pictures such as the model will get",
            option="--pictures",
        )
    paths = [*found.values()]
    split = min(len(paths) // _SHARE, _MOST_CALIBRATION)
    return Sample(tuple(paths[:split]), tuple(paths[split:]), unreadable)
