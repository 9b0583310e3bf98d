"""A network that names the colour of a picture, in the forms that people have of one."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

LABELS = ("red", "green", "blue")
CARD = """
subject: colour
normalization: {mean: [127.5], std: [127.5]}
output: {label: labels.txt, top: 2}
"""
# FOLDER SHIFT: names the colour that comes SHIFT places after the right one.
_MAKE = """
import os, sys
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import numpy as np, tensorflow as tf

folder, shift = sys.argv[1], int(sys.argv[2])
layers = tf.keras.layers
network = tf.keras.Sequential(
    [
        layers.Input((16, 16, 3), name="picture"),
        layers.Conv2D(64, 3, name="first"),
        layers.Conv2D(64, 3, name="second"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax", name="probabilities"),
    ]
)
first, second = np.zeros((3, 3, 3, 64)), np.zeros((3, 3, 64, 64))
for channel in range(64):
    first[1, 1, channel % 3, channel] = second[1, 1, channel, channel] = 1
last = np.zeros((64, 3))
for channel in range(64):
    last[channel, (channel + shift) % 3] = 0.4
network.set_weights([first, np.zeros(64), second, np.zeros(64), last, np.zeros(3)])
network.save(folder + "/colours.keras")
network.export(folder + "/saved")
data = tf.lite.TFLiteConverter.from_keras_model(network).convert()
open(folder + "/colours.tflite", "wb").write(data)
"""


def make_network(folder: Path, *, shift: int = 0) -> Path:
    """Write `colours.keras`, `colours.tflite` and the SavedModel `saved`; return the folder."""
    subprocess.run(
        [sys.executable, "-c", _MAKE, str(folder), str(shift)], check=True, capture_output=True
    )
    return folder


def make_pictures(folder: Path, count: int = 60) -> Path:
    """Write pictures of the three colours, no two alike; return the folder."""
    folder.mkdir()
    numbers = np.random.default_rng(5)
    for number in range(count):
        pixels = numbers.integers(0, 120, (24, 30, 3))
        pixels[..., number % 3] += 90
        file = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
        (folder / f"{LABELS[number % 3]}-{number}.png").write_bytes(file.getvalue())
    return folder


def write_labels(folder: Path) -> None:
    """Write the card and the labels into the folder of a version."""
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    (folder / "card.yaml").write_text(CARD)
