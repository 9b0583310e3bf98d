"""Pictures to convert with and pictures to compare by are different ones, and always the same."""

from pathlib import Path

import numpy as np
import pytest
from unit.classify.fake_engine import FakeEngine
from unit.classify.model_files.networks import make_pictures
from unit.classify.pictures import LIMIT

from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.model_files.errors import TooFewPictures
from meshlens.classify.model_files.sampling import LEAST, draw_sample
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.lens import OpenedModel


@pytest.fixture
def lens() -> Classifier:
    engine = FakeEngine(np.array([[0.25, 0.75]], np.float32), input_shape=(1, 8, 8, 3))
    return Classifier(OpenedModel("m", engine, ModelFile((), "", None, probabilities=True)))


def test_a_third_is_to_convert_with_and_none_of_it_to_compare(
    tmp_path: Path, lens: Classifier
) -> None:
    folder = make_pictures(tmp_path / "pictures", 36)
    for copy in ("a copy.png", "z copy.png"):
        (folder / copy).write_bytes((folder / "red-0.png").read_bytes())
    (folder / "torn.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("of something else")
    sample = draw_sample(folder, lens, LIMIT)
    assert (len(sample.calibration), len(sample.held_back), sample.unreadable) == (12, 24, 1)
    contents = {path.read_bytes() for path in (*sample.calibration, *sample.held_back)}
    assert len(contents) == 36
    assert draw_sample(folder, lens, LIMIT) == sample


def test_too_few_pictures_are_refused(tmp_path: Path, lens: Classifier) -> None:
    folder = make_pictures(tmp_path / "pictures", LEAST - 1)
    (folder / "torn.jpg").write_bytes(b"")
    (folder / "copy.png").write_bytes((folder / "red-0.png").read_bytes())
    with pytest.raises(TooFewPictures) as caught:
        draw_sample(folder, lens, LIMIT)
    assert caught.value.got == f"{LEAST - 1}, and 1 that cannot be read"
    assert caught.value.remedy == "add pictures such as the model will get"
    assert caught.value.option == "--pictures"
