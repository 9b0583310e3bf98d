"""Converts a model: `python -m meshlens.classify.model_files.converter FOLDER`.

`conversion` starts it: TensorFlow takes half a gigabyte, writes to both outputs, and may end the
process. The folder has a `Request` as JSON; the model is written beside it, or why there is none.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from meshlens.classify.engines.engine import Tensor
from meshlens.classify.engines.tensorflow import import_tensorflow, open_saved_model
from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import Scores, decode_card
from meshlens.classify.formats.tflite import ModelFile
from meshlens.classify.formats.tflite_advice import Form
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.lens import OpenedModel, Payload
from meshlens.faults import Fault

REQUEST, MODEL, FAULT = "request.json", "model.tflite", "fault.json"
# How the names of Keras models end.
KERAS = frozenset({".keras", ".h5", ".hdf5"})
_SERVING_TAG = "serve"
_LONGEST_REASON = 600


@dataclass(frozen=True, slots=True)
class Request:
    """What to convert.

    Attributes:
        source: the folder of a SavedModel, or the file of a Keras model.
        form: what to make of it.
        card: its card, in YAML.
        pictures: files that it is calibrated with.
        max_pixels: largest picture that is decoded.
        labels: names of its classes, if they are known.
    """

    source: str
    form: str
    card: str
    pictures: Sequence[str]
    max_pixels: int
    labels: Sequence[str] = field(default=())

    def write(self, folder: Path) -> None:
        """Write it into the folder of a conversion."""
        (folder / REQUEST).write_text(json.dumps(asdict(self)), encoding="utf-8")


def main() -> int:
    """Convert; return 0, or 2 if that failed."""
    folder = Path(sys.argv[1])
    try:
        request = Request(**json.loads((folder / REQUEST).read_text(encoding="utf-8")))
        (folder / MODEL).write_bytes(_convert(request, folder))
    except Fault as fault:
        parts = {"expected": fault.expected, "got": fault.got, "remedy": fault.remedy}
        (folder / FAULT).write_text(json.dumps(parts), encoding="utf-8")
        return 2
    return 0


def _convert(request: Request, folder: Path) -> bytes:
    """Return the .tflite file.

    Raises:
        InvalidModel: the source cannot be loaded, classifies no pictures, or cannot be converted.
    """
    tf = import_tensorflow(1)
    source = _export_keras(tf, Path(request.source), folder)
    lens, signature = _open(source, request)
    tensors = [
        lens.encode(lens.see(Payload(Path(path).read_bytes(), request.max_pixels)).pixels)
        for path in request.pictures
    ]
    ((name, first),) = tensors[0].items()
    if first.dtype != np.float32:
        raise InvalidModel(
            "expected a source that takes float32",
            got=f"{name} of {first.dtype}",
            remedy="export it anew with floats as its input",
        )
    loaded = tf.saved_model.load(str(source), tags=[_SERVING_TAG])
    call, output = loaded.signatures[signature], lens.describe().output.name
    # Sizes that the model leaves open, a batch's among them, become those of one picture.
    one = tf.function(
        lambda picture: call(**{name: picture})[output],
        input_signature=[tf.TensorSpec(first.shape, first.dtype)],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [one.get_concrete_function()], loaded
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    _choose_form(tf, converter, Form(request.form), [each[name] for each in tensors])
    try:
        return bytes(converter.convert())
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InvalidModel(
            f"expected operations that have a form in {request.form}",
            got=f"{reason:.{_LONGEST_REASON}}",
            remedy="convert to float16, which every operation has"
            if request.form == Form.INT8
            else "export the source with operations that LiteRT has",
        ) from error


def _choose_form(tf: Any, converter: Any, form: Form, pictures: Sequence[Tensor]) -> None:  # noqa: ANN401 - TensorFlow ships no types
    match form:
        case Form.FLOAT16:
            converter.target_spec.supported_types = [tf.float16]
        case Form.INT8:
            converter.representative_dataset = lambda: ([picture] for picture in pictures)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _export_keras(tf: Any, source: Path, folder: Path) -> Path:  # noqa: ANN401 - as above
    """Return the folder of the SavedModel in `source`, or that is made of it."""
    if source.suffix.lower() not in KERAS:
        return source
    made = folder / "saved"
    try:
        tf.keras.models.load_model(source, compile=False).export(made)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InvalidModel(
            f"expected a Keras model in {source.name}",
            got=f"{reason:.{_LONGEST_REASON}}",
            remedy="export it where it was trained, model.export(FOLDER), and name that folder",
        ) from error
    return made


def _open(source: Path, request: Request) -> tuple[Classifier, str]:
    """Return the source as the service would show it pictures, and the name of its function."""
    engine = open_saved_model(source, workers=1)
    card = decode_card(request.card.encode())
    probabilities = card.output.type is Scores.PROBABILITIES
    file = ModelFile(tuple(request.labels), card.subject, card.normalization, probabilities)
    model = OpenedModel(source.name, engine, file, card)
    chosen = model.signature
    names = [name for name, each in engine.signatures.items() if each is chosen]
    return Classifier(model), names[0]


if __name__ == "__main__":
    sys.exit(main())
