"""Trains the digit classifier that ships; every run on one machine gives the same bytes.

    UV_PROJECT_ENVIRONMENT=/tmp/train uv run --frozen --group train \
        python services/classify/train/train_digits.py

The pictures are scikit-learn's bundled digits (8 x 8, gray, white on black), enlarged, and shown
to the model as the service shows them: through `meshlens.classify.tasks.images.pixels`. Every
fifth is held out.
"""  # noqa: INP001 - a script, not a package

import io
import os
import sys
from pathlib import Path

# A fixed order of operations gives the same sums, hence the same weights, on every run.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import numpy as np
import tensorflow as tf
from model_packing import pack_model
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.classify.tasks.images.pixels import Frame, decode_image

SERVICE = Path(__file__).resolve().parent.parent
SEED = 20
FRAME = Frame(width=32, height=32, channels=1)
PICTURE_SIDE = 128
HELD_OUT_EVERY = 5
COPIES = 12
EPOCHS = 10
BATCH = 64
LEAST_ACCURACY = 0.97


def main() -> None:
    """Train, check, and write the model and its samples into the package."""
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    digits = load_digits()
    held_out = np.arange(len(digits.target)) % HELD_OUT_EVERY == 0
    pictures = [enlarge(image) for image in digits.images]
    kept = [picture for picture, out in zip(pictures, held_out, strict=True) if not out]
    model = train(kept, digits.target[~held_out])
    tests = [picture for picture, out in zip(pictures, held_out, strict=True) if out]
    accuracy = measure(model, tests, digits.target[held_out])
    sys.stdout.write(f"accuracy on {len(tests)} held-out pictures: {accuracy:.4f}\n")
    if accuracy < LEAST_ACCURACY:
        sys.exit(f"expected an accuracy of at least {LEAST_ACCURACY}; nothing was written")
    write_model(SERVICE / "src/meshlens/classify/models/digits/1/digits.tflite", export(model))
    write_samples(SERVICE / "samples", tests, digits.target[held_out])


def enlarge(image: NDArray[np.float64]) -> Image.Image:
    """Return one of scikit-learn's digits, (8, 8) from 0 to 16, as an enlarged picture."""
    small = Image.fromarray((image * 255 / 16).round().astype(np.uint8))
    return small.resize((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.BICUBIC)


def vary(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return `picture` rotated, scaled, shifted, paler, and half of the time dark on light."""
    centre = PICTURE_SIDE / 2
    angle = np.radians(rng.uniform(-12, 12))
    zoom, shear = rng.uniform(0.85, 1.2), rng.uniform(-0.15, 0.15)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1.0, shear], [0.0, 1.0]]) * zoom
    move = centre - linear @ np.full(2, centre) + rng.uniform(-8, 8, size=2)
    matrix = np.column_stack([linear, move]).ravel().tolist()
    moved = picture.transform(
        picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    ink = np.asarray(moved, dtype=np.float64) / 255
    back, front = rng.uniform(0, 60), rng.uniform(150, 255)
    shades = back + ink * (front - back)
    if rng.integers(2):
        shades = 255 - shades
    return Image.fromarray(shades.round().astype(np.uint8))


def see(picture: Image.Image) -> NDArray[np.float32]:
    """Return `picture` as the service feeds it to the model, (32, 32, 1)."""
    file = io.BytesIO()
    picture.save(file, "BMP")
    pixels = decode_image(file.getvalue(), FRAME, max_pixels=PICTURE_SIDE**2).pixels
    return ((pixels - 127.5) / 127.5).astype(np.float32)


def train(pictures: list[Image.Image], targets: NDArray[np.int64]) -> tf.keras.Model:
    """Return a small convolutional network trained on variations of `pictures`."""
    rng = np.random.default_rng(SEED)
    inputs = np.stack([see(vary(picture, rng)) for _ in range(COPIES) for picture in pictures])
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((FRAME.height, FRAME.width, FRAME.channels), name="picture"),
            layers.Conv2D(12, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(24, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3, seed=SEED),
            layers.Dense(10, activation="softmax", name="probabilities"),
        ]
    )
    steps = EPOCHS * -(-len(inputs) // BATCH)
    model.compile(
        optimizer=tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(inputs, np.tile(targets, COPIES), epochs=EPOCHS, batch_size=BATCH, verbose=2)
    return model


def measure(
    model: tf.keras.Model, pictures: list[Image.Image], targets: NDArray[np.int64]
) -> float:
    """Return the share of `pictures` that `model` classifies correctly."""
    outputs = model.predict(np.stack([see(picture) for picture in pictures]), verbose=0)
    return float((outputs.argmax(axis=1) == targets).mean())


def export(model: tf.keras.Model) -> bytes:
    """Return `model` as a .tflite file with its metadata, labels and subject."""
    # A frozen function, since a SavedModel would leave the name of its folder in the file.
    function = tf.function(lambda picture: model(picture, training=False))
    picture = tf.TensorSpec((1, FRAME.height, FRAME.width, FRAME.channels), name="picture")
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(picture))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    return pack_model(
        converter.convert(),
        name="digits",
        description="Handwritten digits, trained on the test set of UCI's optical recognition of"
        " handwritten digits (scikit-learn's bundled digits).",
        normalization=Normalization(mean=(127.5,), std=(127.5,)),
        labels=[str(digit) for digit in range(10)],
        subject="digit",
    )


def write_model(path: Path, data: bytes) -> None:
    """Write the model file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sys.stdout.write(f"{path}: {len(data)} bytes\n")


def write_samples(folder: Path, pictures: list[Image.Image], targets: NDArray[np.int64]) -> None:
    """Write the first held-out picture of each digit."""
    folder.mkdir(parents=True, exist_ok=True)
    for digit in range(10):
        pictures[int(np.argmax(targets == digit))].save(
            folder / f"digit-{digit}.png", optimize=True
        )


if __name__ == "__main__":
    main()
